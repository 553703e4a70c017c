"""What the services ask of the world, as Protocols; `wiring` says what answers.

Every verb of the store is safe to repeat. A session has two lanes, claims and hand-ins: the calls
of each carry a number that counts up, and a repeat gets the first reply again. The other verbs
change nothing the second time, but for how long a lease still lasts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hydra.model import (
    Check,
    Chunk,
    Job,
    JobSpec,
    Lease,
    LeaseId,
    Sample,
    Session,
    StoryEntry,
    Verdict,
    Worker,
    limits,
)
from hydra.model.messages import (
    Arrivals,
    Ask,
    Cut,
    FleetFigures,
    Grant,
    HandIn,
    Hint,
    JobDump,
    Lent,
    Look,
    Receipt,
    Reduction,
    Standing,
    Tally,
    Usage,
    Work,
)
from hydra.model.pauses import Pause


class Verbs(Protocol):
    """What changes the accounts: each method is one atomic step.

    Any method raises StoreDown when the store does not answer.
    """

    def submit(self, job: str, spec: JobSpec, key: str = "") -> Job:
        """Open a job whose id is `job`; a known idempotency `key` gives the job it opened first.

        Raises KeyReused if the key came with another spec, TooMany if too many jobs are open,
        StoreUnsafe if the data is no longer what it was at the start.
        """

    def enlist(self, session: Session) -> int:
        """Open a session for a worker process, and note the worker as seen and not paused.

        How many workers are live, as the reaper last counted them. Raises NoSuchWorker if the
        session has ended: it does not begin again.
        """

    def pause(self, session: Session, why: Pause) -> None:
        """Note a worker, with a session or without, as seen but paused: it holds nothing.

        Until it enlists again it counts neither as live nor in the fleet's rates.
        """

    def leave(self, session: str, why: str) -> bool:
        """End the session of this id; the lease that it works on is lost, and `why` says how.

        One that it holds behind that goes back unharmed. A reduction that it holds is lost, too,
        and there for others at once. Its worker is not live until it enlists again, unless a newer
        session of it has begun. Whether a lease was lost.
        """

    def claim(
        self,
        session: Session,
        seq: int,
        job: str,
        ask: Ask,
        cut: Cut | None = None,
        passed: Sequence[str] = (),
        in_turn: bool = False,
    ) -> Grant | None:
        """Lease up to `ask.units` of the job to the session; None if nothing is free.

        A session holds at most two leases, over all jobs. The younger is queued: its holder begins
        it when the older ends. A range that was lost before is never queued, and nothing is queued
        behind it, so that a loss is blamed on the right range.

        `passed` are jobs whose turn it was before, and that the session cannot serve. With
        `in_turn`, those of its last claim without it count, and None is the answer, too, if another
        job that it can serve has waited longer by more than a chunk.

        With `cut`, take the far part of that lease instead, or all of it; None if its holder went
        past, or if it has been begun or not as the cut does not believe, or if the session holds a
        lease itself. Raises NoSuchWorker if the session has ended.
        """

    def complete(
        self, session: Session, seq: int, hand_in: HandIn, work: Work | None = None
    ) -> Receipt:
        """Count a prefix of one of the session's leases exactly once; the protocol's heart.

        A hand-in that goes on renews its lease. `work` says what the worker's rate is measured by;
        without it, every unit counts as the job's `unit_cost`.
        Raises Invalid if the span or partial cannot be right, NoSuchWorker if the session ended.
        """

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        """Show that the session's worker lives, and renew those of its leases that are named.

        At most two are. Those that are no longer the session's are missing in the reply; a lease
        that is not named is not renewed. Raises NoSuchWorker if the session has ended.
        """

    def turn(self, job: str) -> bool:
        """Whether work is to give way to the job, which has waited TURN_MS: one caller hears so."""

    def expire(self, job: str, token: str) -> bool:
        """End a lease whose deadline has passed; its span goes back to free. Whether it did.

        One that was held behind another had not begun: its span goes back unharmed.
        """

    def cancel(self, job: str, reason: str = "") -> Job:
        """End a job that has not ended; a job that has is returned as it is.

        Raises NoSuchJob.
        """

    def reduce(self, session: Session, job: str) -> Reduction | None:
        """Lease the job's reduction to the session; None if it needs none or another holds it.

        Each attempt has a fresh token. The session that holds it gets it again, with its token and
        a fresh lease, so that a lost reply costs nothing. A lease that ran out is lost when the
        next attempt is asked for; after REDUCE_ATTEMPTS_MAX lost ones the job fails instead.
        """

    def renew(self, job: str, token: str) -> bool:
        """Go on holding a reduction, REDUCE_LEASE_MS from now; whether it is still ours."""

    def release(self, job: str, token: str, why: str) -> bool:
        """Give a reduction back, for others to take at once; whether it was ours.

        No attempt is lost by it, but after REDUCE_RETURNS_MAX of them the job fails.
        """

    def upload(self, job: str, token: str, name: str, first: int, parts: Sequence[bytes]) -> bool:
        """Store parts of a file for `finish`, `first` and those behind it; whether we may still.

        Each but the last of the file has FILE_PART_BYTES. They are gone if this attempt fails.
        """

    def finish(
        self, job: str, token: str, answer: dict[str, Any], files: Mapping[str, int] = ...
    ) -> Verdict:
        """Give a reduced job its answer, if the reduction is still ours.

        `files` says of how many parts each file is made; STALE if not all of them were uploaded.
        """

    def fail(self, job: str, token: str, reason: str) -> Verdict:
        """End a job whose reduction cannot succeed, if the reduction is still ours."""

    def tick(self) -> FleetFigures:
        """Advance Hydra time, refresh the fleet's figures, delete what has expired.

        Raises StoreUnsafe if the data is no longer what it was at the start.
        """


class Views(Protocol):
    """What is read of the accounts, by services and by people.

    A reader of a list that grows (story, timeline, arrivals) goes on behind a cursor. With a cursor
    of another run of the store's server it starts at the beginning: see hydra.model.cursors.

    Any method raises StoreDown when the store does not answer.
    """

    def look(self, session: Session, versions: Collection[str] | None = None) -> Look:
        """What there is to do for a worker that has those versions of kernels, with its rates.

        Without `versions`, one that can do everything.
        """

    def lent(self, session: Session, job: str, token: str) -> Lent | None:
        """A lease that the session says it holds, as the store last told this process of it.

        None if there is none. A hand-in is judged by this, not by what its caller says.
        """

    def listen(self, seconds: float) -> bool:
        """Wait until work may have appeared or a job has ended, at most so long; whether it has."""

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """Hydra time, and the job's leases with the latest estimated ends, latest first."""

    def overdue(self, limit: int) -> Sequence[LeaseId]:
        """Leases past their deadline."""

    def due_s(self) -> float:
        """How long until a lease is late if none beats; infinite if there is no lease."""

    def spec(self, job: str) -> JobSpec:
        """What was asked for, which never changes; NoSuchJob."""

    def job(self, job: str) -> Job:
        """One job, or NoSuchJob."""

    def jobs(self, limit: int, before: str = "") -> Sequence[Job]:
        """Newest first; `before` is the id of the last job of the previous page."""

    def answer(self, job: str) -> dict[str, Any]:
        """The answer of a DONE job; NotFinished or NoSuchJob otherwise."""

    def history(self, job: str) -> Sequence[Sample]:
        """The job's sums on its way, at most HISTORY_PLACES, in the order they were reached."""

    def timeline(self, job: str, after: str = "", limit: int = ...) -> Sequence[Chunk]:
        """The job's chunks whose leases have ended, after the chunk `after`, oldest first.

        The last TIMELINE_CHUNKS_MAX, about. What is lent when a job fails or is cancelled is not
        among them.
        """

    def arrivals(self, job: str, after: str, limit: int) -> Arrivals:
        """Units in the order their pieces came, behind the cursor `after`; gone at the end."""

    def pieces(self, job: str, units: Iterable[int]) -> dict[int, bytes]:
        """The pieces that are there of those units; gone at the end."""

    def file(self, job: str, name: str) -> bytes:
        """One file of a DONE job's answer; NoSuchFile or NoSuchJob."""

    def workers(self) -> Sequence[Worker]:
        """Workers seen lately, by name."""

    def live_workers(self) -> int:
        """How many were seen within LIVE_MS, or hold a lease that still runs."""

    def story(
        self, job: str, after: str = "", limit: int = limits.STORY_READ_MAX
    ) -> Sequence[StoryEntry]:
        """What happened to the job after the entry `after`, oldest first; NoSuchJob."""


class Vitals(Protocol):
    """How the accounts are: whose data it is, totals, health, everything of one job.

    Any method raises StoreDown when the store does not answer.
    """

    def generation(self) -> str:
        """The id of this store's data, made when it was first used; changes if data is lost."""

    def tally(self) -> Tally:
        """What there is and what there has been over all jobs, for the metrics."""

    def usage(self) -> Usage:
        """What the store's server spends on us."""

    def since_tick_ms(self) -> float:
        """How long ago `tick` was last called, by anyone; infinite if it never was."""

    def health(self) -> Sequence[Check]:
        """What must hold for the accounts to be safe, and whether it does."""

    def dump(self, job: str) -> JobDump:
        """Everything about one job, for the invariants; NoSuchJob."""


@dataclass(frozen=True, slots=True)
class Store:
    """The accounts: jobs, free ranges, leases, sessions. The one owner of the truth."""

    verbs: Verbs
    views: Views
    vitals: Vitals


class TaskQueue(Protocol):
    """Where chunk tasks wait for RQ workers."""

    def enqueue(self, tasks: Sequence[tuple[str, int]]) -> None:
        """Add chunk tasks (job, units)."""

    def waiting(self) -> int:
        """How many tasks are queued."""

    def workers(self) -> Collection[str]:
        """The names of the RQ workers that listen; one that died leaves the list after minutes."""


class WorkPort(Protocol):
    """What a worker's loop asks of Hydra: the services in this process, or HTTP for volunteers."""

    def enlist(self, session: Session) -> int:
        """Open a session; how many workers are live."""

    def pause(self, session: Session, why: Pause) -> None:
        """Say why the worker takes no work now."""

    def leave(self, session: Session, why: str) -> None:
        """The session's process ends without handing in; `why` is for people."""

    def claim(self, session: Session, seq: int, hint: Hint) -> Grant | None:
        """Some work, or None."""

    def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
        """Hand in what is computed of a lease."""

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        """Renew what is held, and hear what is left of it and whether it is to give way."""

    def reduce(self, session: Session, job: str = "") -> bool:
        """Reduce that job, or one that waits for it; whether one was reduced here."""

    def listen(self, seconds: float) -> bool:
        """Wait until there may be work again, at most so long; whether there may be."""


class Pacing(Protocol):
    """The settings that the loop reads; hydra.settings.Settings has them."""

    @property
    def shift_seconds(self) -> float:
        """How long one shift works."""

    @property
    def slice_seconds(self) -> float:
        """Time of one kernel call."""

    @property
    def poll_seconds(self) -> float:
        """Pause between looks when there is no work."""

    @property
    def outage_seconds(self) -> float:
        """How long a worker waits for a store that does not answer."""

    @property
    def call_seconds(self) -> float:
        """How long one kernel call may take."""
