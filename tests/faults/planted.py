"""One bug at a time, put into the memory store: the schedules must find it, or they prove nothing.

Each bug stands in for a step or a verb, and is given what it stands in for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

from hydra.model import End, JobState, LeaseId, Range, Session, Verdict
from hydra.model.messages import Ask, Cut, Grant, HandIn, Receipt, Standing
from hydra.store.memory import steps
from hydra.store.memory.records import NO_LEASE, Lane, SessionRecord
from hydra.store.memory.state import State
from hydra.store.memory.steps import JobRecord
from hydra.store.memory.verbs import MemoryVerbs
from hydra.store.memory.views import MemoryViews

Right = Callable[..., Any]
Bug = Callable[..., Any]
BUGS: dict[str, Callable[[], Any]] = {}
"""By name: a context in which the bug is there."""


def instead_of(place: Any, name: str) -> Callable[[Bug], Bug]:
    """Plant the bug there, with the right one as its first argument."""

    def plant(bug: Bug) -> Bug:
        @contextmanager
        def planted() -> Iterator[None]:
            right = getattr(place, name)
            with mock.patch.object(
                place, name, lambda *given, **named: bug(right, *given, **named)
            ):
                yield

        BUGS[bug.__name__] = planted
        return bug

    return plant


@instead_of(steps, "judge")
def no_fence(
    right: Right,
    state: State,
    session: Session,
    known: SessionRecord,
    record: JobRecord,
    hand_in: HandIn,
) -> Receipt | None:
    """Counts what comes with a stale token."""
    receipt: Receipt | None = right(state, session, known, record, hand_in)
    if receipt and receipt.verdict is Verdict.STALE:
        record.done += hand_in.span.units
        for name, value in hand_in.partial.items():
            if isinstance(value, int):
                record.sums[str(name)] = record.sums.get(str(name), 0) + value
        return replace(receipt, verdict=Verdict.ACCEPTED)
    return receipt


@instead_of(MemoryVerbs, "expire")
def repool_twice(right: Right, verbs: MemoryVerbs, job: str, token: str) -> bool:
    """Gives an expired lease's span back and lets the lease stand."""
    state = verbs._state
    lease = state.jobs[job].leases.get(token) if job in state.jobs else None
    ended: bool = right(verbs, job, token)
    if ended and lease and state.jobs[job].state is JobState.RUNNING:
        steps.lease_write(state, state.jobs[job], token, lease)
    return ended


@instead_of(steps, "answered_before")
def sequence_ignored(right: Right, lane: Lane, seq: int, digest: str) -> Any:
    """Does a repeated call again."""


@instead_of(steps, "give_back")
def lease_outlives_return(
    right: Right, state: State, record: JobRecord, token: str, *why: Any, **said: str
) -> None:
    """Gives the rest back at a hand-in, and keeps the lease too."""
    lease = record.leases[token]
    right(state, record, token, *why, **said)
    steps.lease_write(state, record, token, lease)


@instead_of(steps, "judge")
def cut_unseen(
    right: Right,
    state: State,
    session: Session,
    known: SessionRecord,
    record: JobRecord,
    hand_in: HandIn,
) -> Receipt | None:
    """Counts a span beyond the stop of a lease that was cut short."""
    receipt: Receipt | None = right(state, session, known, record, hand_in)
    return None if receipt and receipt.verdict is Verdict.CUT else receipt


@instead_of(steps, "free_put")
def loss_forgotten(right: Right, state: State, record: JobRecord, given: Range) -> None:
    """Gives a lost span back as if nothing had happened, so that a poisoned unit never ends."""
    right(state, record, Range(span=given.span))


@instead_of(MemoryViews, "pieces")
def piece_forgotten(
    right: Right, views: MemoryViews, job: str, units: Iterable[int]
) -> dict[int, bytes]:
    """Reduces without the last piece."""
    found: dict[int, bytes] = right(views, job, units)
    return dict(list(found.items())[:-1])


@instead_of(MemoryVerbs, "renew")
def reduction_not_renewed(right: Right, verbs: MemoryVerbs, job: str, token: str) -> bool:
    """Says that the reduction goes on, and does nothing for it."""
    return True


@instead_of(MemoryVerbs, "upload")
def part_forgotten(
    right: Right,
    verbs: MemoryVerbs,
    job: str,
    token: str,
    name: str,
    first: int,
    parts: Sequence[bytes],
) -> bool:
    """Stores a part fewer than it was given, if there are several."""
    stored: bool = right(verbs, job, token, name, first, parts[:-1] if first else parts)
    return stored


@instead_of(steps, "give_back")
def queued_lease_blamed(
    right: Right, state: State, record: JobRecord, token: str, end: End, **why: str
) -> None:
    """Counts a lease that nobody had begun as lost when its session leaves."""
    if "unbegun" in why and end is End.RETURN:
        steps.lose(state, record, token, End.LOST, why["unbegun"])
    else:
        right(state, record, token, end, **why)


@instead_of(steps, "take_far_part")
def begun_lease_taken_unharmed(
    right: Right, state: State, session: Session, record: JobRecord, cut: Cut
) -> Range | None:
    """Takes all of a lease as one that had not begun, although it has."""
    found: Range | None = right(state, session, record, cut)
    if found and cut.token not in record.leases:
        return Range(span=found.span)
    return found


@instead_of(MemoryVerbs, "beat")
def beat_renews_all(
    right: Right, verbs: MemoryVerbs, session: Session, held: Sequence[LeaseId]
) -> Standing:
    """Renews all that the session holds, whatever the beat names."""
    known = verbs._state.sessions.get(session.id)
    both = {known.older, known.younger} if known and held else set()
    standing: Standing = right(verbs, session, sorted({*held, *both} - {NO_LEASE}))
    return standing


@instead_of(steps, "judge")
def counted_is_stale(
    right: Right,
    state: State,
    session: Session,
    known: SessionRecord,
    record: JobRecord,
    hand_in: HandIn,
) -> Receipt | None:
    """Refuses a part that is in already, instead of saying where the lease is now."""
    receipt: Receipt | None = right(state, session, known, record, hand_in)
    counted = receipt and receipt.verdict is Verdict.COUNTED
    return Receipt(verdict=Verdict.STALE) if counted else receipt


@instead_of(steps, "lend")
def lent_behind_a_loss(
    right: Right,
    state: State,
    session: Session,
    known: SessionRecord,
    *given: Any,
) -> Grant:
    """Lends a second lease behind one that was lost before."""
    grant: Grant = right(state, session, known, *given)
    known.alone = False
    return grant


@instead_of(steps, "free_take")
def lost_range_queued(right: Right, record: JobRecord, ask: Ask, *, unharmed: bool) -> Range | None:
    """Lends a range that was lost before behind another lease."""
    found: Range | None = right(record, ask, unharmed=False)
    return found


@instead_of(MemoryVerbs, "expire")
def silence_borne(right: Right, verbs: MemoryVerbs, job: str, token: str) -> bool:
    """Lets a lease stand whose holder is silent, so that its job stands still."""
    return False
