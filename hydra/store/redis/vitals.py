"""The state of the accounts in Redis: generation, totals, health, all of one job."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hydra.model import Check
from hydra.model.messages import JobDump, Tally, Usage
from hydra.server.connection import store_errors
from hydra.store.redis import keys
from hydra.store.redis.dump import dump
from hydra.store.redis.health import Health
from hydra.store.redis.records import read_tally, text_fields


class RedisVitals:
    """The Vitals port over Redis."""

    def __init__(self, client: Any, health: Health, now_ms: Callable[[], float] | None) -> None:
        self._redis = client
        self._health = health
        self._now_ms = now_ms

    def generation(self) -> str:
        """The id of this store's data, made when it was first used."""
        with store_errors():
            found = self._redis.get(keys.GENERATION)
        return found.decode() if found else ""

    def tally(self) -> Tally:
        """What there is and what has been, over all jobs."""
        with store_errors():
            wall_ms = float(self._redis.hget(keys.CLOCK, "seen") or 0)
            with self._redis.pipeline(transaction=False) as pipe:
                for index in (keys.RUNNABLE, keys.REDUCING, keys.DEADLINES, keys.WORKERS):
                    pipe.zcard(index)
                pipe.zcount(keys.WORKERS, wall_ms, "+inf").hgetall(keys.TALLY)
                running, reducing, leases, workers, live, totals = pipe.execute()
        return read_tally(
            text_fields(totals),
            running=running,
            reducing=reducing,
            leases=leases,
            workers=workers,
            live=live,
        )

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
        now_ms = seconds * 1000 + micros / 1000 if self._now_ms is None else self._now_ms()
        return now_ms - float(ticked) if ticked else math.inf

    def health(self) -> Sequence[Check]:
        """What must hold for the accounts to be safe."""
        return self._health.checks()

    def dump(self, job: str) -> JobDump:
        """Everything about one job, at one moment."""
        with store_errors():
            return dump(self._redis, job)
