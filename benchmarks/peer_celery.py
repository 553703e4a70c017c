"""The celery peer: one task a span. BENCH_CELERY chooses how a task is acknowledged."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks import traced_pi

app = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
LATE = os.environ.get("BENCH_CELERY") == "late"
app.conf.update(
    task_ignore_result=os.environ.get("BENCH_CELERY") != "results",
    task_acks_late=LATE,
    worker_prefetch_multiplier=1 if LATE else 4,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@app.task
def call(samples: int, seed: int, start: int, stop: int) -> int:
    """One span."""
    return traced_pi.call(samples, seed, start, stop)
