"""The one place where ports meet adapters: read this to know what is plugged into what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hydra import annexes, kernels
from hydra.clock import Clock, SystemClock
from hydra.kernels import Kernel
from hydra.services import Hydra
from hydra.settings import Settings


def live(settings: Settings) -> Hydra:
    """Hydra over the Redis of `settings.redis_url`.

    Raises StoreDown or StoreUnsafe if that Redis cannot be trusted with the accounts, or is not
    the one this state folder knew.
    """
    from hydra.server import connection
    from hydra.store.redis import generation

    client = connection.connect(settings.redis_url)
    connection.require_safe(client, settings.fsync)
    known = generation.adopt(client, settings.state_dir, SystemClock())
    return over(client, settings, generation=known)


def over(
    client: Any, settings: Settings, clock: Clock | None = None, generation: str = ""
) -> Hydra:
    """Hydra over a Redis client, taken as it is: what a worker uses.

    With a `generation`, no job is opened and no pass made in a store that has another one.
    """
    from hydra.adapters.rq_queue import RqQueue
    from hydra.server.connection import TIMEOUT_S, own_client
    from hydra.store.redis import redis_store

    clock = clock or SystemClock()
    store = redis_store(
        client,
        clock.new_id,
        listener=own_client(client, TIMEOUT_S),
        keep_ms=settings.job_keep_seconds * 1000,
        jobs_open_max=settings.jobs_open_max,
        generation=generation,
        fsync=settings.fsync,
    )
    return _wired(Hydra(store, RqQueue(client), clock, settings, kernels.load))


def in_memory(
    settings: Settings | None = None,
    clock: Clock | None = None,
    load: Callable[[], Mapping[str, Kernel]] = kernels.load,
) -> Hydra:
    """Hydra in this process's memory: no server, gone at exit."""
    from hydra.adapters.memory_queue import MemoryQueue
    from hydra.store.memory import memory_store

    clock = clock or SystemClock()
    settings = settings or Settings.read({})
    store = memory_store(
        clock.new_id,
        lambda: clock.wall_s() * 1000,
        jobs_open_max=settings.jobs_open_max,
        sleep_s=None if isinstance(clock, SystemClock) else clock.sleep_s,
    )
    return _wired(Hydra(store, MemoryQueue(), clock, settings, load))


def _wired(h: Hydra) -> Hydra:
    """With what annexes put in the place of adapters."""
    for wire in annexes.every(lambda annex: annex.wires):
        h = wire(h)
    return h
