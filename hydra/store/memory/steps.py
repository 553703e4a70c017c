"""What is kept of a job, and the steps that change it, which the verbs share.

The steps are those of `_prelude.lua` in plain Python, under the same names.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hydra.errors import KeyReused, NoSuchWorker
from hydra.model import (
    Chunk,
    End,
    Job,
    JobSpec,
    JobState,
    Lease,
    LeaseId,
    Partial,
    Range,
    Rest,
    Sample,
    Session,
    Span,
    StoryEntry,
    Verdict,
    limits,
    move,
)
from hydra.model.messages import Ask, Cut, Grant, HandIn, Pace, Receipt, Work
from hydra.model.story import sentence_of
from hydra.store.memory.records import NO_LEASE, Lane, SessionRecord, SortedSet, WorkerRecord
from hydra.store.refusals import refusal
from hydra.store.wire import pieces_of, sums_of

if TYPE_CHECKING:
    from hydra.store.memory.state import State

# Jobs and leases ----------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class LeaseRecord:
    """A live lease; times are Hydra ms unless they say otherwise."""

    session: Session
    start: int
    stop: int
    slice_units: int
    rate_units_s: float
    at_ms: float
    beat_ms: float
    tau_ms: float
    losses: int
    loser: str
    many: bool
    lent_ms: int
    """Wall-clock time."""
    first: int
    """Where the span began when it was lent."""
    pace: Pace
    """As the last reply told its holder."""
    cut: bool = False
    """Whether somebody took the far part."""
    busy_ms: int = 0
    unit_charge_s: float = 0.0
    """What its job was charged for a unit of it."""
    deadline_ms: float = 0.0
    queued: bool = False
    """Whether it was lent behind another, and its holder has not handed anything in."""
    begins_ms: float = 0.0
    """When its holder was to begin it, as estimated then."""

    @property
    def span(self) -> Span:
        """What is left of it."""
        return Span(self.start, self.stop)

    def view(self, job: str, token: str) -> Lease:
        """As the port gives it."""
        return Lease(
            job=job,
            token=token,
            session=self.session.id,
            worker=self.session.worker,
            span=self.span,
            slice_units=self.slice_units,
            rate_units_s=self.rate_units_s,
            at_ms=self.at_ms,
            deadline_ms=self.deadline_ms,
            losses=self.losses,
        )

    def ends_ms(self) -> float:
        """When it is likely to end."""
        from_ms = self.begins_ms if self.queued else self.at_ms
        if self.rate_units_s > 0:
            return from_ms + (self.stop - self.start) / self.rate_units_s * 1000
        return from_ms + self.tau_ms


@dataclass(slots=True, kw_only=True)
class ReductionRecord:
    """An attempt at a job's reduction."""

    token: str
    session: str
    worker: str


@dataclass(slots=True, kw_only=True)
class JobRecord:
    """A job with everything that belongs to it."""

    id: str
    spec: JobSpec
    created_ms: int
    vtime_s: float
    """Seconds of the whole fleet that were lent to it, divided by its priority."""
    spent_s: float
    """The same without what is lent but not done."""
    unassigned: int
    state: JobState = JobState.RUNNING
    done: int = 0
    done_work: float = 0.0
    ended_ms: int | None = None
    reason: str = ""
    free: list[Range] = field(default_factory=list)
    """In the order of their spans."""
    leases: dict[str, LeaseRecord] = field(default_factory=dict)
    """By token."""
    ends: SortedSet[str] = field(default_factory=SortedSet)
    """Tokens by their lease's estimated end."""
    sums: dict[str, int] = field(default_factory=dict)
    pieces: dict[int, bytes] = field(default_factory=dict)
    """In the order they came."""
    history: dict[int, Sample] = field(default_factory=dict)
    """By the share of the job that was done, in HISTORY_PLACES."""
    timeline: deque[Chunk] = field(default_factory=lambda: deque(maxlen=limits.TIMELINE_CHUNKS_MAX))
    story: deque[StoryEntry] = field(default_factory=lambda: deque(maxlen=limits.STORY_ENTRIES_MAX))
    story_length: int = 0
    """Entries of the story, also those that were dropped."""
    answer: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    parts: dict[tuple[str, int], bytes] = field(default_factory=dict)
    """Of files, by name and number, as the reduction uploads them."""
    attempts: int = 0
    """At the reduction, that were lost."""
    returns: int = 0
    """Of the reduction."""
    reduction: ReductionRecord | None = None
    """Who makes the answer."""
    reduce_after_ms: float = 0.0
    """When its lease runs out."""

    def view(self) -> Job:
        """As the port gives it."""
        return Job(
            id=self.id,
            spec=self.spec,
            state=self.state,
            done_units=self.done,
            unassigned_units=self.unassigned,
            created_ms=self.created_ms,
            ended_ms=self.ended_ms,
            reason=self.reason,
            sums=dict(self.sums),
            leases=len(self.leases),
            done_work=self.done_work,
        )


# Sessions and workers -------------------------------------------------------------------------


def require_open(known: SessionRecord | None) -> SessionRecord:
    """The session; raises NoSuchWorker if there is none, or if it has ended."""
    if known is None or known.ended:
        raise NoSuchWorker("this session has ended; enlist again")
    return known


def answered_before(lane: Lane, seq: int, digest: str) -> Any:
    """The reply to send again if this call was answered before, else None."""
    if seq < lane.seq:
        return Verdict.STALE
    if seq == lane.seq:
        if lane.digest != digest:
            raise KeyReused("this sequence number came before with another request")
        return lane.reply
    return None


def reply(lane: Lane, seq: int, digest: str, answer: Any) -> None:
    """Remember the reply to a session's call."""
    lane.seq, lane.digest, lane.reply = seq, digest, answer


def settle(state: State, session: Session, known: SessionRecord) -> None:
    """Take leases that others have ended from the session's places."""
    if known.younger not in state.deadlines:
        known.younger = NO_LEASE
    if known.older != NO_LEASE and known.older not in state.deadlines:
        shift(state, session, known)


def shift(state: State, session: Session, known: SessionRecord) -> None:
    """The older lease has ended: the younger, if there is one, is the older from now on."""
    known.older, known.younger = known.younger, NO_LEASE
    known.freed_ms, known.freed_wall_ms = state.hydra_ms, int(state.wall_ms)
    known.alone = False  # a range that was lost before is never a younger lease
    state.workers[session.worker].job = known.older.job


def drop(state: State, session: Session, known: SessionRecord, gone: LeaseId) -> None:
    """Take a lease that has ended from the session's places."""
    if gone == known.younger:
        known.younger = NO_LEASE
    elif gone == known.older:
        shift(state, session, known)


def show_up(state: State, session: Session) -> WorkerRecord:
    """The session's worker, with what it says of itself."""
    worker = state.workers.setdefault(session.worker, WorkerRecord(session.worker))
    worker.host, worker.pid = session.host, session.pid
    return worker


def seen(state: State, session: Session, wall_ms: float) -> None:
    """Note that the worker has called: it lives, and does not pause."""
    worker = state.workers[session.worker]
    worker.seen_ms, worker.pause = int(wall_ms), None
    worker.live_until_ms = worker.seen_ms + limits.LIVE_MS


def add_to_story(state: State, record: JobRecord, verb: str, **fields: str | int) -> None:
    """Add to a job's story."""
    record.story_length += 1
    record.story.append(
        StoryEntry(id=str(record.story_length), at_ms=int(state.wall_ms), verb=verb, fields=fields)
    )


# Free ranges ----------------------------------------------------------------------------------


def free_put(state: State, record: JobRecord, given: Range) -> None:
    """Put a range among the free ones; it joins a neighbour only if their losses are the same."""
    record.unassigned += given.span.units
    at = bisect_left(record.free, given.span, key=lambda r: r.span)
    record.free.insert(at, given)
    for left in range(at, max(at - 2, -1), -1):
        record.free[left : left + 2] = _joined(record.free[left : left + 2])
    state.bell.ring()


def _joined(neighbours: Sequence[Range]) -> Sequence[Range]:
    """Two ranges as one if they touch and were lost alike; as they are otherwise."""
    if len(neighbours) < 2 or neighbours[0].span.stop != neighbours[1].span.start:
        return neighbours
    left, right = neighbours
    whole = replace(left, span=Span(left.span.start, right.span.stop))
    return [whole] if whole == replace(right, span=whole.span) else neighbours


def free_take(record: JobRecord, ask: Ask, *, unharmed: bool) -> Range | None:
    """Take `ask.units` from one end of what is free, fewer if lost more than once; None if none.

    With `unharmed`, none if what lies there was lost before.
    """
    place = len(record.free) - 1 if ask.tail else 0
    if not record.free or (unharmed and record.free[place].losses):
        return None
    found = record.free.pop(place)
    start, stop = found.span
    n = max(1, min(ask.units, stop - start) // 2 ** max(found.losses - 1, 0))
    taken, rest = Span(start, start + n), Span(start + n, stop)
    if ask.tail:
        rest, taken = Span(start, stop - n), Span(stop - n, stop)
    if rest.units:
        record.free.insert(place, replace(found, span=rest))
    record.unassigned -= n
    return replace(found, span=taken)


def take_far_part(state: State, session: Session, record: JobRecord, cut: Cut) -> Range | None:
    """Take the far part, or all, of the lease that `cut` names; None if its holder went past."""
    victim, holder = record.leases.get(cut.token), state.sessions.get(cut.session)
    if not victim or victim.session.id != cut.session or cut.session == session.id:
        return None
    if cut.queued is not (holder is not None and holder.younger == (record.id, cut.token)):
        return None
    span = Span(cut.at, victim.stop)
    if cut.queued:
        if cut.at != victim.start:
            return None
        refund(record, victim, span.units)
        taken = Range(span=span)
        lease_end(state, record, cut.token, End.CUT)
    elif victim.start < cut.at < victim.stop:
        taken = Range(span=span, losses=victim.losses, loser=victim.loser, losers_many=victim.many)
        refund(record, victim, span.units)
        victim.stop, victim.cut = cut.at, True
        lease_write(state, record, cut.token, victim)
    elif victim.start == cut.at and not victim.losses:
        # All of it, which counts as a loss: else a unit that kills its workers would be taken
        # for ever.
        refund(record, victim, span.units)
        taken = Range(span=span, losses=1, loser=victim.session.worker)
        lease_end(state, record, cut.token, End.CUT)
    else:
        return None
    worker = victim.session.worker
    add_to_story(
        state, record, "split", worker=worker, start=span.start, stop=span.stop, why=cut.why
    )
    state.observer.taken(victim)
    return taken


# Lending and losing ---------------------------------------------------------------------------


def charge_s(pace: Pace, ask: Ask, units: int) -> float:
    """What a claim costs its job: the seconds that the whole fleet would need for it.

    So jobs share the fleet's work and not only its workers, which differ in speed.
    """
    work = units * ask.unit_cost
    if pace.rate and pace.fleet_rate:
        return work / max(pace.fleet_rate, pace.rate)
    worker_s = work / pace.rate if pace.rate else ask.tau_s
    return worker_s / max(pace.live_workers, 1)


def least_served(state: State, job: str) -> float | None:
    """The least virtual time of the other jobs that were served lately; None if there is none.

    Without what is lent but not done: with that, a new job would begin a chunk of the whole fleet
    behind.
    """
    lately = sorted(
        (at_ms, other)
        for other, at_ms in state.served.items()
        if at_ms >= state.hydra_ms - limits.SERVED_MS
    )
    return min(
        (
            state.jobs[other].spent_s
            for _, other in lately[: limits.SERVED_MAX]
            if other != job and state.jobs[other].state is JobState.RUNNING
        ),
        default=None,
    )


def serve(state: State, record: JobRecord, chunk_s: float = 0.0) -> None:
    """A job's turn has come.

    One that was not served lately (nobody here could, or it is new) does not catch up on what it
    missed, but for a few chunks: it goes on with those that were.
    """
    last_ms = state.served.get(record.id)
    if last_ms is None or last_ms < state.hydra_ms - limits.SERVED_MS:
        least_s = least_served(state, record.id)
        if least_s is not None:
            missed_s = max(least_s - limits.TURNS_KEPT * chunk_s - record.vtime_s, 0.0)
            record.vtime_s += missed_s
            record.spent_s += missed_s
    state.served[record.id] = state.hydra_ms


def waits_for_turn(state: State, job: str) -> bool:
    """Whether nothing of the job was lent for so long that others might give way to it."""
    last_ms = state.served.get(job)
    return last_ms is None or last_ms < state.hydra_ms - limits.TURN_MS


def turn_before(state: State, known: SessionRecord) -> str:
    """The first job that waits for its turn longer than that of the session's older lease."""
    mine = state.jobs.get(known.older.job)
    if not mine or mine.state is not JobState.RUNNING:
        return ""
    for job in state.runnable()[: limits.PASSED_MAX + 1]:
        if job.vtime_s > mine.vtime_s:
            break
        if job is not mine and job.id not in known.passed and waits_for_turn(state, job.id):
            return job.id
    return ""


def in_turn(state: State, known: SessionRecord, record: JobRecord, chunk_s: float) -> bool:
    """Whether no other job has waited longer by more than a chunk, of those it can serve."""
    turns = state.runnable()[: limits.PASSED_MAX + 1]
    least_s = next((job.vtime_s for job in turns if job.id not in known.passed), math.inf)
    return record.vtime_s <= least_s + chunk_s


def refund(record: JobRecord, lease: LeaseRecord, units: int) -> None:
    """Take off a job's charge what a lease does not do of it after all."""
    record.vtime_s -= units * lease.unit_charge_s


def lend(
    state: State,
    session: Session,
    known: SessionRecord,
    record: JobRecord,
    ask: Ask,
    found: Range,
    now_ms: float,
) -> Grant:
    """Lend a range: the one place where leases begin. Behind a lease, it is queued."""
    pace, spec, span = state.pace(session, record), record.spec, found.span
    queued = known.older != NO_LEASE
    charged_s = charge_s(pace, ask, span.units) / spec.priority
    lease = LeaseRecord(
        session=session,
        start=span.start,
        stop=span.stop,
        slice_units=ask.slice_units,
        rate_units_s=pace.rate / ask.unit_cost,
        at_ms=now_ms,
        beat_ms=ask.beat_s * 1000,
        tau_ms=ask.tau_s * 1000,
        losses=found.losses,
        loser=found.loser,
        many=found.losers_many,
        lent_ms=int(state.wall_ms),
        first=span.start,
        pace=pace,
        unit_charge_s=charged_s / span.units,
        queued=queued,
        begins_ms=now_ms + ask.begins_in_s * 1000 if queued else 0.0,
    )
    lease_renew(state, lease, now_ms)
    token = state.new_id()
    lease_write(state, record, token, lease)
    serve(state, record, charge_s(pace, ask, span.units))
    record.vtime_s += charged_s
    worker = state.workers[session.worker]
    if queued:
        known.younger = LeaseId(record.id, token)
    else:
        known.older, known.alone = LeaseId(record.id, token), found.losses > 0
        worker.job = record.id
    worker.claimed = {
        "worker": session.worker,
        "start": span.start,
        "stop": span.stop,
        "why": ask.why,
    }
    add_to_story(state, record, "claim", **worker.claimed)
    state.observer.lent(lease)
    return Grant(
        job=record.id,
        token=token,
        span=span,
        slice_units=ask.slice_units,
        tau_s=ask.tau_s,
        beat_s=ask.beat_s,
        pace=pace,
        spec=spec,
    )


def lease_renew(state: State, lease: LeaseRecord, now_ms: float) -> None:
    """Push the deadline of a lease back, whose holder calls; until then it counts as live.

    It has three beats, doubled for each loss in a row up to a cap.
    """
    plain_ms = limits.LEASE_BEATS * lease.beat_ms
    left_ms = max(plain_ms, min(plain_ms * 2**lease.losses, limits.LEASE_MS_MAX))
    lease.deadline_ms = now_ms + left_ms
    worker = state.workers[lease.session.worker]
    worker.live_until_ms = worker.seen_ms + max(limits.LIVE_MS, int(left_ms))


def lease_write(state: State, record: JobRecord, token: str, lease: LeaseRecord) -> None:
    """Write a lease and its places among the deadlines and the ends."""
    record.leases[token] = lease
    record.ends.put(token, lease.ends_ms())
    state.deadlines.put(LeaseId(record.id, token), lease.deadline_ms)


def lease_end(state: State, record: JobRecord, token: str, end: End) -> LeaseRecord:
    """End a lease and note it in the timeline: the one place where leases end."""
    lease, known = record.leases.pop(token), record.timeline
    state.tally[f"lease {end}"] += 1
    record.ends.drop(token)
    state.deadlines.drop(LeaseId(record.id, token))
    number = int(known[-1].id) + 1 if known else 1
    known.append(
        Chunk(
            id=str(number),
            worker=lease.session.worker,
            span=Span(lease.first, lease.start),
            lent_ms=lease.lent_ms,
            ended_ms=int(state.wall_ms),
            busy_s=lease.busy_ms / 1000,
            end=end,
        )
    )
    return lease


def lose(state: State, record: JobRecord, token: str, end: End, why: str) -> None:
    """Take a lease away as lost: its range is requeued with one loss more.

    A single unit that was lost too often, by several workers (or by the only one there is), is dead
    and fails the job; one worker alone among others must lose it more often.
    """
    alone = len(state.live_workers()) < 2
    lease = lease_end(state, record, token, end)
    losses, loser, many = lease.losses + 1, lease.loser, lease.many
    worker, (start, stop) = lease.session.worker, lease.span
    if lease.losses == 0:
        loser, many = worker, False
    elif loser != worker:
        many = True
    add_to_story(state, record, "expire", worker=worker, start=start, stop=stop, why=why)
    state.observer.lost(lease)
    losses_max = limits.LOSSES_MAX if many or alone else limits.LOSSES_ALONE_MAX
    if stop - start == 1 and losses >= losses_max:
        close(state, record, "fail", unit=start, losses=losses, why=why)
    else:
        refund(record, lease, stop - start)
        free_put(
            state, record, Range(span=lease.span, losses=losses, loser=loser, losers_many=many)
        )


def give_back(state: State, record: JobRecord, token: str, end: End, **why: str) -> None:
    """Give the rest of a lease back unharmed; `why` is the field of the story that says so."""
    lease = lease_end(state, record, token, end)
    refund(record, lease, lease.span.units)
    free_put(
        state,
        record,
        Range(span=lease.span, losses=lease.losses, loser=lease.loser, losers_many=lease.many),
    )
    worker, (start, stop) = lease.session.worker, lease.span
    add_to_story(state, record, "return", worker=worker, start=start, stop=stop, **why)


def close(state: State, record: JobRecord, event: str, **why: str | int) -> None:
    """End a job for good; `why` are the fields of the story's last entry."""
    record.state = move(record.state, event)
    record.reason = sentence_of(record.state, why)
    record.ended_ms, record.unassigned = int(state.wall_ms), 0
    record.free.clear()
    record.leases.clear()  # their deadlines go one by one as they pass: see expire
    record.ends = SortedSet()
    record.pieces.clear()
    record.parts.clear()
    state.served.pop(record.id, None)
    add_to_story(state, record, record.state.value, **why)
    state.bell.ring()
    state.tally[f"job {record.state}"] += 1


# The answer -----------------------------------------------------------------------------------


def reduction_read(record: JobRecord | None) -> ReductionRecord | None:
    """The attempt that holds a job's reduction; None if it is not reducing, or none does."""
    return record.reduction if record and record.state is JobState.REDUCING else None


def reduction_end(state: State, record: JobRecord, why: str) -> None:
    """Take a reduction from its holder, and tell; others may take it at once."""
    if record.reduction:
        worker = record.reduction.worker
        add_to_story(state, record, "reduce", worker=worker, why=why)
    record.reduction, record.reduce_after_ms = None, 0.0
    record.parts.clear()
    state.bell.ring()


# Hand-ins -------------------------------------------------------------------------------------


def judge(
    state: State, session: Session, known: SessionRecord, record: JobRecord, hand_in: HandIn
) -> Receipt | None:
    """The verdict on a hand-in that is not to be accepted: then nothing has changed."""
    pace = state.pace(session, record)
    lease, (start, stop) = record.leases.get(hand_in.token), hand_in.span
    nothing_left = replace(pace, unassigned_units=0)
    if record.state is not JobState.RUNNING:
        for held in (known.younger, known.older):
            if held.job == record.id:
                drop(state, session, known, held)
        return Receipt(verdict=Verdict.CLOSED, pace=nothing_left)
    if not lease or lease.session.id != session.id or start > lease.start:
        return Receipt(verdict=Verdict.STALE, pace=nothing_left)
    if start < lease.start:
        return Receipt(verdict=Verdict.COUNTED, start=lease.start, stop=lease.stop, pace=pace)
    if not start <= stop <= record.spec.total_units:
        raise refusal("span", start=start, total=record.spec.total_units)
    _check_partial(record.spec, hand_in.span.units, hand_in.partial)
    if stop > lease.stop:
        return Receipt(verdict=Verdict.CUT, stop=lease.stop, pace=pace)
    return None


def _check_partial(spec: JobSpec, units: int, partial: Partial) -> None:
    """Raise BadSpan unless the partial, of the right kind already, can be that of so many units."""
    if not spec.sum_bounds:
        if any(len(blob) > spec.piece_bytes_max for blob in pieces_of(partial).values()):
            raise refusal("piece", bytes=spec.piece_bytes_max)
        return
    sums = sums_of(partial)
    for name, (low, high) in spec.sum_bounds.items() if units else ():
        value = sums.get(name)
        if value is None or not low * units <= value <= high * units or abs(value) >= 2**53:
            raise refusal("sum", name=name, low=low * units, high=high * units, units=units)
    if set(sums) != (set(spec.sum_bounds) if units else set()):
        raise refusal("sums")


def accept(
    state: State,
    session: Session,
    known: SessionRecord,
    record: JobRecord,
    hand_in: HandIn,
    work: Work,
    now_ms: float,
) -> Receipt:
    """Count a hand-in that was judged right, and see to the rest of its lease."""
    lease, token = record.leases[hand_in.token], hand_in.token
    lease.busy_ms = round(hand_in.busy_s * 1000)
    ends = hand_in.rest is not Rest.KEEP or hand_in.span.stop == lease.stop
    if lease.queued and (hand_in.span.units or ends):
        begin(known, lease)
    if hand_in.span.units:
        fold(state, session, record, lease, hand_in, work, now_ms)
    if hand_in.rest is Rest.KEEP and lease.start < lease.stop:
        lease_renew(state, lease, now_ms)
        lease_write(state, record, token, lease)
        lease.pace = state.pace(session, record)
        return Receipt(verdict=Verdict.ACCEPTED, stop=lease.stop, pace=lease.pace)
    drop(state, session, known, LeaseId(record.id, token))
    if lease.start == lease.stop:
        lease_end(state, record, token, End.CUT if lease.cut else End.COMPLETE)
    elif hand_in.rest is Rest.LOST:
        lose(state, record, token, End.LOST, hand_in.note)
    else:
        give_back(state, record, token, End.RETURN, why=hand_in.note)
    last = record.done == record.spec.total_units
    if last:
        record.state = move(record.state, "reduce")
        add_to_story(state, record, "reduce", units=record.done)
        state.bell.ring()
    return Receipt(
        verdict=Verdict.ACCEPTED, stop=lease.stop, pace=state.pace(session, record), last=last
    )


def begin(known: SessionRecord, lease: LeaseRecord) -> None:
    """A lease that was queued counts from when its older sibling ended."""
    lease.queued = False
    if known.freed_ms > lease.at_ms:
        lease.at_ms, lease.lent_ms = known.freed_ms, known.freed_wall_ms


def fold(
    state: State,
    session: Session,
    record: JobRecord,
    lease: LeaseRecord,
    hand_in: HandIn,
    work: Work,
    now_ms: float,
) -> None:
    """Add a partial to the job, move the lease's start, and learn the worker's rate."""
    record.pieces |= dict(sorted(pieces_of(hand_in.partial).items()))
    for name, value in sums_of(hand_in.partial).items():
        record.sums[name] = record.sums.get(name, 0) + value
    record.spent_s += hand_in.span.units * lease.unit_charge_s
    if record.id in state.served:
        state.served[record.id] = now_ms
    record.done += hand_in.span.units
    record.done_work += work.done
    state.tally["units"] += hand_in.span.units
    place = math.floor(record.done / record.spec.total_units * limits.HISTORY_PLACES)
    if place not in record.history:
        record.history[place] = Sample(
            at_ms=int(state.wall_ms),
            done_units=record.done,
            sums=dict(record.sums),
            done_work=record.done_work,
        )
    seconds = (now_ms - lease.at_ms) / 1000
    if seconds >= limits.RATE_S_MIN:
        version, sample = record.spec.version, work.done / seconds
        own, at = state.workers[session.worker].rates, (session.host, version)
        own[version] = _averaged(own.get(version), sample, seconds)
        state.rates[at] = _averaged(state.rates.get(at), sample, seconds)
        lease.rate_units_s = own[version] / work.rest_unit_cost
    lease.start, lease.at_ms = hand_in.span.stop, now_ms
    lease.losses, lease.many, lease.loser = 0, False, ""


def _averaged(old: float | None, sample: float, seconds: float) -> float:
    """Exponential average over time: a sample weighs by how long it was measured."""
    if not old:
        return sample
    return old + (1 - math.exp(-seconds / limits.RATE_MEMORY_S)) * (sample - old)
