"""What the memory store keeps: the counterpart of Redis' keys, and of its clock and bell."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from hydra.errors import NoSuchJob
from hydra.model import JobSpec, JobState, LeaseId, Session, Span, limits
from hydra.model.messages import Pace
from hydra.store.memory.records import SessionRecord, SortedSet, WorkerRecord
from hydra.store.memory.steps import JobRecord, LeaseRecord


class Bell(Protocol):
    """What wakes those who wait for work."""

    def ring(self) -> None:
        """There is new work, or a job has ended."""

    def listen(self, seconds: float) -> bool:
        """Wait for that, at most so long; whether it rang."""


class ThreadBell:
    """A bell between threads."""

    def __init__(self) -> None:
        self._rung = threading.Condition()

    def ring(self) -> None:
        """Wake those who listen."""
        with self._rung:
            self._rung.notify_all()

    def listen(self, seconds: float) -> bool:
        """Wait until it rings, at most so long."""
        with self._rung:
            return self._rung.wait(seconds)


class ManualBell:
    """A bell on a clock that stands still: listening moves the clock."""

    def __init__(self, sleep_s: Callable[[float], None]) -> None:
        self._sleep_s = sleep_s

    def ring(self) -> None:
        """Nobody waits."""

    def listen(self, seconds: float) -> bool:
        """Let the time pass."""
        self._sleep_s(seconds)
        return False


class LeaseObserver(Protocol):
    """Is told when leases begin and end; the simulator counts them."""

    def lent(self, lease: LeaseRecord) -> None:
        """A lease has begun."""

    def taken(self, victim: LeaseRecord) -> None:
        """Somebody has taken the far part of a lease, or all of it."""

    def lost(self, lease: LeaseRecord) -> None:
        """A lease has ended as lost."""


class NoObserver:
    """Notes nothing."""

    def lent(self, lease: LeaseRecord) -> None:
        """Nothing."""

    def taken(self, victim: LeaseRecord) -> None:
        """Nothing."""

    def lost(self, lease: LeaseRecord) -> None:
        """Nothing."""


class State:
    """All of it, in plain fields. `now_ms` is the wall clock that a Redis server would have."""

    def __init__(
        self,
        new_id: Callable[[], str],
        now_ms: Callable[[], float],
        *,
        bell: Bell,
        observer: LeaseObserver,
        jobs_open_max: int,
    ) -> None:
        self.new_id = new_id
        self.now_ms = now_ms
        self.bell = bell
        self.observer = observer
        self.jobs_open_max = jobs_open_max
        self.lock = threading.RLock()
        """One call at a time, as Redis runs one script at a time."""
        self.generation = new_id()
        self.run = "00000000"
        """Of the server: it has another one when it was started again."""
        self.wall_ms = 0.0
        """The wall clock as the last call saw it."""
        self.hydra_ms = 0.0
        """Hydra time as the last call left it."""
        self.ticked_ms = -math.inf
        self.tally: Counter[str] = Counter()
        self.jobs: dict[str, JobRecord] = {}
        self.keys: dict[str, tuple[str, JobSpec]] = {}
        self.sessions: dict[str, SessionRecord] = {}
        self.workers: dict[str, WorkerRecord] = {}
        self.served: dict[str, float] = {}
        """When something of a job was last lent, Hydra ms."""
        self.deadlines: SortedSet[LeaseId] = SortedSet()
        self.rates: dict[tuple[str, str], float] = {}
        """By (host, version)."""
        self.fleet: dict[str, float] = {}
        self.live = 0
        self.figured_ms = 0.0
        self._called = False

    def hydra_now(self) -> tuple[float, float]:
        """Hydra time, advanced, and the wall clock: both in ms."""
        wall_ms = self.now_ms()
        if self._called:
            self.hydra_ms += min(max(wall_ms - self.wall_ms, 0.0), limits.TICK_MS_MAX)
        self._called, self.wall_ms = True, wall_ms
        return self.hydra_ms, wall_ms

    def job(self, job: str) -> JobRecord:
        """One job, or NoSuchJob."""
        try:
            return self.jobs[job]
        except KeyError:
            raise NoSuchJob(f"no job {job[:64]!r}", field="job") from None

    def runnable(self) -> list[JobRecord]:
        """Running jobs, least virtual time first."""
        found = [record for record in self.jobs.values() if record.state is JobState.RUNNING]
        return sorted(found, key=lambda record: (record.vtime_s, record.id))

    def live_workers(self) -> list[WorkerRecord]:
        """Those seen lately, or with a lease that still runs, that do not pause."""
        return [
            worker
            for worker in self.workers.values()
            if worker.live_until_ms >= self.wall_ms and not worker.pause
        ]

    def pace(self, session: Session, record: JobRecord) -> Pace:
        """What sizes the session's next chunk of the job."""
        version, worker = record.spec.version, self.workers.get(session.worker)
        own = worker.rates.get(version) if worker else None
        free = record.free
        return Pace(
            rate=own or self.rates.get((session.host, version), 0.0),
            fleet_rate=self.fleet.get(version, 0.0),
            unassigned_units=record.unassigned,
            live_workers=self.live,
            free_within=Span(free[0].span.start, free[-1].span.stop) if free else Span(0, 0),
        )
