"""Fleets to simulate, by name. A new one is one entry of SCENARIOS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

REPORT_SPEEDS = (0.15, 0.15, 0.5, 1.0, 1.0, 1.5, 3.0, 4.0)
"""Eight machines from a single-board computer to a desktop, 27 times apart."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One job: when it comes, its part of all the work, and its priority."""

    at_s: float = 0.0
    share: float = 1.0
    priority: float = 1.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fleet and what happens to it. Durations are means of exponential ones unless said."""

    doc: str
    speeds: tuple[float, ...] = REPORT_SPEEDS
    """Relative speeds, given to the workers in turn."""
    workers: int = 8
    noise: float = 0.0
    """Standard deviation of a speed's logarithm, from second to second."""
    owner_s: tuple[float, float] = ()  # type: ignore[assignment]
    """How long owners use their machine, and how long they leave it alone; empty for never."""
    owner_leaves: float = 0.3
    """What an owner leaves of the speed."""
    loss_s: float = 0.0
    """Between two losses of a worker; 0 for never."""
    away_s: tuple[float, float] = (20.0, 60.0)
    """How long a lost worker stays away, evenly drawn."""
    arrive_s: float = 0.0
    """Workers come within this time, evenly."""
    night_s: tuple[float, ...] = ()
    """When the night begins and how long it lasts: all machines go within a minute."""
    round_trip_s: tuple[float, ...] = (0.0,)
    """What every call to the store costs, given to the workers in turn."""
    bytes_s: tuple[float, ...] = (math.inf,)
    """What their links carry a second, likewise."""
    unit_bytes: int = 0
    """How large a unit's piece is; 0 for jobs of sums, which carry next to nothing."""
    units_s: float = 1_000.0
    """Units a second of a machine of relative speed 1."""
    liars: int = 0
    """How many of the last workers report a false speed, and hand in impossible sums."""
    jobs: tuple[PlannedJob, ...] = (PlannedJob(),)
    target_s: float = 0.0
    """HYDRA_TARGET_SECONDS; 0 for its default."""
    ideal_s: float = 30.0
    """Duration at the plain speeds, unless another is asked for."""
    quiet: bool = False
    """Whether heartbeats are no events: see hydra/sim/__init__.py."""


SCENARIOS: Mapping[str, Scenario] = {
    "constant": Scenario("eight machines 27 times apart, speeds that never change"),
    "interference": Scenario(
        "the same, with noise and owners who use their machines",
        noise=0.15,
        owner_s=(20.0, 60.0),
    ),
    "churn": Scenario(
        "the same, and each worker is lost every 300 s for 20 to 60 s",
        noise=0.15,
        owner_s=(20.0, 60.0),
        loss_s=300.0,
    ),
    "slow-links": Scenario(
        "churn over links with round trips from 20 to 300 ms",
        noise=0.15,
        owner_s=(20.0, 60.0),
        loss_s=300.0,
        round_trip_s=(0.3, 0.1, 0.04, 0.02),
    ),
    "thin-links": Scenario(
        "the same machines, but links of 10, 5, 2 and 1 Mbit/s for pieces of 4 KB",
        noise=0.15,
        round_trip_s=(0.02, 0.04, 0.06, 0.1),
        bytes_s=(1_250_000.0, 625_000.0, 250_000.0, 125_000.0),
        unit_bytes=4_096,
        units_s=100.0,
        ideal_s=120.0,
    ),
    "liar": Scenario(
        "interference; the fastest worker reports 100 times its speed and forges sums",
        noise=0.15,
        owner_s=(20.0, 60.0),
        liars=1,
    ),
    "night": Scenario(
        "churn; all machines sleep for six hours, their owners use them afterwards",
        noise=0.15,
        owner_s=(20.0, 60.0),
        loss_s=300.0,
        night_s=(200.0, 21_600.0),
        ideal_s=600.0,
    ),
    "thousand": Scenario(
        "a thousand workers with interference and churn",
        workers=1_000,
        noise=0.15,
        owner_s=(20.0, 60.0),
        loss_s=300.0,
        arrive_s=2.0,
        ideal_s=120.0,
    ),
    "hundred-thousand": Scenario(
        "100 000 workers, chunks of 60 s; owners, and a loss each 20 minutes",
        workers=100_000,
        owner_s=(60.0, 180.0),
        loss_s=1_200.0,
        arrive_s=20.0,
        target_s=60.0,
        ideal_s=600.0,
        quiet=True,
    ),
    "priorities": Scenario(
        "three jobs: two in bulk from the start, then an interactive one of priority 10",
        jobs=(PlannedJob(0.0, 0.45), PlannedJob(0.0, 0.45, 2.0), PlannedJob(10.0, 0.1, 10.0)),
    ),
    "small-job": Scenario(
        "interference; a large job, then ten small ones, one after another",
        noise=0.15,
        owner_s=(20.0, 60.0),
        jobs=(PlannedJob(0.0, 0.98), *(PlannedJob(5.0 + 4.7 * n, 0.002) for n in range(10))),
        ideal_s=60.0,
    ),
    "equal-jobs": Scenario(
        "interference; two equal jobs from the start",
        noise=0.15,
        owner_s=(20.0, 60.0),
        jobs=(PlannedJob(0.0, 0.5), PlannedJob(0.0, 0.5)),
        ideal_s=60.0,
    ),
}
