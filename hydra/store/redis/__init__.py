"""The accounts in Redis: the edition that runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from hydra.clock import SystemClock
from hydra.ports import Store
from hydra.store.redis.health import Health
from hydra.store.redis.lease_cache import LeaseCache
from hydra.store.redis.specs import Specs
from hydra.store.redis.verbs import RedisVerbs
from hydra.store.redis.views import RedisViews
from hydra.store.redis.vitals import RedisVitals


def redis_store(
    client: Any,
    new_id: Callable[[], str],
    *,
    listener: redis.Redis | None = None,
    keep_ms: int = 7 * 86_400_000,
    jobs_open_max: int = 10_000,
    generation: str = "",
    fsync: str = "",
    now_ms: Callable[[], float] | None = None,
    flags: bool = True,
) -> Store:
    """The accounts over a Redis client.

    `listener` waits for the bell, with a time-out of its own; `fsync` is what was promised of the
    server's log; see RedisVerbs for the others.
    """
    specs, leases = Specs(client), LeaseCache()
    views = RedisViews(client, specs, leases, listener or client)
    health = Health(client, SystemClock().monotonic_s, generation, fsync)
    verbs = RedisVerbs(
        client,
        views,
        specs,
        leases,
        new_id,
        keep_ms=keep_ms,
        jobs_open_max=jobs_open_max,
        generation=generation,
        now_ms=now_ms,
        flags=flags,
    )
    return Store(verbs=verbs, views=views, vitals=RedisVitals(client, health, now_ms))
