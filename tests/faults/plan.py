"""What one seed decides before anything happens: the fleet, its jobs, the weather, the faults."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from tests.faults.network import Weather

KERNELS = (
    "adding",
    "adding",
    "adding",
    "drawing",
    "drawing",
    "drawing",
    "tripping",
    "raising",
    "killing",
    "hanging",
)

FAULTS = (
    "crash",
    "crash",
    "sleep",
    "slows down",
    "slows down",
    "cut",
    "reaper dies",
    "server stops",
    "clock is set",
    "queue is lost",
    "tasks come twice",
)


THIN_SHARE = 0.4
"""Of the schedules: in these, some workers have a thin link."""

THIN_BYTES_S = 6e3, 6e4
"""What such a link carries: a few seconds of a worker's pieces take one to send, or ten."""


FALLING_SHARE = 0.25
"""Of the schedules: in these, the store falls back to an older moment."""

BACK_S_MAX = 2.0
"""A log that is written once a second lacks so much at most."""


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job that the client submits, and perhaps cancels."""

    kernel: str
    units: int
    hard: bool
    """Whether its middle is hard."""
    priority: float
    at_s: float
    cancelled_at_s: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule's cast and script."""

    speeds: list[float]
    links_bytes_s: list[float]
    """Of each worker."""
    jobs: list[JobPlan]
    weather: Weather
    storm_s: float
    parents: bool
    """Whether a worker's process has a parent that says when it has died."""
    faults: list[tuple[float, str]]
    falls: list[tuple[float, float]]
    """When the store falls back, and by how much."""
    settings: dict[str, str]


def draw(chance: random.Random) -> Plan:
    """The plan of a seed."""
    storm_s = chance.uniform(2, 12)
    gentle = chance.random() < 0.3
    thin = chance.random() < THIN_SHARE
    speeds = [2 ** chance.uniform(-2, 2) for _ in range(chance.randint(1, 4))]
    return Plan(
        speeds=speeds,
        links_bytes_s=[_link(chance) if thin else math.inf for _ in speeds],
        jobs=[_job(chance, storm_s) for _ in range(chance.choice([1, 1, 2, 3]))],
        weather=Weather(
            lost=0 if gentle else chance.uniform(0, 0.2),
            late=0 if gentle else chance.uniform(0, 0.2),
            late_s=chance.choice([0.1, 1.0, 4.0, 20.0]),
            twice=0 if gentle else chance.uniform(0, 0.2),
        ),
        storm_s=storm_s,
        parents=chance.random() < 0.5,
        faults=sorted(
            (chance.uniform(0, storm_s), chance.choice(FAULTS)) for _ in range(chance.randint(0, 8))
        ),
        falls=_falls(chance, storm_s) if chance.random() < FALLING_SHARE else [],
        settings={
            "HYDRA_SHIFT_SECONDS": chance.choice(["1", "4", "10"]),
            "HYDRA_TARGET_SECONDS": chance.choice(["0.5", "2"]),
            "HYDRA_SLICE_SECONDS": chance.choice(["0.1", "0.25", "2"]),
            "HYDRA_POLL_SECONDS": "1",
            "HYDRA_CALL_SECONDS": chance.choice(["5", "20"]),
            # what is too large for a thin link must be tried smaller, and smaller again
            "HYDRA_OUTAGE_SECONDS": "10" if thin else chance.choice(["2", "10"]),
        },
    )


def _falls(chance: random.Random, storm_s: float) -> list[tuple[float, float]]:
    return [
        (chance.uniform(0, storm_s), chance.uniform(0, BACK_S_MAX))
        for _ in range(chance.choice([1, 1, 2, 3]))
    ]


def _link(chance: random.Random) -> float:
    low, high = map(math.log, THIN_BYTES_S)
    return math.exp(chance.uniform(low, high)) if chance.random() < 0.7 else math.inf


def _job(chance: random.Random, storm_s: float) -> JobPlan:
    at_s = chance.uniform(0, storm_s / 2)
    cancelled = chance.random() < 0.1
    return JobPlan(
        kernel=chance.choice(KERNELS),
        units=chance.choice([1, 2, 7, 30, 100, 200]),
        hard=chance.random() < 0.4,
        priority=chance.choice([1.0, 1.0, 4.0]),
        at_s=at_s,
        cancelled_at_s=chance.uniform(at_s, storm_s) if cancelled else None,
    )
