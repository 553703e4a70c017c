"""The right to a span of a job, what a call about it is told, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from hydra.model.jobs import Span


class Verdict(StrEnum):
    """What the store says to a session's call; the same words in Lua, Python and HTTP."""

    ACCEPTED = "accepted"
    """Counted, exactly once."""

    STALE = "stale"
    """The caller no longer owns this span; nothing changed."""

    CUT = "cut"
    """Someone took the far end; nothing changed. Trim to the new stop and send again."""

    COUNTED = "counted"
    """Counted before, up to the receipt's start; nothing changed. Go on from there."""

    CLOSED = "closed"
    """The job no longer runs; nothing changed."""

    EMPTY = "empty"
    """There is no work to give."""


class Rest(StrEnum):
    """What a worker does with the part of its span that it has not computed."""

    KEEP = "keep"
    """Goes on: the call renews the lease."""

    RETURN = "return"
    """Gives it back, unharmed, for anyone."""

    LOST = "lost"
    """Gives it back as a lost lease: the kernel failed on it."""


class End(StrEnum):
    """How a chunk's lease ended."""

    COMPLETE = "complete"
    """The whole span was handed in."""

    CUT = "cut"
    """So was what an idle worker had left of it: it took the far part, or all."""

    RETURN = "return"
    """The rest was given back unharmed."""

    LOST = "lost"
    """The kernel failed on the rest."""

    EXPIRE = "expire"
    """Nothing renewed it before the deadline; a queued one went back unharmed."""


class LeaseId(NamedTuple):
    """A lease as its holder names it."""

    job: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """Hydra time of the holder's last progress; while it is queued, when it is likely to begin."""
    deadline_ms: float
    """Hydra time at which `expire` may end it."""
    losses: int = 0
    queued: bool = False
    """Whether it is the younger of its session's two, so that it has not begun. Only `stragglers`
    says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A piece of work that nobody holds."""

    span: Span
    losses: int = 0
    """Consecutive lost leases of it without progress."""
    loser: str = ""
    """The worker that lost it first; empty when losses is 0."""
    losers_many: bool = False
    """Whether another worker than `loser` lost it too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """One line of a job's timeline: what a worker did with one lease, written as it ended."""

    id: str
    """Grows along the timeline, as a story's does."""
    worker: str
    span: Span
    """What it handed in and was counted; empty if it handed in nothing."""
    lent_ms: int
    """When it was lent or, if that was behind another, when that one ended."""
    ended_ms: int
    busy_s: float
    """Time inside the kernel for this lease, as the worker last reported it."""
    end: End
