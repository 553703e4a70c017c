"""The forecast of a job's end: its band holds what it promises, on fleets of many tempers."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from functools import cache

import pytest

from hydra.policy.forecasting import forecast

STEP_S = 0.5
HISTORY_PLACES = 256
TEMPERS = ("calm", "noisy", "owners", "churn")
ASKED_AT = (0.1, 0.25, 0.5, 0.75, 0.9)

Points = list[tuple[float, float]]


def speeds(rng: random.Random, temper: str) -> Iterator[float]:
    """A fleet's speed every STEP_S: up to 27 to 1, with noise that lasts, owners, or churn."""
    own = [math.exp(rng.uniform(0, math.log(27))) for _ in range(rng.choice([2, 4, 8, 16]))]
    noise = [rng.gauss(0, 1) for _ in own]
    away = [False for _ in own]
    keep = math.exp(-STEP_S / rng.choice([5, 15, 40]))
    depth = {"calm": 0.05, "noisy": 0.3}.get(temper, 0.15)
    leaves_s, comes_s, slowed = {"owners": (70, 30, 0.4), "churn": (120, 40, 0.0)}.get(
        temper, (math.inf, 1, 1.0)
    )
    while True:
        for i in range(len(own)):
            noise[i] = keep * noise[i] + math.sqrt(1 - keep**2) * rng.gauss(0, 1)
            away[i] ^= rng.random() < STEP_S / (comes_s if away[i] else leaves_s)
        yield sum(
            speed * math.exp(depth * level) * (slowed if gone else 1)
            for speed, level, gone in zip(own, noise, away)
        )


def run(seed: int, temper: str, ideal_s: float) -> Iterator[bool]:
    """One job: for each forecast on its way, whether its band met the truth."""
    rng = random.Random(f"{seed} {temper} {ideal_s}")
    fleet = speeds(rng, temper)
    rate = next(fleet)
    total, at_s, done = rate * ideal_s, 0.0, 0.0
    points: Points = [(0.0, 0.0)]
    asked: list[tuple[float, Points, float]] = []
    for speed in fleet:
        at_s, done = at_s + STEP_S, done + speed * STEP_S
        rate += (1 - math.exp(-STEP_S / 3)) * (speed - rate)
        if done >= total:
            break
        if int(done / total * HISTORY_PLACES) > int(points[-1][1] / total * HISTORY_PLACES):
            points.append((at_s, done))
        if len(asked) < len(ASKED_AT) and done >= ASKED_AT[len(asked)] * total:
            asked.append((at_s, [*points, (at_s, done)], rate))
    for then_s, way, then_rate in asked:
        band = forecast(way, total - way[-1][1], then_rate)
        assert band is not None
        yield band.p10_s <= at_s - then_s <= band.p90_s


@cache
def met(temper: str) -> float:
    """The share of forecasts whose band met the truth, over many jobs."""
    told = [
        right
        for seed in range(25)
        for ideal_s in (20, 120, 400)
        for right in run(seed, temper, ideal_s)
    ]
    return sum(told) / len(told)


@pytest.mark.parametrize(
    ("temper", "least", "most"),
    [("calm", 0.9, 1), ("noisy", 0.75, 0.95), ("owners", 0.7, 0.9), ("churn", 0.65, 0.85)],
)
def test_the_band_meets_the_truth_about_four_times_out_of_five(
    temper: str, least: float, most: float
) -> None:
    assert least <= met(temper) <= most


def test_over_all_fleets_the_band_is_one_of_eighty_percent() -> None:
    assert 0.75 <= sum(map(met, TEMPERS)) / len(TEMPERS) <= 0.88


def way(rate: float, seconds: int, start_s: float = 0.0) -> Points:
    return [(start_s + s, rate * s) for s in range(seconds + 1)]


def test_two_points_are_enough() -> None:
    band = forecast([(1.0, 0.0), (101.0, 50.0)], 50, 0.0)
    assert band is not None
    assert band.p50_s == 100


def test_nothing_known_is_no_forecast() -> None:
    assert forecast([], 100, 0.0) is None
    assert forecast([(5.0, 3.0)], 100, 0.0) is None, "one hand-in says nothing about a rate"
    assert forecast([(5.0, 3.0), (9.0, 3.0)], 100, 0.0) is None, "nothing came since"
    assert forecast(way(1, 10), 0, 1.0) is None, "nothing is left"


def test_the_fleets_rate_alone_gives_a_wide_band() -> None:
    band = forecast([], 600, 2.0)
    assert band is not None
    assert band.p50_s == 300
    assert band.p90_s / band.p50_s == pytest.approx(band.p50_s / band.p10_s)
    assert 1.3 < band.p90_s / band.p50_s < 2


def test_the_band_narrows_as_a_steady_job_goes_on() -> None:
    bands = [forecast(way(2, seconds), 2 * (600 - seconds), 2.0) for seconds in (20, 60, 300)]
    widths = [(band.p90_s - band.p10_s) / band.p50_s for band in bands if band]
    assert widths == sorted(widths, reverse=True)
    assert [round(band.p50_s) for band in bands if band] == [580, 540, 300]
    assert widths[-1] < 0.2


def test_the_latter_half_decides() -> None:
    """A fleet that has doubled is soon taken for what it is."""
    slow, fast = way(1, 100), [(100 + s, 100 + 2.0 * s) for s in range(1, 101)]
    band = forecast(slow + fast, 200, 2.0)
    assert band is not None
    assert band.p50_s == pytest.approx(100)


def test_when_all_workers_leave_the_time_grows() -> None:
    points = way(1, 100)
    bands = [forecast([*points, (100.0 + idle, 100.0)], 100, 0.0) for idle in (0, 30, 90)]
    middles = [band.p50_s for band in bands if band]
    assert middles[0] < middles[1] < middles[2]
    wide = [band.p90_s / band.p10_s for band in bands if band]
    assert wide[0] < wide[1]
    assert forecast([*points, (300.0, 100.0)], 100, 0.0) is None, "nothing came lately"


def test_the_unit_of_cost_does_not_matter() -> None:
    plain = forecast(way(3, 50), 90, 3.0)
    assert plain is not None
    scaled = forecast([(s, 1e9 * cost) for s, cost in way(3, 50)], 90e9, 3e9)
    assert scaled is not None
    assert scaled.p10_s == pytest.approx(plain.p10_s)
    assert scaled.p90_s == pytest.approx(plain.p90_s)
