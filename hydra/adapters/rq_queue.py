"""The task queue over RQ: one queue, anonymous tasks.

A task carries no data and no name of its own: no retry, no dependency, no callback, so RQ has
nothing to run again; recovery is done by the leases alone. RQ's registries are never read, because
reading them cleans them up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import redis
from rq import Queue
from rq.worker import BaseWorker

from hydra.model import limits
from hydra.server.connection import store_errors

TASK = "hydra.workers.tasks.run_chunk"
"""What a chunk task calls, by name: nothing but strings and integers is pickled."""

JOB_TIMEOUT_S = 3_600
"""When RQ ends a task. It may make a picture's answer over a slow link after a long shift; what
hangs is ended sooner: a kernel by `call_seconds`, a call by `outage_seconds`."""
RESULT_TTL_S = 30
"""Not 0: RQ deletes such a job during its own bookkeeping, which takes fifteen more round trips."""
FAILURE_TTL_S = 300


class RqQueue:
    """The TaskQueue port over RQ."""

    def __init__(self, client: redis.Redis) -> None:
        self._queue = Queue(limits.QUEUE, connection=client)

    def enqueue(self, tasks: Sequence[tuple[str, int]]) -> None:
        """Add chunk tasks (job, units) in one round trip."""
        data: list[Any] = [
            Queue.prepare_data(
                TASK,
                args=(job, units),
                timeout=JOB_TIMEOUT_S,
                result_ttl=RESULT_TTL_S,
                failure_ttl=FAILURE_TTL_S,
                description=f"chunk of {job[:8]}",
            )
            for job, units in tasks
        ]
        with store_errors():
            self._queue.enqueue_many(data)

    def waiting(self) -> int:
        """How many tasks are queued."""
        with store_errors():
            return int(self._queue.count)

    def workers(self) -> Collection[str]:
        """The names in RQ's own list of workers: one that died leaves it after minutes."""
        with store_errors():
            keys = BaseWorker.all_keys(queue=self._queue)
        return {key.removeprefix(BaseWorker.redis_worker_namespace_prefix) for key in keys}
