"""One job on the fleet, from submission to answer; and the speed of each worker alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydra.bench.bounds import Outage
from hydra.bench.fleet import SETTLE_S, Fleet, Hand
from hydra.bench.work import Work
from hydra.client import Handle
from hydra.model import Chunk, Lease

WARM_S = 1.0
"""How long a worker works before its speed is taken: its slices have found their size."""

STOPPED_S = 20.0
"""How long the faults stop one worker."""

VICTIMS = (1, 3, 4)
"""Places of the workers that faults hit: two die, the last one stops."""

PATIENCE = 6.0
"""A job that takes so many times what it should has failed."""


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


def solo(fleet: Fleet, hand: Hand, work: Work, seconds: float) -> float:
    """The worker's speed with the others standing still, in core-seconds a second.

    Between two of its hand-ins, by the server's clock: neither its start nor its end counts.
    """
    with fleet.frozen([other for other in fleet.hands if other.leader and other is not hand]):
        job = fleet.client.open(work.kernel, work.params)
        try:
            begun_ms, begun_done = _progress(fleet, job, work, 0.0, WARM_S)
            ended_ms, ended_done = _progress(fleet, job, work, begun_ms, seconds)
        finally:
            job.cancel("its worker's speed is known")
    return (ended_done - begun_done) / (ended_ms - begun_ms) * 1000


def _progress(
    fleet: Fleet, job: Handle, work: Work, since_ms: float, after_s: float
) -> tuple[float, float]:
    """Hydra time of a hand-in at least `after_s` past `since_ms`, and the work done by then.

    Without `since_ms`, past the first that is seen.
    """

    def latest() -> tuple[Lease, float] | None:
        dump = fleet.store.dump(job.id)
        return (dump.leases[0], work.done(dump)) if len(dump.leases) == 1 else None

    lease, _ = fleet.wait(latest, "the worker takes the job")
    due_ms = (since_ms or lease.at_ms) + after_s * 1000

    def later() -> tuple[float, float] | None:
        found = latest()
        return (found[0].at_ms, found[1]) if found and found[0].at_ms >= due_ms else None

    return fleet.wait(later, "the worker hands in", within_s=after_s + 60)


def race(
    fleet: Fleet, work: Work, round_: int, about_s: float, *, jobs: int = 1, faults: bool = False
) -> Race:
    """Run some jobs on the workers that are there; `about_s` is how long they should take.

    With `faults`, two workers die midway and one stops for a while.
    Raises TimeoutError if they take far too long, and what a job raises that fails.
    """
    fleet.clock.sleep_s(SETTLE_S)
    hands = [hand for hand in fleet.hands if hand.leader]
    open_ = [fleet.client.open(work.kernel, work.params) for _ in range(jobs)]
    created_s = min(fleet.store.job(job.id).created_ms for job in open_) / 1000
    outages = _misfortunes(fleet, created_s, about_s / 2) if faults else []
    answers = [job.result(timeout=PATIENCE * about_s + 60) for job in open_]
    ended_s = max(fleet.store.job(job.id).ended_ms or 0 for job in open_) / 1000
    return Race(
        round_, hands[0].sizing, [hand.name for hand in hands], [job.id for job in open_],
        created_s, ended_s - created_s, all(map(work.is_right, answers)), outages,
        [chunk for job in open_ for chunk in fleet.store.timeline(job.id)],
    )


def _misfortunes(fleet: Fleet, created_s: float, at_s: float) -> list[Outage]:
    """Midway two workers die at once, and a third stops for STOPPED_S."""
    clock = fleet.clock
    clock.sleep_s(max(0.0, created_s + at_s - clock.wall_s()))
    *dying, stopping = (fleet.hands[place] for place in VICTIMS)
    outages = []
    for hand in dying:
        outages.append(Outage(hand.name, clock.wall_s() - created_s))
        fleet.kill(hand)
    stopped_s = clock.wall_s() - created_s
    with fleet.frozen([stopping]):
        clock.sleep_s(STOPPED_S)
    return [*outages, Outage(stopping.name, stopped_s, clock.wall_s() - created_s)]
