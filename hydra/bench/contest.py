"""The whole bench: speeds, rounds of every contender in turn, speeds again.

Contenders take turns within a round, so that what the machine does meanwhile hits all of them. A
worker's speed in a round is the middle one of three: before it, after it, and its median in all of
the bench, so that one measurement gone wrong spoils nothing. How far one lies from the next is
reported, since no efficiency is more certain than that.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from hydra import kernels
from hydra.bench.bounds import bound_s
from hydra.bench.fleet import Fleet, fleet
from hydra.bench.quotas import shares
from hydra.bench.races import VICTIMS, WARM_S, Race, race, solo
from hydra.bench.work import Work, prepare
from hydra.errors import BadParam

SOLO_SLACK_S = 3.0
"""Two beats and the time to take a job: how much longer measuring a speed may last."""

Speeds = dict[str, float]
"""Core-seconds of work in a second, by worker."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    quotas: Sequence[float]
    cores: float
    kernel: str
    ideal_s: float
    solo_s: float
    policies: Sequence[str]
    rounds: int
    faults: bool = False
    sweep: tuple[int, int] | None = None
    """Most workers and most jobs at once; the workers are equal then."""

    def shares(self) -> list[float]:
        """Cores for each worker. Raises BadParam for a plan that cannot be run."""
        if self.faults and len(self.quotas) <= max(VICTIMS):
            raise BadParam(f"faults need at least {max(VICTIMS) + 1} quotas", field="quotas")
        if not 0 < self.cores <= cores_here():
            raise BadParam(f"cores must be at most the {cores_here()} there are", field="cores")
        found = shares([1.0] * self.sweep[0] if self.sweep else self.quotas, self.cores)
        alone_s = self.core_s / max(found)
        if alone_s < WARM_S + self.solo_s + SOLO_SLACK_S:
            raise BadParam(
                f"the fastest worker alone would end the job in {alone_s:.1f} s, before its speed "
                "is known; give more ideal-seconds or fewer solo-seconds",
                field="ideal-seconds",
            )
        return found

    @property
    def core_s(self) -> float:
        """The work of one job: a fleet's in a race, one worker's in a sweep."""
        return self.ideal_s * self.cores / (self.sweep[0] if self.sweep else 1)


@dataclass(slots=True)
class Result:
    """Everything that was measured."""

    plan: Plan
    work: Work
    shares: Sequence[float]
    speeds: list[Speeds] = field(default_factory=list)
    """Before each round, and after the last."""
    races: list[Race] = field(default_factory=list)

    def bound_s(self, race: Race) -> float:
        """The least time in which the workers of a race could have done it, as they were."""
        before, after = self.speeds[race.round - 1 : race.round + 1]
        speeds = {
            worker: median([before[worker], after[worker], self.usual(worker)])
            for worker in race.workers
        }
        return bound_s(self.work.whole * len(race.jobs), speeds, race.outages)

    def usual(self, worker: str) -> float:
        """The worker's median speed."""
        return median(speeds[worker] for speeds in self.speeds)

    def efficiency(self, race: Race) -> float:
        """The share of its workers' own speeds that a race got."""
        return self.bound_s(race) / race.makespan_s

    def drift(self) -> float:
        """The largest change of a worker's speed from one measurement to the next, as a share."""
        pairs = itertools.pairwise(self.speeds)
        return max((abs(after[w] / before[w] - 1) for before, after in pairs for w in after))


def cores_here() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def run(plan: Plan, say: Callable[[str], None]) -> Result:
    """Measure it all, and `say` what goes on.

    Raises BadParam for a plan that cannot be run, Unavailable where there are no quotas.
    """
    cores = plan.shares()
    say(f"the reference answer: {plan.core_s:.0f} core-seconds of {plan.kernel}")
    work = prepare(plan.kernel, kernels.load()[plan.kernel], plan.core_s, cores_here())
    result = Result(plan, work, cores)
    with fleet(cores) as made:
        made.set_workers(made.seats, plan.policies[0])
        _measure_speeds(made, result, say)
        (_sweep if plan.sweep else _rounds)(made, result, say)
    return result


def _rounds(made: Fleet, result: Result, say: Callable[[str], None]) -> None:
    """In each round every policy has its race; then the speeds are measured again."""
    plan = result.plan
    for number in range(1, plan.rounds + 1):
        about_s = result.work.whole / sum(result.speeds[-1].values())
        for policy in plan.policies:
            made.set_workers(made.seats, policy)
            done = race(made, result.work, number, about_s, faults=plan.faults)
            result.races.append(done)
            say(f"round {number}, {policy}: {done.makespan_s:.2f} s")
        made.set_workers(made.seats, plan.policies[0])
        _measure_speeds(made, result, say)


def _sweep(made: Fleet, result: Result, say: Callable[[str], None]) -> None:
    """Races of one worker up to all, each with one job up to the most."""
    workers_max, jobs_max = result.plan.sweep or (0, 0)
    for workers in range(1, workers_max + 1):
        made.set_workers(made.seats[:workers], result.plan.policies[0])
        speed = sum(result.speeds[0][seat.name] for seat in made.seats[:workers])
        for jobs in range(1, jobs_max + 1):
            done = race(made, result.work, 1, result.work.whole * jobs / speed, jobs=jobs)
            result.races.append(done)
            say(f"{workers} workers, {jobs} jobs at once: {done.makespan_s:.2f} s")
    _measure_speeds(made, result, say)


def _measure_speeds(made: Fleet, result: Result, say: Callable[[str], None]) -> None:
    speeds = {
        seat.name: solo(made, seat, result.work, result.plan.solo_s, say) for seat in made.seats
    }
    result.speeds.append(speeds)
    say("alone: " + ", ".join(f"{name} {speed:.4f}" for name, speed in speeds.items()))
