"""What the memory store keeps, and the views over it: the reading half of the specification."""

from __future__ import annotations

import json
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hydra.errors import NoSuchFile, NoSuchJob, NotFinished
from hydra.model import (
    FINAL,
    Check,
    Chunk,
    End,
    Job,
    JobSpec,
    JobState,
    Lease,
    Sample,
    Session,
    Span,
    StoryEntry,
    Worker,
    limits,
)
from hydra.model.invariants import INDEX
from hydra.model.messages import JobDump, Look, Pace, Runnable, Tally, Usage
from hydra.store.memory.records import JobRecord, SessionRecord, SortedSet, WorkerRecord


class MemoryState:
    """The state and its views; `now_ms` is the wall clock that a Redis server would have.

    With a clock that stands still, `sleep_s` jumps it where a listener would wait.
    """

    def __init__(
        self,
        new_id: Callable[[], str],
        now_ms: Callable[[], float],
        *,
        jobs_open_max: int = 10_000,
        sleep_s: Callable[[float], None] | None = None,
    ) -> None:
        self._sleep_s = sleep_s
        self._new_id = new_id
        self._jobs_open_max = jobs_open_max
        self._now_ms = now_ms
        self._lock = threading.RLock()  # one call at a time, as Redis runs one script at a time
        self._bell = threading.Condition()
        self._seen: float | None = None
        self._active = 0.0
        self._tally: Counter[str] = Counter()
        self._ticked = -math.inf
        self._generation = new_id()
        self._jobs: dict[str, JobRecord] = {}
        self._keys: dict[str, tuple[str, JobSpec]] = {}
        self._sessions: dict[str, SessionRecord] = {}
        self._session_of: dict[str, str] = {}  # each worker's last session
        self._workers: dict[str, WorkerRecord] = {}
        self._deadlines: SortedSet[tuple[str, str]] = SortedSet()  # of leases: (job, token)
        self._rates: dict[tuple[str, str], float] = {}  # by (host, version)
        self._fleet: dict[str, float] = {}
        self._live = 0
        self._figured = 0.0

    def _hydra_now(self) -> tuple[float, float]:
        """Hydra time, advanced, and the wall clock: both in ms."""
        wall = self._now_ms()
        passed = 0.0 if self._seen is None else wall - self._seen
        self._active += min(max(passed, 0.0), limits.TICK_MS_MAX)
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
        free = record.free
        within = Span(free[0].span.start, free[-1].span.stop) if free else Span(0, 0)
        return Pace(rate, self._fleet.get(version, 0.0), record.unassigned, self._live, within)

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

    def timeline(
        self, job: str, after: str = "", limit: int = limits.TIMELINE_READ_MAX
    ) -> Sequence[Chunk]:
        """The job's chunks whose leases have ended, after the chunk `after`, oldest first."""
        with self._lock:
            found = self._jobs[job].timeline if job in self._jobs else []
            number = int(after) if after.isdigit() else 0
            return [chunk for chunk in found if int(chunk.id) > number][:limit]

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
                Runnable(
                    r.id,
                    r.spec.kernel,
                    r.spec.version,
                    r.spec.params,
                    r.spec.total_units,
                    r.spec.unit_cost,
                    r.vtime,
                    self._pace(session, r),
                )
                for r in self._runnable()[: limits.CLAIM_TRIES_MAX]
            ]
            waiting = [
                r.id
                for r in self._jobs.values()
                if r.state is JobState.REDUCING
                and (r.reduce_after <= self._active or r.reducer == session.id)
            ]
            return Look(jobs, waiting[: limits.CLAIM_TRIES_MAX])

    def listen(self, seconds: float) -> None:
        """Wait until new work may have appeared, at most so long."""
        if self._sleep_s:
            self._sleep_s(seconds)
            return
        with self._bell:
            self._bell.wait(seconds)

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """Hydra time, and the job's leases with the latest estimated ends."""
        with self._lock:
            record = self._jobs.get(job)
            if record is None:
                return self._active, []
            latest = record.ends.highest(limit)
            return self._active, [record.leases[token].view(job, token) for token in latest]

    def overdue(self, limit: int) -> Sequence[tuple[str, str]]:
        """(job, token) of leases past their deadline."""
        with self._lock:
            return self._deadlines.until(self._active, limit)

    def due_s(self) -> float:
        """How long until a lease is late if none beats."""
        with self._lock:
            first = self._deadlines.until(math.inf, 1)
            return (self._deadlines.score(first[0]) - self._active) / 1000 if first else math.inf

    def workers(self) -> Sequence[Worker]:
        """Workers seen lately, by name."""
        with self._lock:
            return [self._workers[name].view() for name in sorted(self._workers)]

    def live_workers(self) -> int:
        """How many were seen within LIVE_MS, or hold a lease that still runs."""
        with self._lock:
            return len(self._live_now())

    def _live_now(self) -> list[WorkerRecord]:
        wall = self._seen or 0.0
        return [w for w in self._workers.values() if w.live_until_ms >= wall and not w.pause]

    def story(self, job: str, after: str = "", limit: int = 500) -> Sequence[StoryEntry]:
        """What happened to the job after the entry `after`, oldest first."""
        with self._lock:
            entries = self._record(job).story
            number = int(after) if after.isdigit() else 0
            return [entry for entry in entries if int(entry.id) > number][:limit]

    def generation(self) -> str:
        """The id of this store's data."""
        return self._generation

    def tally(self) -> Tally:
        """What there is and what has been, over all jobs."""
        with self._lock:
            found, live = self._tally, self.live_workers()
            states = [record.state for record in self._jobs.values()]
            return Tally(
                jobs={state: states.count(state) for state in JobState if state not in FINAL},
                ended={state: found[f"job {state}"] for state in sorted(FINAL)},
                submitted=found["submitted"],
                units=found["units"],
                leases=len(self._deadlines.members()),
                leases_ended={end: found[f"lease {end}"] for end in End},
                live_workers=live,
                silent_workers=sum(not w.pause for w in self._workers.values()) - live,
            )

    def usage(self) -> Usage:
        """Nothing: there is no server."""
        return Usage()

    def since_tick_ms(self) -> float:
        """How long ago a reaper last passed."""
        return self._now_ms() - self._ticked

    def health(self) -> Sequence[Check]:
        """Memory is as safe as this process."""
        return [Check("store", True, "in this process's memory; gone when it ends")]

    def dump(self, job: str) -> JobDump:
        """Everything about one job, for the invariants."""
        with self._lock:
            record = self._record(job)
            return JobDump(
                record.view(),
                list(record.free),
                [lease.view(job, token) for token, lease in record.leases.items()],
                {
                    token: self._deadlines.score((job, token))
                    for owner, token in self._deadlines.members()
                    if owner == job
                },
                frozenset(record.ends.members()),
                frozenset((INDEX.get(record.state, "ended"),)),
                frozenset(record.pieces),
            )
