"""The only task that Hydra puts into RQ: one shift of work.

It runs in any `rq worker hydra`, stock or ours. The arguments are a hint: the task carries no data,
so losing it, running it twice or flushing the queue costs nothing.
"""

from __future__ import annotations

import signal
import threading
from dataclasses import replace
from types import FrameType
from typing import Any

import redis
from rq import get_current_job

from hydra import settings, wiring
from hydra.errors import Missing
from hydra.kernels._proof import proven
from hydra.messages import Hint
from hydra.services.dispatch import dispatch
from hydra.settings import Settings
from hydra.worker import Worker


def run_chunk(job: str, units: int) -> None:
    """Work for one shift, `job` first; leave a successor if there is work left.

    Raises Unavailable if Redis stays silent for longer than the settings allow.
    """
    task = get_current_job()
    if task is None:
        raise RuntimeError("run_chunk is a task of RQ")
    limits = Settings.read()
    # Only kernels that prove themselves here are worked on.
    h = replace(wiring.over(_own_client(task.connection, limits), limits), kernels=proven)
    session = wiring.session_here(h, str(task.worker_name or ""))
    stop = _stop_on_sigterm()
    worker = Worker(
        wiring.LocalPort(h), h.kernels(), h.clock, limits, session, stopping=stop.is_set
    )
    try:
        work_left = worker.shift(Hint(job, units))
    except Missing:
        return  # the store forgot this session: the next task opens another
    if work_left:
        dispatch(h)


def _own_client(theirs: redis.Redis, limits: Settings) -> redis.Redis:
    """A connection like RQ's to the same server, but with the patience of a lease, not of RQ.

    RQ waits 415 s for a silent server; a third of a lease is time enough to ask again.
    """
    pool = theirs.connection_pool
    patience_s = limits.beat_seconds * settings.LEASE_BEATS / 3
    given: dict[str, Any] = {
        **pool.connection_kwargs,
        "socket_timeout": patience_s,
        "socket_connect_timeout": patience_s,
        "decode_responses": False,
    }
    given.pop("retry", None)
    return redis.Redis(
        connection_pool=redis.ConnectionPool(connection_class=pool.connection_class, **given)
    )


def _stop_on_sigterm() -> threading.Event:
    """Set when our worker class asks the work-horse to come to an end; RQ's own never does."""
    stop = threading.Event()

    def heard(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, heard)
    return stop
