"""What the memory store keeps, and the views over it: the reading half of the specification."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra import settings
from hydra.errors import NoSuchFile, NoSuchJob, NotFinished
from hydra.messages import JobDump, Look, Pace, Runnable
from hydra.model import (
    Check,
    Job,
    JobSpec,
    JobState,
    Lease,
    Range,
    Sample,
    Session,
    Span,
    StoryEntry,
    Worker,
)


@dataclass(slots=True)
class LeaseRecord:
    """A live lease; times are Hydra ms."""

    session: Session
    start: int
    stop: int
    slice_units: int
    rate_units_s: float
    at: float
    beat: float
    tau: float
    losses: int
    loser: str
    many: bool
    deadline: float = 0.0

    def renew(self, now: float) -> None:
        """Push the deadline back: three beats, doubled for each loss in a row up to a cap."""
        plain = settings.LEASE_BEATS * self.beat
        self.deadline = now + max(plain, min(plain * 2**self.losses, settings.LEASE_MS_MAX))

    def ends(self) -> float:
        """When it is likely to end."""
        if self.rate_units_s > 0:
            return self.at + (self.stop - self.start) / self.rate_units_s * 1000
        return self.at + self.tau


@dataclass(slots=True)
class JobRecord:
    """A job with everything that hangs on it."""

    id: str
    spec: JobSpec
    created: int
    vtime: float
    unassigned: int
    state: JobState = JobState.RUNNING
    done: int = 0
    ended: int | None = None
    reason: str = ""
    free: dict[int, Range] = field(default_factory=dict)
    """By start."""
    leases: dict[str, LeaseRecord] = field(default_factory=dict)
    """By token."""
    sums: dict[str, int] = field(default_factory=dict)
    pieces: dict[int, bytes] = field(default_factory=dict)
    """In the order they came."""
    history: dict[int, Sample] = field(default_factory=dict)
    """By the share of the job that was done, in HISTORY_PLACES."""
    story: list[StoryEntry] = field(default_factory=list)
    answer: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    attempts: int = 0
    reducer: str = ""
    reduce_after: float = 0.0
    told: int = 0

    def view(self) -> Job:
        """As the port gives it."""
        return Job(
            self.id, self.spec, self.state, self.done, self.unassigned, self.created, self.ended,
            self.reason, dict(self.sums), len(self.leases),
        )


@dataclass(slots=True)
class SessionRecord:
    """The last call of a session and the reply it got."""

    seq: int = 0
    digest: str = ""
    reply: Any = None
    job: str = ""
    """Whose lease it holds."""
    token: str = ""


class MemoryState:
    """The state and its views; `now_ms` is the wall clock that a Redis server would have."""

    def __init__(
        self, new_id: Callable[[], str], now_ms: Callable[[], float], *, jobs_open_max: int = 10_000
    ) -> None:
        self._new_id = new_id
        self._jobs_open_max = jobs_open_max
        self._now_ms = now_ms
        self._lock = threading.RLock()  # one call at a time, as Redis runs one script at a time
        self._bell = threading.Condition()
        self._seen: float | None = None
        self._active = 0.0
        self._generation = new_id()
        self._jobs: dict[str, JobRecord] = {}
        self._keys: dict[str, tuple[str, JobSpec]] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._workers: dict[str, Worker] = {}
        self._rates: dict[tuple[str, str], float] = {}  # by (host, version)
        self._fleet: dict[str, float] = {}
        self._live = 0

    def _hydra_now(self) -> tuple[float, float]:
        """Hydra time, advanced, and the wall clock: both in ms."""
        wall = self._now_ms()
        passed = 0.0 if self._seen is None else wall - self._seen
        self._active += min(max(passed, 0.0), settings.TICK_MS_MAX)
        self._seen = wall
        return self._active, wall

    def _ring(self) -> None:
        """Wake who listens: there is new work."""
        with self._bell:
            self._bell.notify_all()

    def _record(self, job: str) -> JobRecord:
        try:
            return self._jobs[job]
        except KeyError:
            raise NoSuchJob(f"no job {job[:64]!r}", field="job") from None

    def _pace(self, session: Session, record: JobRecord) -> Pace:
        version = record.spec.version
        own = self._workers[session.worker].rates if session.worker in self._workers else {}
        rate = own.get(version) or self._rates.get((session.host, version), 0.0)
        return Pace(rate, self._fleet.get(version, 0.0), record.unassigned, self._live)

    def _runnable(self) -> list[JobRecord]:
        found = [r for r in self._jobs.values() if r.state is JobState.RUNNING]
        return sorted(found, key=lambda r: (r.vtime, r.id))

    def job(self, job: str) -> Job:
        """One job, or NoSuchJob."""
        with self._lock:
            return self._record(job).view()

    def jobs(self, limit: int, before: str = "") -> Sequence[Job]:
        """Newest first, after the job `before`."""
        with self._lock:
            order = sorted(self._jobs.values(), key=lambda r: (r.created, r.id), reverse=True)
            ids = [record.id for record in order]
            if before and before not in ids:
                return []
            first = ids.index(before) + 1 if before else 0
            return [record.view() for record in order[first : first + limit]]

    def answer(self, job: str) -> dict[str, Any]:
        """The answer of a DONE job."""
        with self._lock:
            record = self._record(job)
            if not record.answer:
                raise NotFinished(f"job {job} is {record.state} and has no answer", field="job")
            return dict(json.loads(record.answer))

    def history(self, job: str) -> Sequence[Sample]:
        """The job's sums on its way, in the order they were reached."""
        with self._lock:
            return list(self._jobs[job].history.values()) if job in self._jobs else []

    def arrivals(self, job: str, after: int, limit: int) -> Sequence[int]:
        """Units in the order their pieces came, without the first `after`."""
        with self._lock:
            found = list(self._jobs[job].pieces) if job in self._jobs else []
            return found[after : after + limit]

    def pieces(self, job: str, units: Iterable[int]) -> dict[int, bytes]:
        """The pieces that are there of those units."""
        with self._lock:
            found = self._jobs[job].pieces if job in self._jobs else {}
            return {unit: found[unit] for unit in units if unit in found}

    def file(self, job: str, name: str) -> bytes:
        """One file of a DONE job's answer."""
        with self._lock:
            files = self._record(job).files
            if name not in files:
                raise NoSuchFile(f"job {job} has no file {name[:64]!r}", field="name")
            return files[name]

    def look(self, session: Session) -> Look:
        """What there is to do, with this worker's rates."""
        with self._lock:
            jobs = [
                Runnable(r.id, r.spec.kernel, r.spec.version, r.spec.params, r.spec.unit_cost,
                         r.vtime, self._pace(session, r))
                for r in self._runnable()[: settings.CLAIM_TRIES_MAX]
            ]
            waiting = [
                r.id for r in self._jobs.values()
                if r.state is JobState.REDUCING and r.reduce_after <= self._active
            ]
            return Look(jobs, waiting[: settings.CLAIM_TRIES_MAX])

    def listen(self, seconds: float) -> None:
        """Wait until new work may have appeared, at most so long."""
        with self._bell:
            self._bell.wait(seconds)

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """Hydra time, and the job's leases with the latest estimated ends."""
        with self._lock:
            record = self._jobs.get(job)
            found = [] if record is None else list(record.leases.items())
            found.sort(key=lambda item: (item[1].ends(), item[0]), reverse=True)
            return self._active, [_lease(job, *item) for item in found[:limit]]

    def overdue(self, limit: int) -> Sequence[tuple[str, str]]:
        """(job, token) of leases past their deadline."""
        with self._lock:
            late = [
                (lease.deadline, record.id, token)
                for record in self._jobs.values()
                for token, lease in record.leases.items()
                if lease.deadline <= self._active
            ]
            return [(job, token) for _, job, token in sorted(late)[:limit]]

    def workers(self) -> Sequence[Worker]:
        """Workers seen lately, by name."""
        with self._lock:
            return sorted(self._workers.values(), key=lambda worker: worker.id)

    def live_workers(self) -> int:
        """How many were seen within LIVE_MS."""
        with self._lock:
            since = (self._seen or 0.0) - settings.LIVE_MS
            return sum(worker.seen_ms >= since for worker in self._workers.values())

    def story(self, job: str, after: str = "", limit: int = 500) -> Sequence[StoryEntry]:
        """What happened to the job after the entry `after`, oldest first."""
        with self._lock:
            entries = self._record(job).story
            number = int(after) if after.isdigit() else 0
            return [entry for entry in entries if int(entry.id) > number][:limit]

    def generation(self) -> str:
        """The id of this store's data."""
        return self._generation

    def health(self) -> Sequence[Check]:
        """Memory is as safe as this process."""
        return [Check("store", True, "in this process's memory; gone when it ends")]

    def dump(self, job: str) -> JobDump:
        """Everything about one job, for the invariants."""
        with self._lock:
            record = self._record(job)
            return JobDump(
                record.view(),
                [record.free[start] for start in sorted(record.free)],
                [_lease(job, *item) for item in record.leases.items()],
                frozenset(record.leases),
                frozenset(record.pieces),
            )


def _lease(job: str, token: str, lease: LeaseRecord) -> Lease:
    return Lease(
        job, token, lease.session.id, lease.session.worker, Span(lease.start, lease.stop),
        lease.slice_units, lease.rate_units_s, lease.at, lease.deadline, lease.losses,
    )
