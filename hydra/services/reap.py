"""Reap: requeue what is late, in one bounded pass. Any number of reapers may pass at once."""

from __future__ import annotations

from hydra.model import limits
from hydra.services import Hydra
from hydra.services.dispatch import dispatch

PAUSE_S_MIN = 0.05
"""Between two passes, however soon the next lease may end."""


def reap(h: Hydra) -> int:
    """End late leases, refresh the fleet's figures, top the queue up; how many leases ended."""
    figures = h.store.verbs.tick()
    late = h.store.views.overdue(limits.EXPIRE_BATCH)
    ended = sum(h.store.verbs.expire(job, token) for job, token in late)
    if figures.runnable_jobs or figures.reducible_jobs:
        dispatch(h)
    return ended
