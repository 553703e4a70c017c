"""What changes the accounts, in plain Python: the readable specification of the protocol.

It is the store of the simulator and of fast tests, and the oracle that the Lua scripts are held
against: every story of tests/property runs on both and must end the same. Each method is one
script of `lua/`, in the same order: look, judge, then write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.errors import KeyReused, TooMany
from hydra.model import (
    FINAL,
    End,
    Job,
    JobSpec,
    JobState,
    LeaseId,
    Range,
    Session,
    Span,
    Verdict,
    limits,
)
from hydra.model.messages import (
    Ask,
    Cut,
    FleetFigures,
    Grant,
    HandIn,
    Receipt,
    Reduction,
    Standing,
    Work,
)
from hydra.model.pauses import Pause
from hydra.store import refusals, wire
from hydra.store.memory import steps
from hydra.store.memory.records import NO_LEASE, SessionRecord
from hydra.store.memory.state import State
from hydra.store.memory.steps import JobRecord, ReductionRecord

NO_FILES: Mapping[str, int] = {}

CLAIM = "claim"
"""The digest of every claim: a repeat gets the first grant, whatever it asks for now."""


class MemoryVerbs:
    """The Verbs port in plain Python."""

    def __init__(self, state: State) -> None:
        self._state = state

    # Jobs ------------------------------------------------------------------------------------

    def submit(self, job: str, spec: JobSpec, key: str = "") -> Job:
        """Open a job, once per idempotency key."""
        state = self._state
        with state.lock:
            if key and key in state.keys:
                first, first_spec = state.keys[key]
                if first_spec != spec:
                    raise KeyReused("this Idempotency-Key came before with another request")
                return state.job(first).view()
            if job in state.jobs:
                return state.jobs[job].view()
            unfinished = sum(record.state not in FINAL for record in state.jobs.values())
            if unfinished >= state.jobs_open_max:
                raise TooMany(f"at most {state.jobs_open_max} jobs may be unfinished at once")
            _, wall_ms = state.hydra_now()
            vtime_s = self._vtime_s(job)
            record = JobRecord(
                id=job,
                spec=spec,
                created_ms=int(wall_ms),
                vtime_s=vtime_s,
                spent_s=vtime_s,
                unassigned=spec.total_units,
                free=[Range(span=Span(0, spec.total_units))],
            )
            state.jobs[job] = record
            state.tally["submitted"] += 1
            steps.add_to_story(state, record, "submit", units=spec.total_units)
            state.bell.ring()
            if key:
                state.keys[key] = (job, spec)
            return record.view()

    def _vtime_s(self, job: str) -> float:
        """Where a new job begins: with the least of those served lately, or of all."""
        state = self._state
        least_s = steps.least_served(state, job)
        if least_s is None:
            least_s = min((other.vtime_s for other in state.runnable()), default=0.0)
        return least_s

    def cancel(self, job: str, reason: str = "") -> Job:
        """End a job that has not ended."""
        state = self._state
        with state.lock:
            record = state.job(job)
            if record.state not in FINAL:
                state.hydra_now()
                steps.close(state, record, "cancel", reason=reason)
            return record.view()

    # Workers ---------------------------------------------------------------------------------

    def enlist(self, session: Session) -> int:
        """Open a session; how many workers were live."""
        state = self._state
        with state.lock:
            known = state.sessions.setdefault(session.id, SessionRecord(session.worker))
            steps.require_open(known)
            _, wall_ms = state.hydra_now()
            steps.show_up(state, session).session = session.id
            steps.seen(state, session, wall_ms)
            return state.live

    def pause(self, session: Session, why: Pause) -> None:
        """Note the worker as paused."""
        state = self._state
        with state.lock:
            _, wall_ms = state.hydra_now()
            worker = steps.show_up(state, session)
            worker.seen_ms = worker.live_until_ms = int(wall_ms)
            worker.job, worker.pause = "", why

    def leave(self, session: str, why: str) -> bool:
        """End a session and what it held; whether a lease was lost."""
        state = self._state
        with state.lock:
            known = state.sessions.setdefault(session, SessionRecord(""))
            was_open = known.worker and not known.ended
            known.ended = True  # a late call must not open it, again or for the first time
            if not was_open:
                return False
            _, wall_ms = state.hydra_now()
            record, token = state.jobs.get(known.older.job), known.older.token
            lost = record is not None and token in record.leases
            if record and lost:
                steps.lose(state, record, token, End.LOST, why)
            record, token = state.jobs.get(known.younger.job), known.younger.token
            if record and token in record.leases:
                steps.give_back(state, record, token, End.RETURN, unbegun=why)
            reduced = state.jobs.get(known.reduces)
            held = steps.reduction_read(reduced)
            if reduced and held and held.session == session:
                reduced.attempts += 1
                steps.reduction_end(state, reduced, why)
            worker = state.workers[known.worker]
            if worker.session == session:  # else a newer one has begun
                worker.session = worker.job = ""
                worker.live_until_ms = int(wall_ms) - 1
            return lost

    # Leases ----------------------------------------------------------------------------------

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
        """Lease free units of the job, or the far part or all of the lease that `cut` names.

        Only a grant is remembered, so one sequence number may try several jobs.
        """
        state = self._state
        with state.lock:
            known = steps.require_open(state.sessions.get(session.id))
            before = steps.answered_before(known.claims, seq, CLAIM)
            if before is not None:
                return before if isinstance(before, Grant) else None
            now_ms, wall_ms = state.hydra_now()
            steps.seen(state, session, wall_ms)
            steps.settle(state, session, known)
            if not in_turn:
                known.passed = frozenset(passed)
            record, queued = state.jobs.get(job), known.older != NO_LEASE
            may = known.younger == NO_LEASE and not known.alone and not (queued and cut)
            found = None
            if record and record.state is JobState.RUNNING and may:
                if cut:
                    found = steps.take_far_part(state, session, record, cut)
                elif not in_turn or self._in_turn(session, known, record, ask):
                    found = steps.free_take(record, ask, unharmed=queued)
            if not record or not found:
                if not queued:
                    state.workers[session.worker].job = ""
                return None
            grant = steps.lend(state, session, known, record, ask, found, now_ms)
            steps.reply(known.claims, seq, CLAIM, grant)
            return grant

    def _in_turn(self, session: Session, known: SessionRecord, record: JobRecord, ask: Ask) -> bool:
        chunk_s = steps.charge_s(self._state.pace(session, record), ask, ask.units)
        return steps.in_turn(self._state, known, record, chunk_s)

    def complete(
        self, session: Session, seq: int, hand_in: HandIn, work: Work | None = None
    ) -> Receipt:
        """Count a prefix of the session's lease exactly once."""
        state = self._state
        with state.lock:
            record = state.jobs.get(hand_in.job)
            if record is None:
                return Receipt(verdict=Verdict.CLOSED)
            spec = record.spec
            digest = wire.hand_in_digest(hand_in, wire.partial_parts(spec, hand_in))
            known = steps.require_open(state.sessions.get(session.id))
            before = steps.answered_before(known.hand_ins, seq, digest)
            if before is not None:
                return before if isinstance(before, Receipt) else Receipt(verdict=Verdict.STALE)
            now_ms, wall_ms = state.hydra_now()
            steps.seen(state, session, wall_ms)
            if known.older.token != hand_in.token or hand_in.token not in record.leases:
                steps.settle(state, session, known)
            receipt = steps.judge(state, session, known, record, hand_in)
            if receipt is None:
                work = work or Work(hand_in.span.units * spec.unit_cost, spec.unit_cost)
                receipt = steps.accept(state, session, known, record, hand_in, work, now_ms)
            steps.reply(known.hand_ins, seq, digest, receipt)
            return receipt

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        """Renew the leases that are named; what is left of each."""
        state = self._state
        with state.lock:
            known = steps.require_open(state.sessions.get(session.id))
            now_ms, wall_ms = state.hydra_now()
            steps.seen(state, session, wall_ms)
            steps.settle(state, session, known)
            spans: dict[str, Span] = {}
            for named in held:
                record = state.jobs.get(named.job)
                lease = record.leases.get(named.token) if record else None
                if not record or not lease:
                    steps.drop(state, session, known, named)  # its job has ended
                elif lease.session.id == session.id:
                    steps.lease_renew(state, lease, now_ms)
                    state.deadlines.put(named, lease.deadline_ms)
                    spans[named.token] = lease.span
            turn = steps.turn_before(state, known)
            return Standing(spans=spans, live_workers=state.live, turn=turn)

    def turn(self, job: str) -> bool:
        """Whether others are to give way to the job: once, then not again for a while."""
        state = self._state
        with state.lock:
            record = state.jobs.get(job)
            if not record or record.state is not JobState.RUNNING:
                return False
            state.hydra_now()
            if not steps.waits_for_turn(state, job):
                return False
            if not record.unassigned:
                state.served[job] = state.hydra_ms  # nobody need ask again for a while
                return False
            steps.serve(state, record)
            return True

    def expire(self, job: str, token: str) -> bool:
        """End a lease whose deadline has passed; whether it did."""
        state = self._state
        with state.lock:
            now_ms, _ = state.hydra_now()
            record = state.jobs.get(job)
            lease = record.leases.get(token) if record else None
            if not record or not lease:
                state.deadlines.drop(LeaseId(job, token))
                return False
            if lease.deadline_ms > now_ms:
                return False
            holder = state.sessions.get(lease.session.id)
            if holder and not holder.ended and holder.younger == (job, token):
                steps.give_back(state, record, token, End.EXPIRE, unbegun=refusals.SILENT)
            else:
                steps.lose(state, record, token, End.EXPIRE, refusals.SILENT)
            return True

    # The answer ------------------------------------------------------------------------------

    def reduce(self, session: Session, job: str) -> Reduction | None:
        """Lease the job's reduction; a repeat by the session that holds it gets it again."""
        state = self._state
        with state.lock:
            now_ms, _ = state.hydra_now()
            record = state.jobs.get(job)
            if not record or record.state is not JobState.REDUCING:
                return None
            known = state.sessions.get(session.id)
            if known and known.ended:
                return None
            held = steps.reduction_read(record)
            if held and record.reduce_after_ms <= now_ms:
                record.attempts += 1
                steps.reduction_end(state, record, refusals.SILENT)
                held = None
            if record.attempts >= limits.REDUCE_ATTEMPTS_MAX:
                steps.close(state, record, "fail", attempts=record.attempts)
                return None
            if not held:
                held = record.reduction = ReductionRecord(
                    token=state.new_id(), session=session.id, worker=session.worker
                )
                steps.add_to_story(
                    state,
                    record,
                    "reduce",
                    worker=session.worker,
                    attempt=record.attempts + 1,
                    attempts_max=limits.REDUCE_ATTEMPTS_MAX,
                )
            elif held.session != session.id:
                return None
            record.reduce_after_ms = now_ms + limits.REDUCE_LEASE_MS
            if known:
                known.reduces = job
            sums = {name: record.sums.get(name, 0) for name in record.spec.sum_bounds}
            return Reduction(job=job, token=held.token, sums=sums)

    def renew(self, job: str, token: str) -> bool:
        """Go on holding a reduction; whether it is still the caller's."""
        state = self._state
        with state.lock:
            _, record = self._reducing(job, token)
            if not record or not record.reduction:
                return False
            record.reduce_after_ms = state.hydra_ms + limits.REDUCE_LEASE_MS
            worker = state.workers.get(record.reduction.worker)
            if worker and not worker.pause:
                live_ms = int(state.wall_ms) + limits.LIVE_MS
                worker.live_until_ms = max(worker.live_until_ms, live_ms)
            return True

    def release(self, job: str, token: str, why: str) -> bool:
        """Give a reduction back; whether it was the caller's."""
        state = self._state
        with state.lock:
            _, record = self._reducing(job, token)
            if not record:
                return False
            record.returns += 1
            steps.reduction_end(state, record, why)
            if record.returns >= limits.REDUCE_RETURNS_MAX:
                steps.close(state, record, "fail", returns=record.returns, why=why)
            return True

    def upload(self, job: str, token: str, name: str, first: int, parts: Sequence[bytes]) -> bool:
        """Store parts of a file; whether the reduction is still the caller's."""
        with self._state.lock:
            _, record = self._reducing(job, token)
            if not record:
                return False
            record.parts |= {(name, first + at): part for at, part in enumerate(parts)}
            return True

    def finish(
        self, job: str, token: str, answer: dict[str, Any], files: Mapping[str, int] = NO_FILES
    ) -> Verdict:
        """Give a reduced job its answer."""
        text = wire.answer_text(answer)
        with self._state.lock:
            verdict, record = self._reducing(job, token)
            if record and len(record.parts) < sum(files.values()):
                return Verdict.STALE  # the data has fallen back
            if record:
                record.answer = text
                record.files = {
                    name: b"".join(record.parts[name, at] for at in range(parts))
                    for name, parts in files.items()
                }
                steps.close(self._state, record, "finish")
            return verdict

    def fail(self, job: str, token: str, reason: str) -> Verdict:
        """End a job whose reduction cannot succeed."""
        with self._state.lock:
            verdict, record = self._reducing(job, token)
            if record:
                steps.close(self._state, record, "fail", reason=reason)
            return verdict

    def _reducing(self, job: str, token: str) -> tuple[Verdict, JobRecord | None]:
        """Whether the reduction is still the caller's; the job if so."""
        record = self._state.jobs.get(job)
        if not record or record.state is not JobState.REDUCING:
            return Verdict.CLOSED, None
        held = steps.reduction_read(record)
        if not held or held.token != token:
            return Verdict.STALE, None
        self._state.hydra_now()
        return Verdict.ACCEPTED, record

    # The reaper ------------------------------------------------------------------------------

    def tick(self) -> FleetFigures:
        """Advance Hydra time and refresh the fleet's figures."""
        state = self._state
        with state.lock:
            now_ms, wall_ms = state.hydra_now()
            state.ticked_ms = wall_ms
            since_ms = now_ms - limits.SERVED_MS
            state.served = {job: at for job, at in state.served.items() if at >= since_ms}
            runnable = state.runnable()
            if now_ms - state.figured_ms >= state.live // limits.FIGURES_PER_S_MAX * 1000:
                live = state.live_workers()
                state.figured_ms, state.live = now_ms, len(live)
                versions = {record.spec.version for record in runnable}
                state.fleet = {
                    version: sum(worker.rates.get(version, 0.0) for worker in live)
                    for version in versions
                }
            reducing = sum(record.state is JobState.REDUCING for record in state.jobs.values())
            return FleetFigures(
                live_workers=state.live,
                runnable_jobs=len(runnable),
                reducible_jobs=reducing,
                claimable_units=sum(record.unassigned for record in runnable),
            )
