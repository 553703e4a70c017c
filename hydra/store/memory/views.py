"""What is read of the accounts, in plain Python: the reading half of the specification."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from hydra.errors import NoSuchFile, NotFinished
from hydra.model import (
    Chunk,
    Job,
    JobSpec,
    JobState,
    Lease,
    LeaseId,
    Sample,
    Session,
    StoryEntry,
    Worker,
    limits,
)
from hydra.model.cursors import cursor_of, position_in
from hydra.model.messages import Arrivals, Lent, Look, Runnable
from hydra.store.memory.state import State
from hydra.store.memory.steps import JobRecord

Entry = TypeVar("Entry", Chunk, StoryEntry)


class MemoryViews:
    """The Views port in plain Python."""

    def __init__(self, state: State) -> None:
        self._state = state

    def spec(self, job: str) -> JobSpec:
        """What was asked for; NoSuchJob."""
        with self._state.lock:
            return self._state.job(job).spec

    def job(self, job: str) -> Job:
        """One job, or NoSuchJob."""
        with self._state.lock:
            return self._state.job(job).view()

    def jobs(self, limit: int, before: str = "") -> Sequence[Job]:
        """Newest first, after the job `before`."""
        with self._state.lock:
            order = sorted(
                self._state.jobs.values(), key=lambda r: (r.created_ms, r.id), reverse=True
            )
            ids = [record.id for record in order]
            if before and before not in ids:
                return []
            first = ids.index(before) + 1 if before else 0
            return [record.view() for record in order[first : first + limit]]

    def answer(self, job: str) -> dict[str, Any]:
        """The answer of a DONE job."""
        with self._state.lock:
            record = self._state.job(job)
            if not record.answer:
                raise NotFinished(f"job {job} is {record.state} and has no answer", field="job")
            return dict(json.loads(record.answer))

    def history(self, job: str) -> Sequence[Sample]:
        """The job's sums on its way, in the order they were reached."""
        with self._state.lock:
            return list(self._state.jobs[job].history.values()) if job in self._state.jobs else []

    def timeline(
        self, job: str, after: str = "", limit: int = limits.TIMELINE_READ_MAX
    ) -> Sequence[Chunk]:
        """The job's chunks whose leases have ended, after the chunk `after`, oldest first."""
        with self._state.lock:
            found = self._state.jobs[job].timeline if job in self._state.jobs else []
            return self._behind(found, after)[:limit]

    def _behind(self, entries: Iterable[Entry], after: str) -> list[Entry]:
        """What came after the cursor, with cursors for ids."""
        run = self._state.run
        position = position_in(run, after)
        number = int(position) if position.isdigit() else 0
        return [
            replace(entry, id=cursor_of(run, entry.id))
            for entry in entries
            if int(entry.id) > number
        ]

    def arrivals(self, job: str, after: str, limit: int) -> Arrivals:
        """Units in the order their pieces came, behind the cursor `after`."""
        with self._state.lock:
            found = list(self._state.jobs[job].pieces) if job in self._state.jobs else []
            start = int(position_in(self._state.run, after) or 0)
            units = found[start : start + limit]
            return Arrivals(units=units, start=start, run=self._state.run)

    def pieces(self, job: str, units: Iterable[int]) -> dict[int, bytes]:
        """The pieces that are there of those units."""
        with self._state.lock:
            found = self._state.jobs[job].pieces if job in self._state.jobs else {}
            return {unit: found[unit] for unit in units if unit in found}

    def file(self, job: str, name: str) -> bytes:
        """One file of a DONE job's answer."""
        with self._state.lock:
            files = self._state.job(job).files
            if name not in files:
                raise NoSuchFile(f"job {job} has no file {name[:64]!r}", field="name")
            return files[name]

    def look(self, session: Session, versions: Collection[str] | None = None) -> Look:
        """What there is to do for a worker with those versions, with its rates."""
        state = self._state

        def can(record: JobRecord) -> bool:
            return versions is None or record.spec.version in versions

        with state.lock:
            found: list[JobRecord] = []
            passed: list[str] = []
            for record in state.runnable():
                if len(found) == limits.CLAIM_TRIES_MAX:
                    break
                if can(record):
                    found.append(record)
                else:
                    passed.append(record.id)
            jobs = [
                Runnable(
                    job=record.id,
                    kernel=record.spec.kernel,
                    version=record.spec.version,
                    params=record.spec.params,
                    total_units=record.spec.total_units,
                    unit_cost=record.spec.unit_cost,
                    vtime_s=record.vtime_s,
                    pace=state.pace(session, record),
                )
                for record in found
            ]
            waiting = [
                record
                for record in state.jobs.values()
                if record.state is JobState.REDUCING and can(record)
            ]
            reducible = [
                record.id
                for record in waiting[: limits.CLAIM_TRIES_MAX]
                if record.reduce_after_ms <= state.hydra_ms
                or (record.reduction and record.reduction.session == session.id)
            ]
            known = state.sessions.get(session.id)
            return Look(
                jobs=jobs,
                passed=passed[: limits.PASSED_MAX],
                reducible=reducible,
                granted=known.claims.seq if known else 0,
            )

    def lent(self, session: Session, job: str, token: str) -> Lent | None:
        """A lease that the session says it holds, as the last reply told its holder."""
        with self._state.lock:
            record = self._state.jobs.get(job)
            lease = record.leases.get(token) if record else None
            if not record or not lease:
                return None
            return Lent(
                spec=record.spec,
                first=lease.first,
                span=lease.span,
                pace=lease.pace,
            )

    def listen(self, seconds: float) -> bool:
        """Wait until new work may have appeared, at most so long."""
        return self._state.bell.listen(seconds)

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """Hydra time, and the job's leases with the latest estimated ends."""
        with self._state.lock:
            record = self._state.jobs.get(job)
            if record is None:
                return self._state.hydra_ms, []
            latest = record.ends.highest(limit)
            return self._state.hydra_ms, [self._straggler(record, token) for token in latest]

    def _straggler(self, record: JobRecord, token: str) -> Lease:
        """A lease, and whether its holder has begun it: then it counts from there."""
        lease = record.leases[token]
        found, holder = lease.view(record.id, token), self._state.sessions[lease.session.id]
        if not lease.queued:
            return found
        queued = holder.younger == (record.id, token)
        at_ms = lease.begins_ms if queued else max(lease.at_ms, holder.freed_ms)
        return replace(found, queued=queued, at_ms=at_ms)

    def overdue(self, limit: int) -> Sequence[LeaseId]:
        """Leases past their deadline."""
        with self._state.lock:
            return self._state.deadlines.until(self._state.hydra_ms, limit)

    def due_s(self) -> float:
        """How long until a lease is late if none beats."""
        with self._state.lock:
            first = self._state.deadlines.until(math.inf, 1)
            return (
                (self._state.deadlines.score(first[0]) - self._state.hydra_ms) / 1000
                if first
                else math.inf
            )

    def workers(self) -> Sequence[Worker]:
        """Workers seen lately, by name."""
        with self._state.lock:
            return [self._state.workers[name].view() for name in sorted(self._state.workers)]

    def live_workers(self) -> int:
        """How many were seen within LIVE_MS, or hold a lease that still runs."""
        with self._state.lock:
            return len(self._state.live_workers())

    def story(
        self, job: str, after: str = "", limit: int = limits.STORY_READ_MAX
    ) -> Sequence[StoryEntry]:
        """What happened to the job after the entry `after`, oldest first."""
        with self._state.lock:
            return self._behind(self._state.job(job).story, after)[:limit]
