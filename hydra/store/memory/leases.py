"""How ranges are lent, taken away and given back: `_prelude.lua` in plain Python."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hydra.errors import BadSpan, KeyReused, NoSuchWorker
from hydra.model import (
    Chunk,
    End,
    JobSpec,
    JobState,
    Partial,
    Range,
    Sample,
    Session,
    Span,
    StoryEntry,
    Verdict,
    limits,
    move,
)
from hydra.model.messages import Ask, Cut, Grant, HandIn, Pace, Receipt, Work
from hydra.store.memory.records import (
    JobRecord,
    LeaseRecord,
    SessionRecord,
    SortedSet,
    WorkerRecord,
)
from hydra.store.memory.views import MemoryState


class MemoryLeases(MemoryState):
    """The steps that the verbs of MemoryStore share."""

    def _heard_before(self, session: Session, seq: int, digest: str) -> tuple[SessionRecord, Any]:
        """The session, and the reply to send again if this call was answered before."""
        known = self._sessions.get(session.id)
        if known is None:
            raise NoSuchWorker("this session has ended; enlist again")
        if seq < known.seq:
            return known, Verdict.STALE
        if seq == known.seq:
            if known.digest != digest:
                raise KeyReused("this sequence number came before with another request")
            return known, known.reply
        return known, None

    def _shows_up(self, session: Session) -> None:
        worker = self._workers.setdefault(session.worker, WorkerRecord(session.worker))
        worker.host, worker.pid = session.host, session.pid

    def _see(self, session: Session, wall: float) -> None:
        worker = self._workers[session.worker]
        worker.seen_ms, worker.pause = int(wall), None
        worker.live_until_ms = worker.seen_ms + limits.LIVE_MS

    def _lets_go(self, session: Session) -> None:
        self._workers[session.worker].job = ""

    def _tell(self, record: JobRecord, verb: str, text: str) -> None:
        record.told += 1
        record.story.append(StoryEntry(str(record.told), int(self._seen or 0), verb, text))

    def _free_put(self, record: JobRecord, given: Range) -> None:
        """Put a range among the free ones; it joins a neighbour of the same losses."""
        record.unassigned += given.span.units
        at = bisect_left(record.free, given.span, key=lambda r: r.span)
        record.free.insert(at, given)
        for left in range(at, max(at - 2, -1), -1):
            record.free[left : left + 2] = _joined(record.free[left : left + 2])
        self._ring()

    def _free_take(self, record: JobRecord, ask: Ask) -> Range | None:
        """Take `ask.units` from one end of what is free, fewer if lost more than once."""
        if not record.free:
            return None
        place = len(record.free) - 1 if ask.tail else 0
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

    def _take_far_part(self, session: Session, record: JobRecord, cut: Cut) -> Range | None:
        victim = record.leases.get(cut.token)
        if not victim or victim.session.id == session.id:
            return None
        span = Span(cut.at, victim.stop)
        if victim.start < cut.at < victim.stop:
            taken = Range(span, victim.losses, victim.loser, victim.many)
            victim.stop, victim.cut = cut.at, True
            self._write_lease(record, cut.token, victim)
        elif victim.start == cut.at and not victim.losses:
            # All of it counts as a loss: else a unit that kills who takes it would go round.
            taken = Range(span, 1, victim.session.worker)
            self._end_lease(record, cut.token, End.CUT)
        else:
            return None
        self._tell(
            record,
            "split",
            f"{victim.session.worker} gives up units {span.start}..{span.stop}: {cut.why}",
        )
        return taken

    def _lend(
        self,
        session: Session,
        known: SessionRecord,
        record: JobRecord,
        ask: Ask,
        found: Range,
        now: float,
    ) -> Grant:
        """Lend a range: the one place where leases are born."""
        pace, spec, span = self._pace(session, record), record.spec, found.span
        lease = LeaseRecord(
            session,
            span.start,
            span.stop,
            ask.slice_units,
            pace.rate / ask.unit_cost,
            now,
            ask.beat_s * 1000,
            ask.tau_s * 1000,
            found.losses,
            found.loser,
            found.losers_many,
            int(self._seen or 0),
            span.start,
        )
        self._renew(lease, now)
        token = self._new_id()
        self._write_lease(record, token, lease)
        record.vtime += charge_s(pace, ask, span.units) / spec.priority
        known.job, known.token = record.id, token
        text = f"{session.worker} takes units {span.start}..{span.stop}: {ask.why}"
        worker = self._workers[session.worker]
        worker.job, worker.doing = record.id, text
        self._tell(record, "claim", text)
        return Grant(record.id, token, span, ask.slice_units, ask.tau_s, ask.beat_s, pace, spec)

    def _renew(self, lease: LeaseRecord, now: float) -> None:
        """Push the deadline of a lease back, whose holder calls; until then it counts as live."""
        lease.renew(now)
        worker = self._workers[lease.session.worker]
        left_ms = max(limits.LIVE_MS, int(lease.deadline - now))
        worker.live_until_ms = worker.seen_ms + left_ms

    def _write_lease(self, record: JobRecord, token: str, lease: LeaseRecord) -> None:
        """Write a lease and its places among the deadlines and the ends."""
        record.leases[token] = lease
        record.ends.put(token, lease.ends())
        self._deadlines.put((record.id, token), lease.deadline)

    def _end_lease(self, record: JobRecord, token: str, end: End) -> None:
        """End a lease and note it in the timeline: the one place where leases die."""
        lease, known = record.leases.pop(token), record.timeline
        self._tally[f"lease {end}"] += 1
        record.ends.drop(token)
        self._deadlines.drop((record.id, token))
        number = int(known[-1].id) + 1 if known else 1
        known.append(
            Chunk(
                str(number),
                lease.session.worker,
                Span(lease.first, lease.start),
                lease.lent_ms,
                int(self._seen or 0),
                lease.busy_ms / 1000,
                end,
            )
        )

    def _judge(
        self, session: Session, known: SessionRecord, record: JobRecord, h: HandIn
    ) -> Receipt | None:
        """The verdict on a hand-in that is not to be accepted: then nothing has changed."""
        pace = self._pace(session, record)
        lease = record.leases.get(h.token)
        closed = record.state is not JobState.RUNNING
        if closed or not lease or lease.session.id != session.id or lease.start != h.span.start:
            if known.job == record.id and known.token not in record.leases:
                known.job = ""
                self._lets_go(session)
            verdict = Verdict.CLOSED if closed else Verdict.STALE
            return Receipt(verdict, 0, replace(pace, unassigned_units=0))
        if not h.span.start <= h.span.stop <= record.spec.total_units:
            raise BadSpan(
                f"the span must be inside {h.span.start}..{record.spec.total_units}",
                field="hand_in",
            )
        _check_partial(record.spec, h.span.units, h.partial)
        if h.span.stop > lease.stop:
            return Receipt(Verdict.CUT, lease.stop, pace)
        return None

    def _fold(
        self,
        session: Session,
        record: JobRecord,
        lease: LeaseRecord,
        h: HandIn,
        work: Work,
        now: float,
    ) -> None:
        """Add a partial to the job, move the lease's start, and learn the worker's rate."""
        pieces = [(u, blob) for u, blob in h.partial.items() if isinstance(blob, bytes)]
        record.pieces |= {int(unit): blob for unit, blob in sorted(pieces)}
        for name, value in h.partial.items():
            if isinstance(value, int):
                record.sums[str(name)] = record.sums.get(str(name), 0) + value
        record.done += h.span.units
        record.done_work += work.done
        self._tally["units"] += h.span.units
        place = math.floor(record.done / record.spec.total_units * limits.HISTORY_PLACES)
        if place not in record.history:
            record.history[place] = Sample(
                int(self._seen or 0), record.done, dict(record.sums), record.done_work
            )
        seconds = (now - lease.at) / 1000
        if seconds >= limits.RATE_S_MIN:
            version, sample = record.spec.version, work.done / seconds
            own, at = self._workers[session.worker].rates, (session.host, version)
            own[version] = _averaged(own.get(version), sample, seconds)
            self._rates[at] = _averaged(self._rates.get(at), sample, seconds)
            lease.rate_units_s = self._pace(session, record).rate / work.rest_unit_cost
        lease.start, lease.at = h.span.stop, now
        lease.losses, lease.many, lease.loser = 0, False, ""

    def _lose(self, record: JobRecord, token: str, end: End, why: str) -> None:
        """Give a lost range back with one loss more; a unit lost too often fails the job."""
        lease = record.leases[token]
        self._end_lease(record, token, end)
        losses, loser, many = lease.losses + 1, lease.loser, lease.many
        if lease.losses == 0:
            loser, many = lease.session.worker, False
        elif loser != lease.session.worker:
            many = True
        span = Span(lease.start, lease.stop)
        self._tell(
            record, "expire", f"{lease.session.worker} lost units {span.start}..{span.stop}: {why}"
        )
        if (
            span.units == 1
            and losses >= limits.LOSSES_MAX
            and (many or losses >= limits.LOSSES_ALONE_MAX or self.live_workers() < 2)
        ):
            self._close(record, "fail", f"unit {span.start} was lost {losses} times: {why}")
        else:
            self._free_put(record, Range(span, losses, loser, many))

    def _give_back(self, record: JobRecord, token: str, why: str) -> None:
        """Give the rest of a lease back unharmed."""
        lease = record.leases[token]
        self._end_lease(record, token, End.RETURN)
        span = Span(lease.start, lease.stop)
        self._free_put(record, Range(span, lease.losses, lease.loser, lease.many))
        self._tell(
            record,
            "return",
            f"{lease.session.worker} gives back units {span.start}..{span.stop}: {why}",
        )

    def _close(self, record: JobRecord, event: str, reason: str) -> None:
        """End a job for good."""
        record.state = move(record.state, event)
        record.reason, record.ended, record.unassigned = reason, int(self._seen or 0), 0
        record.free.clear()
        record.leases.clear()  # their deadlines go one by one as they pass: see expire
        record.ends = SortedSet()
        record.pieces.clear()
        self._tell(record, record.state.value, reason)
        self._ring()
        self._tally[f"job {record.state}"] += 1


def charge_s(pace: Pace, ask: Ask, units: int) -> float:
    """What a claim costs its job: the seconds that the whole fleet would need for it.

    So jobs share the fleet's work and not only its workers, which differ in speed.
    """
    if pace.rate and pace.fleet_rate:
        return units * ask.unit_cost / max(pace.fleet_rate, pace.rate)
    worker_s = units * ask.unit_cost / pace.rate if pace.rate else ask.tau_s
    return worker_s / max(pace.live_workers, 1)


def _joined(neighbours: Sequence[Range]) -> Sequence[Range]:
    """Two ranges as one if they touch and were lost alike; as they are otherwise."""
    if len(neighbours) < 2 or neighbours[0].span.stop != neighbours[1].span.start:
        return neighbours
    left, right = neighbours
    whole = replace(left, span=Span(left.span.start, right.span.stop))
    return [whole] if whole == replace(right, span=whole.span) else neighbours


def _check_partial(spec: JobSpec, units: int, partial: Partial) -> None:
    """Raise BadSpan unless the partial, of the right kind already, can be that of so many units."""
    if not spec.sum_bounds:
        blobs = [blob for blob in partial.values() if isinstance(blob, bytes)]
        if any(len(blob) > spec.piece_bytes_max for blob in blobs):
            raise BadSpan(f"a piece must be at most {spec.piece_bytes_max} bytes", field="hand_in")
        return
    sums = {str(name): value for name, value in partial.items() if isinstance(value, int)}
    for name, (low, high) in spec.sum_bounds.items() if units else ():
        value = sums.get(name)
        if value is None or not low * units <= value <= high * units or abs(value) >= 2**53:
            raise BadSpan(
                f"{name} must be from {low * units} to {high * units} for {units} units",
                field="hand_in",
            )
    if set(sums) != (set(spec.sum_bounds) if units else set()):
        raise BadSpan("the sums must be the kernel's", field="hand_in")


def _averaged(old: float | None, sample: float, seconds: float) -> float:
    """Exponential average over time: a sample weighs by how long it was measured."""
    if not old:
        return sample
    return old + (1 - math.exp(-seconds / limits.RATE_MEMORY_S)) * (sample - old)
