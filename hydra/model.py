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
from hydra.pauses import Pause

UNITS_MAX = 2**53 - 1
"""Largest count of units a job may have: Lua's numbers are exact up to here."""

SUM_MAX = 2**63 - 1
"""Largest total a named sum may reach: Redis counters are signed 64-bit."""

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


class Verdict(StrEnum):
    """What the store says to a session's call; the same words in Lua, Python and HTTP."""

    ACCEPTED = "accepted"
    """Counted, exactly once."""

    STALE = "stale"
    """The caller no longer owns this span; nothing changed."""

    CUT = "cut"
    """Someone took the far end; nothing changed. Trim to the new stop and send again."""

    CLOSED = "closed"
    """The job no longer runs; nothing changed."""

    EMPTY = "empty"
    """There is no work to give."""


class Rest(StrEnum):
    """What a worker does with the part of its span that it has not computed."""

    KEEP = "keep"
    """Goes on: the call is a heartbeat."""

    RETURN = "return"
    """Gives it back, unharmed, for anyone."""

    LOST = "lost"
    """Gives it back as a lost lease: the kernel failed on it."""


class End(StrEnum):
    """How a chunk's lease ended."""

    COMPLETE = "complete"
    """The whole span was handed in."""

    CUT = "cut"
    """So was all of it that was left: an idle worker had taken the far part."""

    RETURN = "return"
    """The rest was given back unharmed."""

    LOST = "lost"
    """The kernel failed on the rest."""

    EXPIRE = "expire"
    """No heartbeat came before the deadline."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker as it last showed itself."""

    id: str
    host: str
    """Its machine: rates are remembered under this name."""
    pid: int
    seen_ms: int
    """Wall-clock time of the store at its last call."""
    live_until_ms: int
    """It counts as live until then if nothing more is heard of it."""
    job: str = ""
    """The job it holds a part of, or empty."""
    doing: str = ""
    """Its last claim and why it was sized so, for people."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Cost units a second, by kernel version."""
    pause: Pause | None = None
    """Why it takes no work now; then it counts in no figure of the fleet."""

    def live(self, now_ms: float) -> bool:
        """Whether it counts in the fleet's figures."""
        return now_ms <= self.live_until_ms and not self.pause


@dataclass(frozen=True, slots=True)
class Session:
    """One worker process, as it names itself in every call."""

    id: str
    worker: str
    host: str
    """Its machine: rates are remembered under this name."""
    pid: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to a span until a deadline, as the store's record of it."""

    job: str
    token: str
    session: str
    worker: str
    span: Span
    slice_units: int
    """About what the holder computes in one call. A cut falls on a multiple of it from the span's
    start; a holder whose slices lie otherwise computes the front of one again."""
    rate_units_s: float
    """The holder's speed on the rest of the span, as last known; 0.0 if unknown."""
    at_ms: float
    """Hydra time of the holder's last progress."""
    deadline_ms: float
    """Hydra time at which `expire` may end it."""
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Range:
    """A piece of work that nobody holds."""

    span: Span
    losses: int = 0
    """Consecutive lost leases of it without progress."""
    loser: str = ""
    """The worker that lost it first; empty when losses is 0."""
    losers_many: bool = False
    """Whether another worker than `loser` lost it too."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A job's sums at one moment of its way."""

    at_ms: int
    done_units: int
    sums: Sums
    done_work: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """One line of a job's timeline: what a worker did with one lease, written as it ended."""

    id: str
    """Grows along the timeline, as a story's does."""
    worker: str
    span: Span
    """What it handed in and was counted; empty if it handed in nothing."""
    lent_ms: int
    ended_ms: int
    busy_s: float
    """Time inside the kernel for this lease, as the worker last reported it."""
    end: End


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One thing that happened to a job, for people."""

    id: str
    """Grows along the story; a reader that has seen it asks for what came after."""
    at_ms: int
    verb: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that should be so, and whether it is."""

    name: str
    ok: bool
    detail: str
