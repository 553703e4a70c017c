"""The celery peer of the section `recovery`: a task is acknowledged when it is done."""

from __future__ import annotations

import os

from celery import Celery

from benchmarks.noted_nap import nap

app = Celery("bench", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@app.task
def call(start: int, stop: int) -> None:
    """One span."""
    nap(start, stop)
