"""What one seed decides before anything happens: the fleet, its jobs, the weather, the faults."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.network import Weather

KERNELS = (
    "adding",
    "adding",
    "adding",
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
    "cut",
    "reaper dies",
    "server stops",
    "clock is set",
    "queue is lost",
    "tasks come twice",
)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A job that the client submits, and perhaps cancels."""

    kernel: str
    units: int
    priority: float
    at_s: float
    cancelled_at_s: float | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One schedule's cast and script."""

    speeds: list[float]
    jobs: list[JobPlan]
    weather: Weather
    storm_s: float
    parents: bool
    """Whether a worker's process has a parent that says when it has died."""
    faults: list[tuple[float, str]]
    settings: dict[str, str]


def draw(chance: random.Random) -> Plan:
    """The plan of a seed."""
    storm_s = chance.uniform(2, 12)
    gentle = chance.random() < 0.3
    return Plan(
        speeds=[2 ** chance.uniform(-2, 2) for _ in range(chance.randint(1, 4))],
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
        settings={
            "HYDRA_SHIFT_SECONDS": chance.choice(["1", "4", "10"]),
            "HYDRA_TARGET_SECONDS": chance.choice(["0.5", "2"]),
            "HYDRA_SLICE_SECONDS": chance.choice(["0.1", "0.25", "2"]),
            "HYDRA_POLL_SECONDS": "1",
            "HYDRA_CALL_SECONDS": chance.choice(["5", "20"]),
            "HYDRA_OUTAGE_SECONDS": chance.choice(["2", "10"]),
        },
    )


def _job(chance: random.Random, storm_s: float) -> JobPlan:
    at_s = chance.uniform(0, storm_s / 2)
    cancelled = chance.random() < 0.1
    return JobPlan(
        kernel=chance.choice(KERNELS),
        units=chance.choice([1, 2, 7, 30, 100, 200]),
        priority=chance.choice([1.0, 1.0, 4.0]),
        at_s=at_s,
        cancelled_at_s=chance.uniform(at_s, storm_s) if cancelled else None,
    )
