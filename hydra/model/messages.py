"""What worker, policy and store say to each other: one frozen dataclass a message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydra.model import (
    End,
    Job,
    JobSpec,
    JobState,
    Lease,
    LeaseId,
    Params,
    Partial,
    Range,
    Rest,
    Span,
    Sums,
    Verdict,
)
from hydra.model.cursors import cursor_of

NOWHERE = Span(0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The numbers that size a worker's next chunk of a job."""

    rate: float = 0.0
    """The worker's speed on the kernel version, cost units a second; 0.0 if unknown."""
    fleet_rate: float = 0.0
    """Sum of the same over the live workers; 0.0 if unknown."""
    unassigned_units: int = 0
    """What nobody holds yet."""
    live_workers: int = 0
    """As the reaper last counted them."""
    free_within: Span = NOWHERE
    """From the first unit that nobody holds to the last; some between them may be held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runnable:
    """A job that claims may be served from, as policy sees it."""

    job: str
    kernel: str
    version: str
    params: Params
    total_units: int
    unit_cost: float
    vtime_s: float
    """Seconds of the whole fleet given to the job, divided by its priority."""
    pace: Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a worker sees before it claims."""

    jobs: Sequence[Runnable]
    """Runnable jobs that it can serve, least virtual time first, at most CLAIM_TRIES_MAX."""
    passed: Sequence[str]
    """Runnable jobs before or among them that it cannot, at most PASSED_MAX."""
    reducible: Sequence[str]
    """Jobs that it can reduce: all units are in, and nobody holds the reduction."""
    granted: int = 0
    """The number of its session's last claim that got a grant: a repeat gets it again."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What a worker says of a claim.

    A job to look at first and a size for one of unknown speed may come from the chunk task.
    """

    job: str = ""
    units: int = 0
    overhead_s: float = 0.0
    """How long the worker's kernel waits between two chunks, as measured."""
    call_s: float = 0.0
    """How long a claim takes it: a chunk that lasts as long hides the claim of the next."""
    held: LeaseId | None = None
    """The lease that it works on; what it claims is begun after that one."""
    begins_in_s: float = 0.0
    """How long it still works on what it holds, as it estimates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a worker wants, as policy decided it."""

    units: int
    """How many at most."""
    tau_s: float
    """How long they should last."""
    beat_s: float
    """Time between the holder's heartbeats."""
    slice_units: int
    """The holder's slice, as in Lease."""
    why: str
    """The reason for the size, for people."""
    unit_cost: float = 1.0
    """What a unit of those costs, on average."""
    tail: bool = False
    """Whether it takes the last free units, the cheapest, instead of the first."""
    begins_in_s: float = 0.0
    """How long its holder still works on what it holds, as it estimates."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a hand-in amounts to, in the kernel's cost units."""

    done: float
    """In the handed-in span."""
    rest_unit_cost: float
    """In a unit of what the lease has left, on average."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A proposal to give the part from `at` on of somebody's lease to the asker, or all of it."""

    token: str
    at: int
    session: str
    """Of the holder."""
    why: str
    queued: bool = False
    """Whether the asker believes that it has not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A fresh lease, with what its holder needs to work and to size its next ask."""

    job: str
    token: str
    span: Span
    slice_units: int
    tau_s: float
    """How long the chunk should last; at OVERTIME times this the holder gives the rest back."""
    beat_s: float
    pace: Pace
    spec: JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class HandIn:
    """A prefix of a lease's span, computed: what `complete` carries."""

    job: str
    token: str
    span: Span
    """From the lease's start; it may be empty."""
    partial: Partial
    rest: Rest
    note: str = ""
    """Why the rest is given back, for people."""
    busy_s: float = 0.0
    """Time inside the kernel since the lease began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """What the store knows of a lease that somebody hands in for."""

    spec: JobSpec
    first: int
    """Where its span began when it was lent."""
    span: Span
    """What is left of it."""
    pace: Pace
    """As the holder was last told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Units in the order their pieces came, from some place on."""

    units: Sequence[int]
    start: int
    """How many came before them."""
    run: str
    """Of the store's server."""

    def cursor(self, seen: int) -> str:
        """Where to go on behind the first `seen` of them."""
        return cursor_of(self.run, self.start + seen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The store's reply to `complete`."""

    verdict: Verdict
    start: int = 0
    """Where the lease goes on, if more was counted before than its holder knows."""
    stop: int = 0
    """The lease's current stop: what to trim to."""
    pace: Pace = Pace()
    last: bool = False
    """Whether this was the job's last unit, so that the caller should reduce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The store's reply to `beat`."""

    spans: Mapping[str, Span]
    """By token: what is left of those leases that are still the session's."""
    live_workers: int = 0
    """As the reaper last counted them."""
    turn: str = ""
    """A job that waits for its turn, in whose favour the session's work might give way."""
    gives_way: bool = False
    """Whether it is to do so, and then to claim that job first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """The lease on a job's reduction."""

    job: str
    token: str
    """Of this attempt."""
    sums: Sums
    """The whole of a job of sums. Pieces are read by themselves: that may outlast the lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetFigures:
    """What the reaper counts once a second."""

    live_workers: int
    runnable_jobs: int
    reducible_jobs: int
    claimable_units: int
    """Unassigned units over the runnable jobs that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What there is now, and what there has been since this data began, over all jobs."""

    jobs: Mapping[JobState, int]
    """Jobs that have not ended."""
    ended: Mapping[JobState, int]
    """Jobs that have, ever."""
    submitted: int
    """Jobs ever opened."""
    units: int
    """Units ever counted."""
    leases: int
    """Chunks lent now; those of a job just closed may count until their deadlines pass."""
    leases_ended: Mapping[End, int]
    live_workers: int
    silent_workers: int
    """Listed, but not seen lately."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the store's server spends on us; zeros if there is none."""

    memory_bytes: int = 0
    calls: int = 0
    """Commands answered since it started, of the whole fleet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDump:
    """All the store knows of a job at one moment, for the invariants."""

    job: Job
    free: Sequence[Range]
    leases: Sequence[Lease]
    deadlines: Mapping[str, float]
    """Token -> Hydra ms, as the reaper finds them."""
    ends: frozenset[str]
    """Tokens of the leases that have an estimated end, as splitters find them."""
    indexes: frozenset[str]
    """Where the job is listed: runnable, reducing, ended."""
    pieces: frozenset[int]
