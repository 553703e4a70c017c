"""Liveness: while something can be done, something moves.

The store must answer, no fault may hold all workers or the reapers, and a job must be open that can
be done. Time in which that is so is counted, and from each move on anew. No I/O and no clock.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.model import FINAL
from hydra.model.messages import JobDump
from tests.e2e.chaos.drip import NEVER

STILL_S_MAX = 60.0
"""The lease of a range that was lost again and again lasts so long; those of others are shorter."""

GAP_S_MAX = 1.0
"""Two looks that lie further apart were not looks at a store that answers."""


class Standstill:
    """How long nothing has moved; `hindered` while a fault stops everything."""

    def __init__(self) -> None:
        self.hindered = False
        self._still_s = 0.0
        self._looked_s: float | None = None
        self._marks: dict[str, str] = {}

    def look(self, now_s: float, dumps: Sequence[JobDump]) -> str:
        """A look at the jobs that are open or have just ended; the complaint, if it is one."""
        gap_s = 0.0 if self._looked_s is None else min(now_s - self._looked_s, GAP_S_MAX)
        marks = {dump.job.id: _mark(dump) for dump in dumps if _can_be_done(dump)}
        before, self._marks, self._looked_s = self._marks, marks, now_s
        moved = any(marks.get(job) != mark for job, mark in before.items())
        open_now = any(dump.job.state not in FINAL for dump in dumps if dump.job.id in marks)
        if moved or not open_now:
            self._still_s = 0.0
        elif not self.hindered:
            self._still_s += gap_s
        if self._still_s <= STILL_S_MAX:
            return ""
        self._still_s = 0.0
        return f"nothing has moved for {STILL_S_MAX:.0f} s: " + "; ".join(
            f"{job} stands at {mark}" for job, mark in sorted(marks.items())
        )


def _can_be_done(dump: JobDump) -> bool:
    return dump.job.spec.params.get("poison", NEVER) == NEVER


def _mark(dump: JobDump) -> str:
    return f"{dump.job.done_units} units, {dump.job.state}"
