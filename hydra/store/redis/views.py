"""Reading the accounts in Redis: views for services and people. Nothing here changes a job."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from hydra.errors import NoSuchFile, NoSuchJob, NotFinished
from hydra.model import (
    Chunk,
    Job,
    JobSpec,
    Lease,
    LeaseId,
    Sample,
    Session,
    Span,
    StoryEntry,
    Worker,
    limits,
)
from hydra.model.cursors import RUN_CHARS, position_in
from hydra.model.messages import Arrivals, Lent, Look, Pace, Runnable
from hydra.server.connection import store_errors
from hydra.store.redis import keys
from hydra.store.redis.layout import FILE, LEASE, LEASE_ID, REDUCTION
from hydra.store.redis.lease_cache import LeaseCache
from hydra.store.redis.records import (
    free_within,
    read_chunk,
    read_job,
    read_sample,
    read_story,
    read_straggler,
    read_worker,
    text_fields,
)
from hydra.store.redis.specs import Specs

LOOK_PAGE = 64
"""Jobs whose turn it is that are read at once."""


class RedisViews:
    """The Views port over Redis; nothing here changes anything."""

    def __init__(self, client: Any, specs: Specs, leases: LeaseCache, listener: Any) -> None:
        self._redis = client
        self._listener = listener
        self._specs = specs
        self._leases = leases

    def spec(self, job: str) -> JobSpec:
        """What was asked for; NoSuchJob."""
        found = self._specs.of(job)
        if found is None:
            raise NoSuchJob(f"no job {job[:64]!r}", field="job")
        return found

    def job(self, job: str) -> Job:
        """One job, or NoSuchJob."""
        found = self._jobs([job])
        if not found:
            raise NoSuchJob(f"no job {job[:64]!r}", field="job")
        return found[0]

    def jobs(self, limit: int, before: str = "") -> Sequence[Job]:
        """Newest first, after the job `before`."""
        with store_errors():
            first = 0
            if before:
                rank = self._redis.zrevrank(keys.JOBS, before)
                if rank is None:
                    return []
                first = rank + 1
            ids = self._redis.zrevrange(keys.JOBS, first, first + limit - 1)
        return self._jobs([job.decode() for job in ids])

    def _jobs(self, ids: Sequence[str]) -> list[Job]:
        with store_errors(), self._redis.pipeline(transaction=True) as pipe:
            for job in ids:
                pipe.hgetall(keys.job(job)).hgetall(keys.sums(job)).hlen(keys.leases(job))
            replies = pipe.execute()
        return [
            read_job(job, text_fields(record), text_fields(sums), leases)
            for job, record, sums, leases in zip(
                ids, replies[::3], replies[1::3], replies[2::3], strict=True
            )
            if record
        ]

    def answer(self, job: str) -> dict[str, Any]:
        """The answer of a DONE job."""
        with store_errors():
            text = self._redis.get(keys.answer(job))
        if text is None:
            found = self.job(job)
            raise NotFinished(f"job {job} is {found.state} and has no answer", field="job")
        return dict(json.loads(text))

    def history(self, job: str) -> Sequence[Sample]:
        """The job's sums on its way, in the order they were reached."""
        with store_errors():
            rows = self._redis.hvals(keys.history(job))
        found = map(read_sample, rows)
        return sorted(found, key=lambda sample: sample.done_units)

    def timeline(
        self, job: str, after: str = "", limit: int = limits.TIMELINE_READ_MAX
    ) -> Sequence[Chunk]:
        """The job's chunks whose leases have ended, after the chunk `after`, oldest first."""
        run, rows = self._behind(keys.timeline(job), after, limit)
        return [read_chunk(run, entry, fields[b"chunk"]) for entry, fields in rows]

    def _behind(self, stream: str, after: str, limit: int) -> tuple[str, list[Any]]:
        """The server's run, and what came after the cursor."""
        with store_errors():
            run = self._run()
            position = position_in(run, after)
            start = f"({position}" if position else "-"
            return run, self._redis.xrange(stream, start, "+", limit)

    def _run(self) -> str:
        return str(self._redis.info("server").get("run_id", ""))[:RUN_CHARS] or "0" * RUN_CHARS

    def arrivals(self, job: str, after: str, limit: int) -> Arrivals:
        """Units in the order their pieces came, behind the cursor `after`."""
        with store_errors():
            run = self._run()
            start = int(position_in(run, after) or 0)
            found = self._redis.lrange(keys.arrivals(job), start, start + limit - 1)
        return Arrivals(units=[int(unit) for unit in found], start=start, run=run)

    def pieces(self, job: str, units: Iterable[int]) -> dict[int, bytes]:
        """The pieces that are there of those units."""
        wanted = list(units)
        with store_errors():
            blobs = self._redis.hmget(keys.pieces(job), wanted) if wanted else []
        return {u: blob for u, blob in zip(wanted, blobs, strict=True) if blob is not None}

    def file(self, job: str, name: str) -> bytes:
        """One file of a DONE job's answer."""
        with store_errors():
            found = self._redis.hget(keys.files(job), name) if "/" not in name else None
            if found is not None:
                file = FILE.unpack(found)
                parts = [f"{file['token']}/{name}/{part}" for part in range(file["parts"])]
                read: list[bytes | None] = []
                for at in range(0, len(parts), limits.FILE_PARTS_MAX):
                    wanted = parts[at : at + limits.FILE_PARTS_MAX]
                    read += self._redis.hmget(keys.files(job), wanted)
                if None not in read:
                    return b"".join(part for part in read if part is not None)
        self.job(job)
        raise NoSuchFile(f"job {job} has no file {name[:64]!r}", field="name")

    def look(self, session: Session, versions: Collection[str] | None = None) -> Look:
        """What there is to do for a worker with those versions: two round trips, as a rule."""

        def can(spec: JobSpec) -> bool:
            return versions is None or spec.version in versions

        with store_errors():
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.zrange(keys.RUNNABLE, 0, LOOK_PAGE - 1, withscores=True)
                pipe.zrange(keys.REDUCING, 0, LOOK_PAGE - 1, withscores=True)
                pipe.hget(keys.CLOCK, "active").hgetall(keys.FLEET)
                pipe.hget(keys.session(session.id), "claim_seq")
                runnable, reducing, active, fleet, granted = pipe.execute()
            turns, passed = self._first(keys.RUNNABLE, runnable, can)
            waiting, _ = self._first(keys.REDUCING, reducing, can)
            with self._redis.pipeline(transaction=False) as pipe:
                for job, _, _ in waiting:
                    pipe.hget(keys.job(job), "reduction")
                for job, _, spec in turns:
                    self._ask_pace(pipe, session, job, spec)
                replies = pipe.execute()
        held, rows = replies[: len(waiting)], replies[len(waiting) :]
        figures = text_fields(fleet)
        jobs = [
            Runnable(
                job=job,
                kernel=spec.kernel,
                version=spec.version,
                params=spec.params,
                total_units=spec.total_units,
                unit_cost=spec.unit_cost,
                vtime_s=vtime_s,
                pace=_pace(rows[PACE_READS * at : PACE_READS * (at + 1)], spec, figures),
            )
            for at, (job, vtime_s, spec) in enumerate(turns)
        ]
        reducible = [
            job
            for (job, until_ms, _), line in zip(waiting, held, strict=True)
            if until_ms <= float(active or 0)
            or (line and REDUCTION.unpack(line)["session"] == session.id)
        ]
        return Look(jobs=jobs, passed=passed, reducible=reducible, granted=int(granted or 0))

    def _first(
        self, index: str, page: list[tuple[bytes, float]], can: Callable[[JobSpec], bool]
    ) -> tuple[list[tuple[str, float, JobSpec]], list[str]]:
        """The first jobs of an index that the worker can serve, and those passed over before.

        `page` is the beginning of the index; further ones are read if need be.
        """
        found: list[tuple[str, float, JobSpec]] = []
        passed: list[str] = []
        read = 0
        while page:
            scores = {job.decode(): score for job, score in page}
            for job, spec in self._specs.of_all(list(scores)).items():
                if can(spec):
                    found.append((job, scores[job], spec))
                elif len(passed) < limits.PASSED_MAX:
                    passed.append(job)
                if len(found) == limits.CLAIM_TRIES_MAX:
                    return found, passed
            read += len(page)
            whole = len(page) == LOOK_PAGE
            page = (
                self._redis.zrange(index, read, read + LOOK_PAGE - 1, withscores=True)
                if whole
                else []
            )
        return found, passed

    def lent(self, session: Session, job: str, token: str) -> Lent | None:
        """A lease that the session says it holds, as the store last described it."""
        if known := self._leases.of(token):
            return known
        spec = self._specs.of(job)
        if spec is None:
            return None
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            pipe.hget(keys.leases(job), token).hgetall(keys.FLEET)
            self._ask_pace(pipe, session, job, spec)
            line, fleet, *row = pipe.execute()
        if line is None:
            return None
        lease = LEASE.unpack(line)
        return Lent(
            spec=spec,
            first=lease["first"],
            span=Span(lease["start"], lease["stop"]),
            pace=_pace(row, spec, text_fields(fleet)),
        )

    def _ask_pace(self, pipe: Any, session: Session, job: str, spec: JobSpec) -> None:
        pipe.hget(keys.job(job), "unassigned")
        pipe.hget(keys.worker(session.worker), f"rate:{spec.version}")
        pipe.get(keys.rate(spec.version, session.host))
        pipe.zrange(keys.free(job), 0, 0, withscores=True)
        pipe.zrevrange(keys.free(job), 0, 0)

    def listen(self, seconds: float) -> bool:
        """Wait until new work may have appeared, at most so long."""
        patience_s = (
            self._listener.connection_pool.connection_kwargs.get("socket_timeout") or seconds
        )
        block_ms = max(1, int(min(seconds, patience_s / 2) * 1000))
        with store_errors():
            return bool(self._listener.xread({keys.BELL: "$"}, count=1, block=block_ms))

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """Hydra time, and the job's leases with the latest estimated ends."""
        with store_errors():
            active, tokens = (
                self._redis.pipeline(transaction=False)
                .hget(keys.CLOCK, "active")
                .zrevrange(keys.ends(job), 0, limit - 1)
                .execute()
            )
            lines = self._redis.hmget(keys.leases(job), tokens) if tokens else []
            found = {
                token.decode(): LEASE.unpack(line)
                for token, line in zip(tokens, lines, strict=True)
                if line
            }
            holders = [lease["session"] for lease in found.values() if lease["queued"]]
            with self._redis.pipeline(transaction=False) as pipe:
                for session in holders:
                    pipe.hmget(keys.session(session), "next_token", "freed_ms")
                places = dict(zip(holders, pipe.execute(), strict=True))
        return float(active or 0), [
            read_straggler(job, token, lease, places.get(lease["session"]))
            for token, lease in found.items()
        ]

    def overdue(self, limit: int) -> Sequence[LeaseId]:
        """Leases past their deadline."""
        with store_errors():
            active = self._redis.hget(keys.CLOCK, "active") or 0
            late = self._redis.zrangebyscore(keys.DEADLINES, "-inf", float(active), 0, limit)
        found = map(LEASE_ID.unpack, late)
        return [LeaseId(**lease) for lease in found]

    def due_s(self) -> float:
        """How long until a lease is late if none beats."""
        with store_errors():
            active = self._redis.hget(keys.CLOCK, "active") or 0
            first = self._redis.zrange(keys.DEADLINES, 0, 0, withscores=True)
        return (first[0][1] - float(active)) / 1000 if first else math.inf

    def workers(self) -> Sequence[Worker]:
        """Workers seen lately, by name."""
        with store_errors():
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.zrange(keys.PAUSED, 0, -1, withscores=True)
                pipe.zrange(keys.WORKERS, 0, -1, withscores=True)
                paused, working = map(dict, pipe.execute())
            rows = list({**paused, **working}.items())  # who called since does not pause
            with self._redis.pipeline(transaction=False) as pipe:
                for name, _ in rows:
                    pipe.hgetall(keys.worker(name.decode()))
                records = pipe.execute()
        return sorted(
            (
                read_worker(name.decode(), int(until), text_fields(record), name not in working)
                for (name, until), record in zip(rows, records, strict=True)
                if record
            ),
            key=lambda worker: worker.id,
        )

    def live_workers(self) -> int:
        """How many were seen within LIVE_MS, or hold a lease that still runs."""
        with store_errors():
            wall_ms = float(self._redis.hget(keys.CLOCK, "seen") or 0)
            return int(self._redis.zcount(keys.WORKERS, wall_ms, "+inf"))

    def story(
        self, job: str, after: str = "", limit: int = limits.STORY_READ_MAX
    ) -> Sequence[StoryEntry]:
        """What happened to the job after the entry `after`, oldest first."""
        run, rows = self._behind(keys.story(job), after, limit)
        if not rows:
            self.job(job)
        return [read_story(run, entry, fields) for entry, fields in rows]


PACE_READS = 5
"""Replies that `_ask_pace` brings for one job."""


def _pace(row: Sequence[Any], spec: JobSpec, fleet: Mapping[str, str]) -> Pace:
    unassigned, own, host, first, last = row
    return Pace(
        rate=float(own or host or 0),
        fleet_rate=float(fleet.get(spec.version, 0)),
        unassigned_units=int(unassigned or 0),
        live_workers=int(fleet.get("live", 0)),
        free_within=free_within(first, last),
    )
