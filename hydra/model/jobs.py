"""The nouns of Hydra, as frozen dataclasses, and the one table of a job's legal moves.

::

    job    RUNNING -> REDUCING -> DONE
              |          |------> FAILED       (also from RUNNING: a unit that no worker survives)
              '----------'------> CANCELLED

    range  FREE -> LEASED -> accepted (a number, not a record)
             ^-------'  expire, give back, split
           a single unit lost too often is DEAD, which fails the job

Nothing here does I/O. Units of time are in the names; sizes are in units of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from hydra.errors import IllegalMove

Params = Mapping[str, int | float | str]
Sums = dict[str, int]
Pieces = dict[int, bytes]
Partial = Sums | Pieces
"""What a span computes: named integers that add up, or one blob for each unit."""


class Span(NamedTuple):
    """A half-open range of units `[start, stop)`."""

    start: int
    stop: int

    @property
    def units(self) -> int:
        """How many units the span holds."""
        return self.stop - self.start


class JobState(StrEnum):
    """Where a job stands. Each state names who moves it on, and what a crash does to it."""

    RUNNING = "running"
    """Left by `complete` (the last unit), `cancel` (a person) or `expire` (a dead unit).
    Crashes do not touch it: it lives in the store."""

    REDUCING = "reducing"
    """All units are in. Left by `finish` (the worker that holds the reduction) or `cancel`.
    If that worker dies, its reduction lease runs out and another worker takes it."""

    DONE = "done"
    """Has an answer. Final."""

    FAILED = "failed"
    """Has a reason. Final."""

    CANCELLED = "cancelled"
    """A person ended it. Final."""


FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})

TRANSITIONS: Mapping[tuple[JobState, str], JobState] = {
    (JobState.RUNNING, "reduce"): JobState.REDUCING,
    (JobState.RUNNING, "cancel"): JobState.CANCELLED,
    (JobState.RUNNING, "fail"): JobState.FAILED,
    (JobState.REDUCING, "finish"): JobState.DONE,
    (JobState.REDUCING, "cancel"): JobState.CANCELLED,
    (JobState.REDUCING, "fail"): JobState.FAILED,
}
"""Every legal move; the memory store asks `move`, the Lua store is tested against this table."""


def move(state: JobState, event: str) -> JobState:
    """The state that `event` leads to.

    Raises IllegalMove if the table has no such move.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalMove(f"a {state.value} job cannot {event}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A request as checked and sized, before it exists."""

    kernel: str
    version: str
    params: Params
    total_units: int
    sum_bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Least and greatest value of each named sum for one unit; empty for kernels of pieces."""
    piece_bytes_max: int = 0
    """Largest blob of one unit; 0 for kernels of sums."""
    unit_cost: float = 1.0
    """Work in one unit, the mean where they differ, in the kernel's own cost units: rates are cost
    per second."""
    priority: float = 1.0
    """Share against other jobs: 2.0 gets twice the fleet's work of 1.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the store has it."""

    id: str
    spec: JobSpec
    state: JobState
    done_units: int
    unassigned_units: int
    created_ms: int
    ended_ms: int | None = None
    reason: str = ""
    """Why it failed or was cancelled; empty otherwise."""
    sums: Sums = field(default_factory=dict)
    leases: int = 0
    """How many workers hold a part of it now."""
    done_work: float = 0.0
    """What `done_units` cost: all of it is `total_units` times the spec's `unit_cost`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A job's sums at one moment of its way."""

    at_ms: int
    done_units: int
    sums: Sums
    done_work: float
