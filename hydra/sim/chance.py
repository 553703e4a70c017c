"""What happens to machines: noise, owners, losses, nights; each drawn from a stream of its own.

The streams are Hydra's addressed ones, so a seed gives the same fleet on every machine.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from hydra.kernels.streams import exp, log, normals, uniforms
from hydra.sim.curve import Curve
from hydra.sim.scenarios import Scenario

Times = list[tuple[float, float]]
"""Intervals [from, to) in seconds, in order."""

NOISE_MEMORY = 0.8
"""Share of a second's deviation that is left a second later."""

NOISE, OWNER, LOSSES, ARRIVAL, NIGHT, KINDS = range(6)


@dataclass(frozen=True, slots=True)
class Life:
    """What happens to a machine in one run."""

    curve: Curve
    away: Times
    """When it is switched off; what it held then is lost."""


def life_of(scenario: Scenario, worker: int, units_s: float, horizon_s: float, seed: int) -> Life:
    """The life of the worker whose plain speed is `units_s`."""
    unit = worker * KINDS
    busy = list(_owner(scenario, seed, unit + OWNER, horizon_s)) if scenario.owner_s else []
    away = _away(scenario, seed, unit, horizon_s)
    times = {0.0} | {t for span in busy + away for t in span}
    noise = [1.0]
    if scenario.noise:
        noise = _noise(scenario.noise, seed, unit + NOISE, int(horizon_s) + 1)
        times.update(map(float, range(len(noise))))
    order = sorted(times)
    left = scenario.owner_leaves
    speeds = [
        0.0
        if _inside(away, t)
        else units_s * noise[min(int(t), len(noise) - 1)] * (left if _inside(busy, t) else 1.0)
        for t in order
    ]
    return Life(Curve(order, speeds), away)


def draws(seed: int, unit: int) -> Iterator[float]:
    """Uniform numbers of [0, 1), without end."""
    count = 16
    taken = 0
    while True:
        block = uniforms(seed, unit, count)
        yield from map(float, block[taken:])
        taken, count = count, 2 * count


def _away(scenario: Scenario, seed: int, unit: int, horizon_s: float) -> Times:
    """When the machine is switched off: before it arrives, at night, and after each loss."""
    away: Times = []
    if scenario.arrive_s:
        late_s = scenario.arrive_s * next(draws(seed, unit + ARRIVAL))
        away.append((0.0, late_s))
    if scenario.night_s:
        u = draws(seed, unit + NIGHT)
        begins_s = scenario.night_s[0] + 60.0 * next(u)
        away.append((begins_s, begins_s + scenario.night_s[1] + 600.0 * next(u)))
    if scenario.loss_s:
        u, t = draws(seed, unit + LOSSES), 0.0
        while True:
            t += _exponential(next(u), scenario.loss_s)
            if t >= horizon_s:
                break
            low, high = scenario.away_s
            back = t + low + (high - low) * next(u)
            away.append((t, back))
            t = back
    return _merged(away)


def _owner(
    scenario: Scenario, seed: int, unit: int, horizon_s: float
) -> Iterator[tuple[float, float]]:
    """When the owner uses the machine; both kinds of time are exponential."""
    busy_s, free_s = scenario.owner_s
    u = draws(seed, unit)
    busy = next(u) < busy_s / (busy_s + free_s)
    t = 0.0
    while t < horizon_s:
        lasts_s = _exponential(next(u), busy_s if busy else free_s)
        if busy:
            yield t, t + lasts_s
        t, busy = t + lasts_s, not busy


def _noise(deviation: float, seed: int, unit: int, seconds: int) -> list[float]:
    """A factor for each second: the exponential of an AR(1) process of that deviation."""
    first, *others = map(float, normals(seed, unit, seconds))
    fresh = math.sqrt(1 - NOISE_MEMORY**2)
    process = accumulate(others, lambda x, z: NOISE_MEMORY * x + fresh * z, initial=first)
    return [exp(deviation * x) for x in process]


def _exponential(u: float, mean: float) -> float:
    return -mean * log(1.0 - u)


def _inside(spans: Times, t: float) -> bool:
    i = bisect_right(spans, (t, float("inf"))) - 1
    return i >= 0 and spans[i][0] <= t < spans[i][1]


def _merged(spans: Sequence[tuple[float, float]]) -> Times:
    out: Times = []
    for start, stop in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], stop))
        else:
            out.append((start, stop))
    return out
