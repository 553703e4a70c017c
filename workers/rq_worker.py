"""Hydra's own RQ worker: like `rq worker hydra`, with the kernels loaded before the fork.

It differs in five things. The work-horse forks from a process that has everything imported, so a
task starts in milliseconds. It unpickles plain data only and runs no task but ours, so write access
to Redis is not enough to run code here. SIGTERM reaches the work-horse, which hands in what it has
and comes back within a slice. So its shifts may be longer. And it survives an outage: RQ's worker
ends when Redis does not answer or refuses at the wrong moment; a supervisor that starts it again
would then kill the work-horse with its finished work.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import pickle
import signal
from collections.abc import Mapping
from types import FrameType
from typing import Any

import redis
from rq import Queue, Worker
from rq.job import Job
from rq.utils import as_text

from hydra import wiring
from hydra.adapters.pauses import pause_check
from hydra.adapters.rq_queue import TASK
from hydra.clock import SystemClock
from hydra.errors import BadWire, Unavailable
from hydra.model.limits import QUEUE
from hydra.server import connection
from hydra.settings import Settings
from hydra.store.redis.format import require as require_format
from hydra.work.proof import preload_finish, proven
from hydra.work.sessions import how_ended
from hydra.workers import tasks

WORKER_TTL_S = 60
"""RQ lists an idle worker that died for at most this long and a minute more."""


RETRY_S = 2.0
"""Pause before a new RQ worker starts after Redis has failed, and the longest between RQ's own
attempts, which otherwise grow to a minute."""

LOG = logging.getLogger("hydra.worker")


class _PlainUnpickler(pickle.Unpickler):
    """Reads strings, numbers and containers; any class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse: a chunk task names nothing."""
        raise BadWire(f"a task may hold plain data only, not {module}.{name}")


class PlainSerializer:
    """RQ's default pickle on the way out, plain data only on the way in."""

    @staticmethod
    def dumps(value: object) -> bytes:
        """As RQ's default does."""
        return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def loads(data: bytes) -> Any:
        """Raises BadWire for anything but plain data."""
        return _PlainUnpickler(io.BytesIO(data)).load()


FIELDS = frozenset(
    (
        "created_at",
        "data",
        "description",
        "ended_at",
        "enqueued_at",
        "failure_ttl",
        "last_heartbeat",
        "origin",
        "result_ttl",
        "started_at",
        "status",
        "timeout",
        "ttl",
        "worker_name",
    )
)
"""What a chunk task's record may say. The rest would have RQ call what it names (callbacks,
webhooks), bring the task back (retries, repeats) or wait for another."""


class ChunkTask(Job):
    """An RQ job that can only be our task: it starts, ends and nothing follows."""

    def restore(self, raw_data: Mapping[bytes, bytes]) -> None:
        """Read the record, and only what FIELDS names of it."""
        super().restore({k: v for k, v in raw_data.items() if as_text(k) in FIELDS})

    @property
    def func(self) -> Any:
        """What runs here for `run_chunk`; BadWire if the job names another function."""
        if self.func_name != TASK:
            raise BadWire(f"only {TASK} runs here, not {self.func_name}")
        return tasks.run_long_shift


class HydraWorker(Worker):
    """An RQ worker of the queue `hydra` that tells its work-horse to come to an end."""

    max_connection_wait_time = RETRY_S
    asked_to_stop = False
    session_id = ""
    """Of the last work-horse."""

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """As RQ does, with the id of the session that the work-horse will open."""
        self.session_id = tasks.next_session_id = SystemClock().new_id()
        super().fork_work_horse(job, queue)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop after this shift, and end the shift at its next slice."""
        self.asked_to_stop = True
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(self.horse_pid, signal.SIGTERM)
        super().request_stop(signum, frame)

    def set_current_job_working_time(self, *given: Any, **named: Any) -> None:
        """As RQ does, which does so before each heartbeat, likewise."""
        with contextlib.suppress(redis.RedisError):
            super().set_current_job_working_time(*given, **named)

    def maintain_heartbeats(self, job: Job) -> None:
        """As RQ does; but a work-horse that waits for Redis is not left alone because of it."""
        with contextlib.suppress(redis.RedisError):
            super().maintain_heartbeats(job)

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: Any) -> None:
        """End the work-horse's session at once, so that others get what it held."""
        super().handle_work_horse_killed(job, retpid, ret_val, rusage)
        self.end_session(f"its process ended {how_ended(os.waitstatus_to_exitcode(ret_val))}")

    def end_session(self, why: str) -> None:
        """Tell the store that this worker's last session has ended."""
        verbs = wiring.over(self.connection, Settings.read()).store.verbs
        try:
            verbs.leave(self.session_id, why)
        except Unavailable:
            pass  # its lease runs out by itself, and later it counts as gone

    def setup_work_horse_signals(self) -> None:
        """As RQ does, but a SIGTERM before the task listens for it is not lost work."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def main(settings: Settings) -> None:
    """Work until told to stop; kernels are loaded first.

    Raises StoreDown or StoreUnsafe at the start if Redis cannot be used.
    """
    client = connection.connect(settings.redis_url)
    connection.require_safe(client)
    require_format(client)
    # Loaded and checked once, before any fork: a work-horse would import it at every task.
    preload_finish(proven().values())
    wiring.over(client, settings)
    pause_check(settings, SystemClock())
    while not _work(client):
        SystemClock().sleep_s(RETRY_S)


def _work(client: redis.Redis) -> bool:
    """Work until asked to stop, or until RQ gives up on Redis; whether it was the former."""
    worker: HydraWorker | None = None
    try:
        queue = Queue(QUEUE, connection=client, serializer=PlainSerializer, job_class=ChunkTask)
        worker = HydraWorker(
            [queue],
            connection=client,
            worker_ttl=WORKER_TTL_S,
            job_class=ChunkTask,
            serializer=PlainSerializer,
            log_job_description=False,
        )
        worker.work(logging_level="WARNING")
        worker.end_session("the worker ended")
    except redis.RedisError as error:  # while it signed on or off
        LOG.warning("outage why=%s", error)
    # RQ's handlers belong to the worker that has ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    return worker is not None and worker.asked_to_stop
