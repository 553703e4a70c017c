"""The verbs over Redis that concern the fleet and no single job, and how any script is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from hydra.clock import SystemClock
from hydra.errors import StoreUnsafe
from hydra.model import Session
from hydra.model.messages import FleetFigures
from hydra.model.pauses import Pause
from hydra.server.connection import store_errors
from hydra.store.redis import keys, scripts
from hydra.store.redis.health import Health
from hydra.store.redis.views import RedisReader

VERBS = (
    "submit",
    "enlist",
    "leave",
    "claim",
    "complete",
    "expire",
    "cancel",
    "reduce",
    "finish",
    "tick",
    "pause",
)

RUNNABLE_LOOKED_AT = 32
"""Runnable jobs whose kernels and units the fleet's figures cover."""

STRANGER = "this Redis is empty or holds other data than at the start; restore it, or start anew"


class RedisFleet(RedisReader):
    """Workers that come and go, leases that are late, and the reaper's figures."""

    def __init__(
        self,
        client: redis.Redis,
        new_id: Callable[[], str],
        *,
        keep_ms: int = 7 * 86_400_000,
        jobs_open_max: int = 10_000,
        generation: str = "",
        fsync: str = "",
        now_ms: Callable[[], float] | None = None,
        flags: bool = True,
    ) -> None:
        health = Health(client, SystemClock().monotonic_s, generation, fsync)
        super().__init__(client, health, now_ms)
        self._generation = generation
        self._new_id = new_id
        self._keep_ms = keep_ms
        self._jobs_open_max = jobs_open_max
        self._scripts = {verb: scripts.load(client, verb, flags=flags) for verb in VERBS}

    def _run(self, verb: str, script_keys: list[str], *args: Any) -> Any:
        now = -1 if self._now_ms is None else self._now_ms()
        with store_errors():
            return self._scripts[verb](keys=script_keys, args=[now, *args])

    def enlist(self, session: Session) -> int:
        """Open a session; how many workers were live."""
        return int(
            self._run(
                "enlist",
                [
                    keys.CLOCK,
                    keys.session(session.id),
                    keys.worker(session.worker),
                    keys.WORKERS,
                    keys.PAUSED,
                    keys.FLEET,
                ],
                session.worker,
                session.host,
                session.pid,
                session.id,
            )
        )

    def pause(self, session: Session, why: Pause) -> None:
        """Note the worker as paused."""
        self._run(
            "pause",
            [keys.CLOCK, keys.worker(session.worker), keys.WORKERS, keys.PAUSED],
            session.worker,
            session.host,
            session.pid,
            why.why,
            why.until_ms,
        )

    def leave(self, worker: str, why: str) -> bool:
        """End the worker's last session and what it held; whether a lease was lost."""
        with store_errors():
            raw = self._redis.hget(keys.worker(worker), "session")
            session = raw.decode() if raw else ""
            held = self._redis.hmget(keys.session(session), "job", "token", "reduces")
        job, token, reduced = (word.decode() if word else "" for word in held)
        script_keys = [
            keys.CLOCK,
            keys.session(session),
            keys.worker(worker),
            *self._losing_keys(job),
            keys.job(reduced),
            keys.story(reduced),
        ]
        return bool(
            self._run(
                "leave", script_keys, worker, session, job, token, why, self._keep_ms, reduced
            )
        )

    def expire(self, job: str, token: str) -> bool:
        """End a lease whose deadline has passed; whether it did."""
        script_keys = [keys.CLOCK, *self._losing_keys(job)]
        return bool(self._run("expire", script_keys, job, token, self._keep_ms))

    def _losing_keys(self, job: str) -> list[str]:
        return [
            keys.job(job),
            keys.free(job),
            keys.leases(job),
            keys.ends(job),
            keys.DEADLINES,
            keys.RUNNABLE,
            keys.REDUCING,
            keys.ENDED,
            keys.sums(job),
            keys.pieces(job),
            keys.WORKERS,
            keys.story(job),
            keys.BELL,
            keys.history(job),
            keys.arrivals(job),
            keys.timeline(job),
            keys.TALLY,
        ]

    def tick(self) -> FleetFigures:
        """Advance Hydra time and refresh the fleet's figures.

        The figures steer sizes and are read without a lock; the accounts never depend on them.
        """
        live, due = self._run(
            "tick",
            [
                keys.CLOCK,
                keys.JOBS,
                keys.ENDED,
                keys.WORKERS,
                keys.GENERATION,
                keys.PAUSED,
                keys.FLEET,
            ],
            self._generation,
            self._keep_ms,
            100,
        )
        if live < 0:
            raise StoreUnsafe(STRANGER)
        with store_errors():
            runnable = self._redis.zrange(keys.RUNNABLE, 0, RUNNABLE_LOOKED_AT - 1)
            names = self._redis.zrevrange(keys.WORKERS, 0, live - 1) if live and due else []
            specs = {
                job: spec for job in (raw.decode() for raw in runnable) if (spec := self.spec(job))
            }
            versions = sorted({spec.version for spec in specs.values()})
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.zcard(keys.RUNNABLE).zcard(keys.REDUCING)
                for job in specs:
                    pipe.hget(keys.job(job), "unassigned")
                for name in names:
                    pipe.hmget(
                        keys.worker(name.decode()),
                        "host",
                        *(f"rate:{version}" for version in versions),
                    )
                jobs, reducible, *rows = pipe.execute()
            unassigned, workers = rows[: len(specs)], rows[len(specs) :]
            if due:
                fleet: dict[str, Any] = {
                    version: sum(float(row[1 + i] or 0) for row in workers)
                    for i, version in enumerate(versions)
                }
                with self._redis.pipeline(transaction=True) as pipe:
                    pipe.delete(keys.FLEET).hset(keys.FLEET, mapping={**fleet, "live": live})
                    pipe.execute()
        return FleetFigures(live, jobs, reducible, sum(int(n or 0) for n in unassigned))
