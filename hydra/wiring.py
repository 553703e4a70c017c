"""The one place where ports meet adapters: read this to know what is plugged into what."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hydra import kernels
from hydra.clock import Clock, SystemClock
from hydra.errors import BadSetting
from hydra.kernels import Kernel
from hydra.messages import Grant, Hint, Receipt, Report
from hydra.model import Session
from hydra.pauses import Pause, parse_hours
from hydra.policy import pausing
from hydra.services import Hydra
from hydra.services.claim import claim
from hydra.services.complete import complete
from hydra.services.enlist import enlist
from hydra.services.leave import leave
from hydra.services.pause import pause
from hydra.services.reduce import reduce_waiting
from hydra.services.roster import name_of
from hydra.settings import Settings

NAME_CHARS_MAX = 128
"""Longest name of a worker or a host."""


def live(settings: Settings) -> Hydra:
    """Hydra over the Redis of `settings.redis_url`.

    Raises StoreDown or StoreUnsafe if that Redis cannot be trusted with the accounts, or is not
    the one this state folder knew.
    """
    from hydra import connection
    from hydra.store import generation

    client = connection.connect(settings.redis_url)
    connection.require_safe(client, settings.fsync)
    known = generation.adopt(client, settings.state_dir, SystemClock().new_id())
    return over(client, settings, generation=known)


def over(
    client: Any, settings: Settings, clock: Clock | None = None, generation: str = ""
) -> Hydra:
    """Hydra over a Redis client, taken as it is: what a worker uses.

    With a `generation`, no job is opened and no pass made in a store that has another one.
    """
    from hydra.adapters.rq_queue import RqQueue
    from hydra.store.redis_store import RedisStore

    clock = clock or SystemClock()
    store = RedisStore(
        client, clock.new_id,
        keep_ms=settings.job_keep_seconds * 1000, jobs_open_max=settings.jobs_open_max,
        generation=generation, fsync=settings.fsync,
    )
    return Hydra(store, RqQueue(client), clock, settings, kernels.load)


@dataclass
class MemoryQueue:
    """The TaskQueue port as a list, for tests and simulation."""

    tasks: list[tuple[str, int]] = field(default_factory=list)
    listening: Collection[str] = ()

    def enqueue(self, tasks: Any) -> None:
        """Add chunk tasks."""
        self.tasks += tasks

    def waiting(self) -> int:
        """How many tasks are queued."""
        return len(self.tasks)

    def workers(self) -> Collection[str]:
        """The names of the workers that listen."""
        return self.listening


def in_memory(
    settings: Settings | None = None,
    clock: Clock | None = None,
    load: Callable[[], Mapping[str, Kernel]] = kernels.load,
) -> Hydra:
    """Hydra in this process's memory: no server, gone at exit."""
    from hydra.store.memory_store import MemoryStore

    clock = clock or SystemClock()
    settings = settings or Settings.read({})
    store = MemoryStore(
        clock.new_id,
        lambda: clock.wall_s() * 1000,
        jobs_open_max=settings.jobs_open_max,
        sleep_s=None if isinstance(clock, SystemClock) else clock.sleep_s,
    )
    return Hydra(store, MemoryQueue(), clock, settings, load)


def comfort(settings: Settings, clock: Clock) -> Callable[[], Pause | None]:
    """What tells why the workers of this machine take no work now, or None.

    Raises BadSetting where the owner's load is to be watched and cannot be.
    """
    from hydra.adapters import owner

    hours, load_max = parse_hours(settings.work_hours), settings.owner_load_max
    if load_max and not (settings.nice and owner.load_is_told()):
        raise BadSetting(
            "HYDRA_OWNER_LOAD_MAX needs Linux and a HYDRA_NICE above 0: only niced work can be "
            "told from the owner's", field="HYDRA_OWNER_LOAD_MAX",
        )
    watched = owner.Load(settings.state_dir, clock) if load_max else None

    def ask() -> Pause | None:
        now_s = clock.wall_s()
        local = datetime.fromtimestamp(now_s)
        day_s = local.hour * 3600 + local.minute * 60 + local.second
        load, was_over = watched.look() if watched else (None, False)
        if watched and load is not None:
            watched.judged(pausing.over(load, was_over, load_max))
        ordered_s = owner.ordered_until_s(settings.state_dir)
        facts = pausing.Facts(now_s, day_s, ordered_s, load, was_over)
        return pausing.decide(facts, hours, load_max)

    return ask


def session_here(h: Hydra, rq_name: str = "") -> Session:
    """A new session of this process, named as the settings or RQ say."""
    host = h.settings.host or socket.gethostname()
    name = h.settings.worker_id or name_of(host, rq_name) or f"{host}-{os.getpid()}"
    return Session(h.clock.new_id(), _word(name), _word(host), os.getpid())


def _word(text: str) -> str:
    """The text as one word of bounded length: records in the store are split at spaces."""
    return "".join(text.split())[:NAME_CHARS_MAX]


class LocalPort:
    """The WorkPort of a worker that reaches the store itself: it calls the services."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def enlist(self, session: Session) -> int:
        """Open a session."""
        return enlist(self._h, session)

    def leave(self, session: Session, why: str) -> None:
        """The process ends without handing in."""
        leave(self._h, session.worker, why)

    def pause(self, session: Session, why: Pause) -> None:
        """Say why the worker takes no work now."""
        pause(self._h, session, why)

    def claim(self, session: Session, seq: int, hint: Hint) -> Grant | None:
        """Some work, or None."""
        return claim(self._h, session, seq, hint)

    def complete(self, session: Session, seq: int, report: Report) -> Receipt:
        """Hand in, and perhaps take the next chunk."""
        return complete(self._h, session, seq, report)

    def reduce(self, session: Session) -> bool:
        """Do one waiting reduction."""
        waiting = self._h.store.look(session).reducible
        return reduce_waiting(self._h, session, waiting)

    def listen(self, seconds: float) -> None:
        """Wait for work."""
        self._h.store.listen(seconds)

