"""Dispatch: put sized chunk tasks into the queue, so that every worker that listens has one."""

from __future__ import annotations

from hydra.model import Session
from hydra.policy import dispatching
from hydra.services import Hydra

NOBODY = Session("", "", "")


def dispatch(h: Hydra) -> int:
    """Top the queue up while there is work; how many tasks were added.

    Several processes at once may add a few tasks too many; one that finds no work costs an idle
    shift.
    """
    look = h.store.views.look(NOBODY)
    wanted = dispatching.tasks_wanted(len(h.queue.workers()), h.queue.waiting())
    if not wanted or not (look.jobs or look.reducible):
        return 0
    hints = [
        (
            job.job,
            dispatching.hint_units(
                job.pace.fleet_rate,
                job.pace.live_workers,
                job.unit_cost,
                h.settings.slice_seconds,
            ),
        )
        for job in look.jobs
    ] or [("", 0)]
    h.queue.enqueue([hints[i % len(hints)] for i in range(wanted)])
    return wanted
