"""One job on the fleet, from submission to answer; and the speed of each worker alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hydra.bench.bounds import Outage
from hydra.bench.fleet import READY_S, WAIT_BEFORE_S, Fleet, Seat
from hydra.bench.work import Work
from hydra.client import Handle
from hydra.errors import Unavailable
from hydra.model import Chunk

WARM_S = 1.0
"""How long a worker works before its speed is taken: its slices have found their size."""

SPEED_SLACK = 0.1
"""The reference was timed with all cores at work, and one alone may be clocked higher."""

SOLO_TRIES = 3
"""Measurements of one speed, before an impossible one ends the bench."""

STOPPED_S = 20.0
"""How long the faults stop one worker."""

VICTIMS = (1, 3, 4)
"""Places of the workers that faults hit: two die, the last one stops."""

PATIENCE = 6.0
"""A job that takes this many times what it should has failed."""


@dataclass(frozen=True, slots=True)
class Race:
    """Some equal jobs at once, on some workers. Times are in seconds."""

    round: int
    policy: str
    workers: Sequence[str]
    jobs: Sequence[str]
    created_s: float
    """Wall-clock time of the first submission; other times count from it."""
    makespan_s: float
    """To the last answer."""
    right: bool
    """Whether each answer was the reference's, to the last bit."""
    outages: Sequence[Outage]
    chunks: Sequence[Chunk]

    def busy_s(self, worker: str) -> float:
        """How long the worker was inside the kernel."""
        return sum((chunk.busy_s for chunk in self.chunks if chunk.worker == worker), 0.0)


def solo(fleet: Fleet, seat: Seat, work: Work, seconds: float, say: Callable[[str], None]) -> float:
    """The worker's speed with the others standing still, in core-seconds a second.

    More than its cores allow is impossible: then it is measured again. Raises Unavailable if that
    does not help.
    """
    for _ in range(SOLO_TRIES):
        speed, others = _speed(fleet, seat, work, seconds)
        if speed <= seat.cores * (1 + SPEED_SLACK):
            return speed
        wrong = f"{seat.name} alone: {speed:.3f} with {seat.cores:.3f} cores is impossible"
        say(f"{wrong}; {', '.join(others) or 'nobody'} worked at the same time")
    raise Unavailable(wrong)


def _speed(fleet: Fleet, seat: Seat, work: Work, seconds: float) -> tuple[float, list[str]]:
    """Its speed, and the workers that were not still.

    Between two of its hand-ins, by the server's clock: neither its start nor its end counts.
    """
    with fleet.frozen([other for other in fleet.seats if other.leader and other is not seat]):
        job = fleet.client.open(work.kernel, work.params)
        try:
            begun = _hand_in(fleet, job, work, (0.0, 0.0), WARM_S)
            ended = _hand_in(fleet, job, work, begun, seconds)
        finally:
            job.cancel("its worker's speed is known")
    seen = {chunk.worker for chunk in fleet.store.views.timeline(job.id)} - {seat.name}
    return (ended[1] - begun[1]) / (ended[0] - begun[0]) * 1000, sorted(seen)


def _hand_in(
    fleet: Fleet, job: Handle, work: Work, since: tuple[float, float], after_s: float
) -> tuple[float, float]:
    """Hydra time of a hand-in at least `after_s` past the one given, and the work done by then.

    The work must have grown since it was last seen: a beat within a large tile brings nothing, and
    to count it as a hand-in would leave out what the tile has cost so far.
    """
    since_ms, done = since

    def later() -> tuple[float, float] | None:
        nonlocal since_ms, done
        dump = fleet.store.vitals.dump(job.id)
        if len(dump.leases) != 1:
            return None
        at_ms, before, done = dump.leases[0].at_ms, done, work.done(dump)
        since_ms = since_ms or at_ms  # the first sight of a lease
        return (at_ms, done) if done > before and at_ms - since_ms >= after_s * 1000 else None

    return fleet.wait(later, "the worker hands in", within_s=after_s + READY_S)


def race(
    fleet: Fleet, work: Work, round_: int, about_s: float, *, jobs: int = 1, faults: bool = False
) -> Race:
    """Run some jobs on the workers that are there; `about_s` is how long they should take.

    With `faults`, two workers die midway and one stops for a while.
    Raises TimeoutError if they take far too long, and what a job raises that fails.
    """
    fleet.clock.sleep_s(WAIT_BEFORE_S)
    seats = [seat for seat in fleet.seats if seat.leader]
    open_ = [fleet.client.open(work.kernel, work.params) for _ in range(jobs)]
    created_s = min(fleet.store.views.job(job.id).created_ms for job in open_) / 1000
    outages = _inject_faults(fleet, created_s, about_s / 2) if faults else []
    answers = [job.result(timeout=PATIENCE * about_s + 60) for job in open_]
    ended_s = max(fleet.store.views.job(job.id).ended_ms or 0 for job in open_) / 1000
    return Race(
        round_,
        seats[0].sizing,
        [seat.name for seat in seats],
        [job.id for job in open_],
        created_s,
        ended_s - created_s,
        all(map(work.is_right, answers)),
        outages,
        [chunk for job in open_ for chunk in fleet.store.views.timeline(job.id)],
    )


def _inject_faults(fleet: Fleet, created_s: float, at_s: float) -> list[Outage]:
    """Midway two workers die at once, and a third stops for STOPPED_S."""
    clock = fleet.clock
    clock.sleep_s(max(0.0, created_s + at_s - clock.wall_s()))
    *dying, stopping = (fleet.seats[place] for place in VICTIMS)
    outages = []
    for seat in dying:
        outages.append(Outage(seat.name, clock.wall_s() - created_s))
        fleet.kill(seat)
    stopped_s = clock.wall_s() - created_s
    with fleet.frozen([stopping]):
        clock.sleep_s(STOPPED_S)
    return [*outages, Outage(stopping.name, stopped_s, clock.wall_s() - created_s)]
