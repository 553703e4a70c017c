"""The accounts in plain Python: the readable specification of the protocol.

It is the store of the simulator and of fast tests, and the oracle that the Lua scripts are held
against: every story of tests/property runs on both and must end the same. Each method is one
script of `lua/`, in the same order: look, judge, then write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hydra.errors import KeyReused, TooMany
from hydra.model import (
    FINAL,
    End,
    Job,
    JobSpec,
    JobState,
    Partial,
    Range,
    Rest,
    Session,
    Span,
    Verdict,
    limits,
    move,
)
from hydra.model.messages import Ask, Cut, FleetFigures, Grant, HandIn, Receipt, Reduction, Work
from hydra.model.pauses import Pause
from hydra.store import wire
from hydra.store.memory.leases import MemoryLeases, charge_s
from hydra.store.memory.records import JobRecord, SessionRecord

NO_FILES: Mapping[str, bytes] = {}

CLAIM = "claim"
"""The digest of every claim: a repeat gets the first grant, whatever it asks for now."""


class MemoryStore(MemoryLeases):
    """The Store port in plain Python."""

    def submit(self, job: str, spec: JobSpec, key: str = "") -> Job:
        """Open a job, once per idempotency key."""
        with self._lock:
            if key and key in self._keys:
                first, first_spec = self._keys[key]
                if first_spec != spec:
                    raise KeyReused("this Idempotency-Key came before with another request")
                return self.job(first)
            if job in self._jobs:
                return self.job(job)
            if sum(r.state not in FINAL for r in self._jobs.values()) >= self._jobs_open_max:
                raise TooMany(f"at most {self._jobs_open_max} jobs may be unfinished at once")
            _, wall = self._hydra_now()
            vtime = min((r.vtime for r in self._runnable()), default=0.0)
            record = JobRecord(job, spec, int(wall), vtime, spec.total_units)
            record.free.append(Range(Span(0, spec.total_units)))
            self._jobs[job] = record
            self._tally["submitted"] += 1
            self._tell(record, "submit", f"{spec.total_units} units")
            self._ring()
            if key:
                self._keys[key] = (job, spec)
            return record.view()

    def enlist(self, session: Session) -> int:
        """Open a session; how many workers were live."""
        with self._lock:
            _, wall = self._hydra_now()
            self._sessions.setdefault(session.id, SessionRecord())
            self._shows_up(session)
            self._see(session, wall)
            self._session_of[session.worker] = session.id
            return self._live

    def leave(self, worker: str, why: str) -> bool:
        """End the worker's last session and what it held; whether a lease was lost."""
        with self._lock:
            session = self._session_of.pop(worker, None)
            known = self._sessions.pop(session, None) if session else None
            if session is None:
                return False
            _, wall = self._hydra_now()
            record = self._jobs.get(known.job) if known else None
            lost = bool(record and known and known.token in record.leases)
            if record and known and lost:
                self._lose(record, known.token, End.LOST, why)
            reduced = self._jobs.get(known.reduces) if known else None
            if reduced and reduced.state is JobState.REDUCING and reduced.reducer == session:
                reduced.reduce_after = 0.0
                self._tell(reduced, "reduce", f"{worker} made no answer: {why}")
                self._ring()
            gone = self._workers[worker]
            gone.job, gone.live_until_ms = "", int(wall) - 1
            return lost

    def pause(self, session: Session, why: Pause) -> None:
        """Note the worker as paused."""
        with self._lock:
            _, wall = self._hydra_now()
            self._shows_up(session)
            self._see(session, wall)
            self._lets_go(session)
            paused = self._workers[session.worker]
            paused.pause, paused.live_until_ms = why, int(wall)

    def claim(
        self, session: Session, seq: int, job: str, ask: Ask, cut: Cut | None = None
    ) -> Grant | None:
        """Lease free units of the job, or the far part of the lease that `cut` names.

        Only a grant is remembered, so one sequence number may try several jobs.
        """
        with self._lock:
            known, before = self._heard_before(session, seq, CLAIM)
            if before is not None:
                return before if isinstance(before, Grant) else None
            now, wall = self._hydra_now()
            self._see(session, wall)
            record, grant = self._jobs.get(job), None
            holds = (known.job, known.token) in self._deadlines
            if record and record.state is JobState.RUNNING and not holds:
                if cut:
                    found = self._take_far_part(session, record, cut)
                else:
                    found = self._free_take(record, ask)
                if found:
                    grant = self._lend(session, known, record, ask, found, now)
            if grant is None:
                self._lets_go(session)
                return None
            known.seq, known.digest, known.reply = seq, CLAIM, grant
            return grant

    def complete(
        self,
        session: Session,
        seq: int,
        hand_in: HandIn,
        ask: Ask | None = None,
        work: Work | None = None,
    ) -> Receipt:
        """Count a prefix of the session's lease exactly once."""
        with self._lock:
            record = self._jobs.get(hand_in.job)
            if record is None:
                return Receipt(Verdict.CLOSED)
            digest = wire.hand_in_digest(hand_in, wire.partial_parts(record.spec, hand_in))
            known, before = self._heard_before(session, seq, digest)
            if before is not None:
                return before if isinstance(before, Receipt) else Receipt(Verdict.STALE)
            now, wall = self._hydra_now()
            self._see(session, wall)
            receipt = self._judge(session, known, record, hand_in)
            if receipt is None:
                spec = record.spec
                work = work or Work(hand_in.span.units * spec.unit_cost, spec.unit_cost)
                receipt = self._accept(session, known, record, hand_in, ask, work, now)
            known.seq, known.digest, known.reply = seq, digest, receipt
            return receipt

    def _accept(
        self,
        session: Session,
        known: SessionRecord,
        record: JobRecord,
        h: HandIn,
        ask: Ask | None,
        work: Work,
        now: float,
    ) -> Receipt:
        lease = record.leases[h.token]
        lease.busy_ms = round(h.busy_s * 1000)
        if h.span.units:
            self._fold(session, record, lease, h, work, now)
        if h.rest is Rest.KEEP and lease.start < lease.stop:
            self._renew(lease, now)
            self._write_lease(record, h.token, lease)
            return Receipt(Verdict.ACCEPTED, lease.stop, self._pace(session, record))
        known.job = ""
        self._lets_go(session)
        if lease.start == lease.stop:
            self._end_lease(record, h.token, End.CUT if lease.cut else End.COMPLETE)
        elif h.rest is Rest.LOST:
            self._lose(record, h.token, End.LOST, h.note)
        else:
            self._give_back(record, h.token, h.note)
        last = record.done == record.spec.total_units
        if last:
            record.state = move(record.state, "reduce")
            self._tell(record, "reduce", f"all {record.done} units are in")
            self._ring()
        receipt = Receipt(Verdict.ACCEPTED, lease.stop, self._pace(session, record), last)
        if not ask or h.rest is Rest.LOST or last:
            return receipt
        least = self._runnable()[0].vtime
        chunk_s = charge_s(receipt.pace, ask, ask.units)
        found = record.vtime <= least + chunk_s and self._free_take(record, ask)
        if not found:
            return receipt
        return replace(receipt, grant=self._lend(session, known, record, ask, found, now))

    def expire(self, job: str, token: str) -> bool:
        """End a lease whose deadline has passed; whether it did."""
        with self._lock:
            now, _ = self._hydra_now()
            record = self._jobs.get(job)
            lease = record.leases.get(token) if record else None
            if not record or not lease:
                self._deadlines.drop((job, token))
                return False
            if lease.deadline > now:
                return False
            self._lose(record, token, End.EXPIRE, "no heartbeat before the deadline")
            return True

    def cancel(self, job: str, reason: str = "") -> Job:
        """End a job that has not ended."""
        with self._lock:
            record = self._record(job)
            if record.state not in FINAL:
                self._hydra_now()
                self._close(record, "cancel", reason)
            return record.view()

    def reduce(self, session: Session, job: str) -> Reduction | None:
        """Lease the job's reduction; its token is the session, so that a repeat gets it again."""
        with self._lock:
            now, _ = self._hydra_now()
            record = self._jobs.get(job)
            if not record or record.state is not JobState.REDUCING:
                return None
            if record.reduce_after <= now:
                if record.attempts >= limits.REDUCE_ATTEMPTS_MAX:
                    self._close(
                        record,
                        "fail",
                        f"the reduction was started {record.attempts} times and never finished",
                    )
                    return None
                record.attempts += 1
                record.reducer, record.reduce_after = session.id, now + limits.REDUCE_LEASE_MS
                self._tell(
                    record,
                    "reduce",
                    f"{session.worker} makes the answer, attempt "
                    f"{record.attempts} of {limits.REDUCE_ATTEMPTS_MAX}",
                )
            elif record.reducer != session.id:
                return None
            if known := self._sessions.get(session.id):
                known.reduces = job
            spec = record.spec
            whole: Partial = dict(record.pieces)
            if spec.sum_bounds:
                whole = {name: record.sums.get(name, 0) for name in spec.sum_bounds}
            return Reduction(job, record.reducer, spec.kernel, spec.params, whole)

    def finish(
        self, job: str, token: str, answer: dict[str, Any], files: Mapping[str, bytes] = NO_FILES
    ) -> Verdict:
        """Give a reduced job its answer."""
        return self._end_reduction(job, token, "finish", wire.answer_text(answer), files)

    def fail(self, job: str, token: str, reason: str) -> Verdict:
        """End a job whose reduction cannot succeed."""
        return self._end_reduction(job, token, "fail", reason)

    def _end_reduction(
        self, job: str, token: str, event: str, text: str, files: Mapping[str, bytes] = NO_FILES
    ) -> Verdict:
        with self._lock:
            record = self._jobs.get(job)
            if not record or record.state is not JobState.REDUCING:
                return Verdict.CLOSED
            if record.reducer != token:
                return Verdict.STALE
            self._hydra_now()
            if event == "finish":
                record.answer, record.files = text, dict(files)
            self._close(record, event, "" if event == "finish" else text)
            return Verdict.ACCEPTED

    def tick(self) -> FleetFigures:
        """Advance Hydra time and refresh the fleet's figures."""
        with self._lock:
            now, wall = self._hydra_now()
            self._ticked = wall
            runnable = self._runnable()
            if now - self._figured >= self._live // limits.FIGURES_PER_S_MAX * 1000:
                self._figured, live = now, self._live_now()
                self._live = len(live)
                versions = {record.spec.version for record in runnable}
                self._fleet = {v: sum(w.rates.get(v, 0.0) for w in live) for v in versions}
            reducing = sum(r.state is JobState.REDUCING for r in self._jobs.values())
            units = sum(r.unassigned for r in runnable)
            return FleetFigures(self._live, len(runnable), reducing, units)
