"""The only task that Hydra puts into RQ: one shift of work.

It runs in any `rq worker hydra`, stock or ours. The arguments are a hint: the task carries no data,
so losing it, running it twice or flushing the queue costs nothing.
"""

from __future__ import annotations

import os
import resource
import signal
import threading
from dataclasses import replace
from functools import partial

from rq import get_current_job

from hydra import wiring
from hydra.adapters.pauses import pause_check
from hydra.errors import Missing
from hydra.model.limits import LEASE_BEATS
from hydra.model.messages import Hint
from hydra.policy.calling import SHIFT_S_MAX
from hydra.server.connection import own_client
from hydra.services.dispatch import dispatch
from hydra.settings import Settings
from hydra.work.local import LocalPort, session_here
from hydra.work.proof import proven
from hydra.work.worker import Worker

INTERRUPT = signal.SIGUSR1
"""The signal by which the heart's thread reaches the thread that computes."""

STUCK_CODE = 70
"""Exit code of a process whose kernel call does not return."""

LONG_SHIFT_FACTOR = 6
"""Our worker class has its work-horse end a shift at any slice, so its shifts may be so many times
as long: each costs a fork and RQ's bookkeeping, which is much for a tenth of a core."""


next_session_id = ""
"""The id of the next session: our worker class draws it before each fork, so that it can tell the
store which session has ended when its work-horse dies."""


def run_chunk(job: str, units: int) -> None:
    """Work for one shift, `job` first; add another task if there is work left.

    Raises Unavailable if Redis stays silent for longer than the settings allow.
    """
    _work(job, units, Settings.read())


def run_long_shift(job: str, units: int) -> None:
    """The same under our worker class, for longer."""
    settings = Settings.read()
    longer_s = max(
        min(LONG_SHIFT_FACTOR * settings.shift_seconds, SHIFT_S_MAX), settings.shift_seconds
    )
    _work(job, units, replace(settings, shift_seconds=longer_s), next_session_id)


def _work(job: str, units: int, settings: Settings, session_id: str = "") -> None:
    task = get_current_job()
    if task is None:
        raise RuntimeError("run_chunk is a task of RQ")
    if os.getpriority(os.PRIO_PROCESS, 0) < settings.nice:  # only root may lower it
        os.setpriority(os.PRIO_PROCESS, 0, settings.nice)
    # Only kernels that give their golden answers here are used.
    # RQ waits 415 s for a silent server; a third of a lease leaves time to ask again.
    client = own_client(task.connection, settings.beat_seconds * LEASE_BEATS / 3)
    h = replace(wiring.over(client, settings), kernels=proven)
    session = session_here(h, str(task.worker_name or ""), session_id)
    stop = threading.Event()
    worker = Worker(
        LocalPort(h, give_up=_give_up),
        h.kernels(),
        h.clock,
        settings,
        session,
        stopping=stop.is_set,
        pausing=pause_check(settings, h.clock),
        interrupt=partial(signal.raise_signal, INTERRUPT) if _in_main_thread() else _no_interrupt,
        give_up=_give_up,
    )
    if _in_main_thread():
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (settings.worker_bytes_max, hard))
        # Our worker class asks the work-horse by SIGTERM to come to an end; RQ's own never does.
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        signal.signal(INTERRUPT, lambda *_: worker.break_off())
    try:
        work_left = worker.shift(Hint(job, units))
    except Missing:
        return  # the store forgot this session: the next task opens another
    if work_left:
        dispatch(h)


def _give_up() -> None:
    os._exit(STUCK_CODE)


def _in_main_thread() -> bool:
    """Where signals are handled; RQ's work-horses run their tasks there."""
    return threading.current_thread() is threading.main_thread()


def _no_interrupt() -> None:
    """In another thread signals do not arrive: a slice runs to its end."""
