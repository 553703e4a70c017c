"""Reading the accounts in Redis: views for services and people. Nothing here changes a job."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import redis

from hydra.errors import NoSuchFile, NoSuchJob, NotFinished
from hydra.model import (
    Check,
    Chunk,
    Job,
    JobSpec,
    Lease,
    Sample,
    Session,
    StoryEntry,
    Worker,
    limits,
)
from hydra.model.messages import JobDump, Look, Pace, Runnable, Tally, Usage
from hydra.server.connection import store_errors
from hydra.store import wire
from hydra.store.redis import keys
from hydra.store.redis.dump import dump
from hydra.store.redis.health import Health
from hydra.store.redis.records import (
    free_within,
    read_chunk,
    read_job,
    read_lease,
    read_story,
    read_tally,
    read_worker,
    text_fields,
)

SPECS_MAX = 1024
"""Specs remembered by one process; they never change, so this saves a round trip a chunk."""


class RedisReader:
    """The reading half of the store over Redis."""

    def __init__(
        self, client: redis.Redis, health: Health, now_ms: Callable[[], float] | None
    ) -> None:
        self._redis: Any = client  # redis-py's types mix sync and async replies
        self._health = health
        self._now_ms = now_ms
        self._specs: dict[str, JobSpec] = {}

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

    def spec(self, job: str) -> JobSpec | None:
        """A job's spec, from memory if this process has seen it; None if there is no such job."""
        if job not in self._specs:
            with store_errors():
                record = self._redis.hgetall(keys.job(job))
            if not record:
                return None
            if len(self._specs) >= SPECS_MAX:
                self._specs.clear()
            self._specs[job] = wire.spec_from(text_fields(record))
        return self._specs[job]

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
        words = [row.decode().split(" ") for row in rows]
        found = [
            Sample(
                int(w[0]),
                int(w[1]),
                dict(zip(w[3::2], map(int, w[4::2]), strict=True)),
                float(w[2]),
            )
            for w in words
        ]
        return sorted(found, key=lambda sample: sample.done_units)

    def timeline(
        self, job: str, after: str = "", limit: int = limits.TIMELINE_READ_MAX
    ) -> Sequence[Chunk]:
        """The job's chunks whose leases have ended, after the chunk `after`, oldest first."""
        with store_errors():
            rows = self._redis.xrange(keys.timeline(job), f"({after}" if after else "-", "+", limit)
        return [read_chunk(entry.decode(), fields[b"chunk"]) for entry, fields in rows]

    def arrivals(self, job: str, after: int, limit: int) -> Sequence[int]:
        """Units in the order their pieces came, without the first `after`."""
        with store_errors():
            found = self._redis.lrange(keys.arrivals(job), after, after + limit - 1)
        return [int(unit) for unit in found]

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
                parts, token = found.decode().split(" ")
                wanted = (f"{token}/{name}/{part}" for part in range(int(parts)))
                return b"".join(self._redis.hget(keys.files(job), part) for part in wanted)
        self.job(job)
        raise NoSuchFile(f"job {job} has no file {name[:64]!r}", field="name")

    def look(self, session: Session) -> Look:
        """What there is to do, with this worker's rates: two round trips."""
        with store_errors():
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.zrange(keys.RUNNABLE, 0, limits.CLAIM_TRIES_MAX - 1, withscores=True)
                pipe.hget(keys.CLOCK, "active")
                pipe.zrange(keys.REDUCING, 0, limits.CLAIM_TRIES_MAX - 1, withscores=True)
                pipe.hgetall(keys.FLEET)
                runnable, active, reducing, fleet = pipe.execute()
            specs = [(job.decode(), vtime) for job, vtime in runnable]
            known = [(job, vtime, spec) for job, vtime in specs if (spec := self.spec(job))]
            with self._redis.pipeline(transaction=False) as pipe:
                for job, _, spec in known:
                    pipe.hget(keys.job(job), "unassigned")
                    pipe.hget(keys.worker(session.worker), f"rate:{spec.version}")
                    pipe.get(keys.rate(spec.version, session.host))
                    pipe.zrange(keys.free(job), 0, 0, withscores=True)
                    pipe.zrevrange(keys.free(job), 0, 0)
                for job, _ in reducing:
                    pipe.hget(keys.job(job.decode()), "reducer")
                replies = pipe.execute()
        rows, reducers = replies[: 5 * len(known)], replies[5 * len(known) :]
        live = int(fleet.get(b"live", 0))
        jobs = [
            Runnable(
                job,
                spec.kernel,
                spec.version,
                spec.params,
                spec.total_units,
                spec.unit_cost,
                vtime,
                Pace(
                    float(own or host or 0),
                    float(fleet.get(spec.version.encode(), 0)),
                    int(unassigned or 0),
                    live,
                    free_within(first, last),
                ),
            )
            for (job, vtime, spec), unassigned, own, host, first, last in zip(
                known, rows[::5], rows[1::5], rows[2::5], rows[3::5], rows[4::5], strict=True
            )
        ]
        now = float(active or 0)
        mine = session.id.encode()
        waiting = [
            job.decode()
            for (job, after), reducer in zip(reducing, reducers, strict=True)
            if after <= now or reducer == mine
        ]
        return Look(jobs, waiting)

    def listen(self, seconds: float) -> None:
        """Wait until new work may have appeared, at most so long."""
        patience_s = self._redis.connection_pool.connection_kwargs.get("socket_timeout") or seconds
        block_ms = max(1, int(min(seconds, patience_s / 2) * 1000))
        with store_errors():
            self._redis.xread({keys.BELL: "$"}, count=1, block=block_ms)

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
        found = zip(tokens, lines, strict=True)
        return float(active or 0), [read_lease(job, t.decode(), line) for t, line in found if line]

    def overdue(self, limit: int) -> Sequence[tuple[str, str]]:
        """(job, token) of leases past their deadline."""
        with store_errors():
            active = self._redis.hget(keys.CLOCK, "active") or 0
            late = self._redis.zrangebyscore(keys.DEADLINES, "-inf", float(active), 0, limit)
        return [(job, token) for job, token in (member.decode().split(" ") for member in late)]

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
            wall = float(self._redis.hget(keys.CLOCK, "seen") or 0)
            return int(self._redis.zcount(keys.WORKERS, wall, "+inf"))

    def story(self, job: str, after: str = "", limit: int = 500) -> Sequence[StoryEntry]:
        """What happened to the job after the entry `after`, oldest first."""
        with store_errors():
            rows = self._redis.xrange(keys.story(job), f"({after}" if after else "-", "+", limit)
        if not rows and not after:
            self.job(job)
        return [read_story(entry, fields) for entry, fields in rows]

    def generation(self) -> str:
        """The id of this store's data, made when it was first used."""
        with store_errors():
            found = self._redis.get(keys.GENERATION)
        return found.decode() if found else ""

    def tally(self) -> Tally:
        """What there is and what has been, over all jobs."""
        with store_errors(), self._redis.pipeline(transaction=False) as pipe:
            for index in (keys.RUNNABLE, keys.REDUCING, keys.DEADLINES, keys.WORKERS):
                pipe.zcard(index)
            *sizes, totals = pipe.hgetall(keys.TALLY).execute()
        return read_tally(text_fields(totals), *sizes, live=self.live_workers())

    def usage(self) -> Usage:
        """What the server spends on us."""
        with store_errors():
            info = self._redis.info()
        return Usage(int(info.get("used_memory", 0)), int(info.get("total_commands_processed", 0)))

    def since_tick_ms(self) -> float:
        """How long ago a reaper last passed."""
        with store_errors():
            ticked = self._redis.hget(keys.CLOCK, "ticked")
            seconds, micros = self._redis.time()
        now = seconds * 1000 + micros / 1000 if self._now_ms is None else self._now_ms()
        return now - float(ticked) if ticked else math.inf

    def health(self) -> Sequence[Check]:
        """What must hold for the accounts to be safe."""
        return self._health.checks()

    def dump(self, job: str) -> JobDump:
        """Everything about one job, at one moment."""
        with store_errors():
            return dump(self._redis, job)
