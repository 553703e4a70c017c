"""How many chunk tasks wait in the queue, and the size that each suggests.

A task is one shift of one worker, so the queue never needs more than a task for each worker that
listens, and a little for those that join. Tasks carry no data: one too many is an idle shift, one
too few is added a second later.
"""

from __future__ import annotations

SPARE_TASKS = 2
"""Tasks beyond the known workers, for those that are just joining."""

TASKS_MAX = 1000
"""Tasks added at once."""


def tasks_wanted(rq_workers: int, waiting: int) -> int:
    """How many tasks to add to the queue now."""
    return min(max(0, rq_workers + SPARE_TASKS - waiting), TASKS_MAX)


def hint_units(fleet_rate: float, live_workers: int, unit_cost: float, probe_s: float) -> int:
    """Units that the fleet's mean worker computes in `probe_s`; 0 if nobody's speed is known."""
    if fleet_rate <= 0 or live_workers <= 0:
        return 0
    return max(1, int(fleet_rate / live_workers * probe_s / unit_cost))
