"""What changes the accounts in Redis: one method a verb, one script a method.

Every change is one Lua script, run alone by Redis, so there is no half-done state to repair. The
Python side names what a script takes and turns replies into nouns of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import redis

from hydra.errors import KeyReused, NoSuchJob, NoSuchWorker, StoreUnsafe, TooMany
from hydra.model import Job, JobSpec, LeaseId, Session, Verdict
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
from hydra.server.connection import store_errors
from hydra.store import refusals, wire
from hydra.store.redis import keys
from hydra.store.redis.format import told_of
from hydra.store.redis.layout import ASK, CUT, LEASE
from hydra.store.redis.lease_cache import LeaseCache
from hydra.store.redis.records import read_grant, read_receipt, read_standing
from hydra.store.redis.scripts import Script
from hydra.store.redis.specs import Specs
from hydra.store.redis.views import RedisViews

VERBS = (
    "submit",
    "enlist",
    "pause",
    "leave",
    "claim",
    "complete",
    "beat",
    "turn",
    "expire",
    "cancel",
    "reduce",
    "renew",
    "release",
    "upload",
    "finish",
    "tick",
)

KNOWN_OF_LEAVER = {
    "worker": "worker",
    "job": "job",
    "token": "token",
    "next": "next_job",
    "next_token": "next_token",
    "reduced": "reduces",
}
"""What `leave` is told of a session, by the fields of its hash."""

NO_FILES: Mapping[str, int] = {}

NO_LEASE = LeaseId("", "")

RUNNABLE_LOOKED_AT = 32
"""Runnable jobs whose kernels and units the fleet's figures cover."""

CLEARED_BATCH = 100
"""Expired jobs that one pass deletes."""

OTHER_DATA = "this Redis is empty or holds other data than at the start; restore its data"


class RedisVerbs:
    """The Verbs port over Redis 7.0 or newer.

    With a `generation`, a store that holds other data is given no job and no pass. `now_ms`
    replaces the server's wall clock in tests; `flags=False` leaves out the `#!lua` line, for
    servers that do not know it.
    """

    def __init__(
        self,
        client: Any,
        views: RedisViews,
        specs: Specs,
        leases: LeaseCache,
        new_id: Callable[[], str],
        *,
        keep_ms: int,
        jobs_open_max: int,
        generation: str,
        now_ms: Callable[[], float] | None,
        flags: bool,
    ) -> None:
        self._redis = client
        self._views = views
        self._specs = specs
        self._leases = leases
        self._new_id = new_id
        self._keep_ms = keep_ms
        self._jobs_open_max = jobs_open_max
        self._generation = generation
        self._now_ms = now_ms
        self._scripts = {verb: Script(client, verb, flags=flags) for verb in VERBS}

    def _run(self, verb: str, **named: Any) -> Any:
        now_ms = -1 if self._now_ms is None else self._now_ms()
        with store_errors():
            try:
                return self._scripts[verb](now_ms=now_ms, **named)
            except redis.ResponseError as error:
                raise told_of(error) from None

    # Jobs ------------------------------------------------------------------------------------

    def submit(self, job: str, spec: JobSpec, key: str = "") -> Job:
        """Open a job, once per idempotency key."""
        fields = [word for pair in wire.spec_fields(spec).items() for word in pair]
        opened = self._run(
            "submit",
            job=job,
            generation=self._generation,
            key_digest=wire.digest(key),
            spec_digest=wire.digest(*fields) if key else "",
            jobs_open_max=self._jobs_open_max,
            total=spec.total_units,
            spec=fields,
        ).decode()
        if opened == "other-data":
            raise StoreUnsafe(OTHER_DATA)
        if opened == "reused":
            raise KeyReused("this Idempotency-Key came before with another request")
        if opened == "many":
            raise TooMany(f"at most {self._jobs_open_max} jobs may be unfinished at once")
        return self._views.job(opened)

    def cancel(self, job: str, reason: str = "") -> Job:
        """End a job that has not ended."""
        if self._run("cancel", job=job, reason=reason, keep_ms=self._keep_ms) < 0:
            raise NoSuchJob(f"no job {job[:64]!r}", field="job")
        return self._views.job(job)

    # Workers ---------------------------------------------------------------------------------

    def enlist(self, session: Session) -> int:
        """Open a session; how many workers were live."""
        found = self._run(
            "enlist",
            session=session.id,
            worker=session.worker,
            host=session.host,
            pid=session.pid,
        )
        _raise_refusal(found.decode())
        return int(found)

    def pause(self, session: Session, why: Pause) -> None:
        """Note the worker as paused."""
        self._run(
            "pause",
            worker=session.worker,
            host=session.host,
            pid=session.pid,
            why=why.why,
            until_ms=why.until_ms,
        )

    def leave(self, session: str, why: str) -> bool:
        """End a session and what it held; whether a lease was lost."""
        while True:
            with store_errors():
                known = self._redis.hmget(keys.session(session), *KNOWN_OF_LEAVER.values())
            words = (word.decode() if word else "" for word in known)
            named = dict(zip(KNOWN_OF_LEAVER, words, strict=True))
            lost = self._run("leave", session=session, why=why, keep_ms=self._keep_ms, **named)
            if lost >= 0:
                return bool(lost)

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
        spec = self._specs.of(job)
        reply = self._run(
            "claim",
            seq=seq,
            session=session.id,
            worker=session.worker,
            host=session.host,
            job=job,
            version=spec.version if spec else "",
            ask=self._ask_line(ask),
            cut=_cut_line(cut) if cut else None,
            holder=cut.session if cut else "",
            passed=" ".join(passed),
            in_turn=in_turn,
        ).decode()
        _raise_refusal(reply)
        word, _, granted = reply.partition(" ")
        return self._granted(granted) if word == "granted" else None

    def complete(
        self, session: Session, seq: int, hand_in: HandIn, work: Work | None = None
    ) -> Receipt:
        """Count a prefix of one of the session's leases exactly once."""
        spec = self._specs.of(hand_in.job)
        if spec is None:
            return Receipt(verdict=Verdict.CLOSED)
        parts = wire.partial_parts(spec, hand_in)
        work = work or Work(hand_in.span.units * spec.unit_cost, spec.unit_cost)
        reply = self._run(
            "complete",
            seq=seq,
            digest=wire.hand_in_digest(hand_in, parts),
            session=session.id,
            worker=session.worker,
            host=session.host,
            job=hand_in.job,
            version=spec.version,
            keep_ms=self._keep_ms,
            token=hand_in.token,
            start=hand_in.span.start,
            stop=hand_in.span.stop,
            rest=hand_in.rest,
            note=hand_in.note,
            busy_ms=round(hand_in.busy_s * 1000),
            work=work.done,
            rest_unit_cost=work.rest_unit_cost,
            partial=parts,
        ).decode()
        _raise_refusal(reply)
        if " " not in reply:  # only `stale`: a later call was answered first
            return Receipt(verdict=Verdict(reply))
        receipt = read_receipt(reply)
        self._leases.answered(hand_in, receipt)
        return receipt

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        """Renew the leases that are named; what is left of each."""
        first, second, *_ = (*held, NO_LEASE, NO_LEASE)
        reply = self._run(
            "beat",
            session=session.id,
            worker=session.worker,
            job=first.job,
            token=first.token,
            next=second.job,
            next_token=second.token,
        ).decode()
        _raise_refusal(reply)
        return read_standing(reply, held)

    def turn(self, job: str) -> bool:
        """Whether others are to give way to the job: once, then not again for a while."""
        return bool(self._run("turn", job=job))

    def _ask_line(self, ask: Ask) -> str:
        return ASK.pack(
            token=self._new_id(),
            units=ask.units,
            tau_ms=ask.tau_s * 1000,
            beat_ms=ask.beat_s * 1000,
            slice_units=ask.slice_units,
            unit_cost=ask.unit_cost,
            tail=ask.tail,
            begins_in_ms=ask.begins_in_s * 1000,
            why=ask.why,
        )

    def _granted(self, line: str) -> Grant:
        job = line.partition(" ")[0]
        spec = self._specs.of(job)
        if spec is None:
            raise NoSuchJob(f"no job {job!r}", field="job")
        grant = read_grant(line, spec)
        self._leases.granted(grant)
        return grant

    def expire(self, job: str, token: str) -> bool:
        """End a lease whose deadline has passed; whether it did."""
        while True:
            with store_errors():
                line = self._redis.hget(keys.leases(job), token)
            ended = self._run(
                "expire",
                job=job,
                token=token,
                session=LEASE.unpack(line)["session"] if line else "",
                why=refusals.SILENT,
                keep_ms=self._keep_ms,
            )
            if ended >= 0:
                return bool(ended)

    # The answer ------------------------------------------------------------------------------

    def reduce(self, session: Session, job: str) -> Reduction | None:
        """Lease the job's reduction; a repeat by the session that holds it gets it again."""
        spec = self._specs.of(job)
        if spec is None:
            return None
        held, *words = self._run(
            "reduce",
            job=job,
            session=session.id,
            worker=session.worker,
            token=self._new_id(),
            silent=refusals.SILENT,
            keep_ms=self._keep_ms,
        )
        if not held:
            return None
        token, *totals = words
        pairs = zip(totals[::2], totals[1::2], strict=True)
        sums = dict.fromkeys(spec.sum_bounds, 0)
        sums |= {name.decode(): int(value) for name, value in pairs}
        return Reduction(job=job, token=token.decode(), sums=sums)

    def renew(self, job: str, token: str) -> bool:
        """Go on holding a reduction; whether it is still the caller's."""
        return bool(self._run("renew", job=job, token=token))

    def release(self, job: str, token: str, why: str) -> bool:
        """Give a reduction back; whether it was the caller's."""
        return bool(self._run("release", job=job, token=token, why=why, keep_ms=self._keep_ms))

    def upload(self, job: str, token: str, name: str, first: int, parts: Sequence[bytes]) -> bool:
        """Store parts of a file; whether the reduction is still the caller's."""
        return bool(self._run("upload", job=job, token=token, name=name, first=first, parts=parts))

    def finish(
        self, job: str, token: str, answer: dict[str, Any], files: Mapping[str, int] = NO_FILES
    ) -> Verdict:
        """Give a reduced job its answer."""
        named = [word for file in files.items() for word in file]
        return self._end_reduction(job, token, wire.answer_text(answer), "", named)

    def fail(self, job: str, token: str, reason: str) -> Verdict:
        """End a job whose reduction cannot succeed."""
        return self._end_reduction(job, token, "", reason, [])

    def _end_reduction(
        self, job: str, token: str, answer: str, reason: str, files: list[str | int]
    ) -> Verdict:
        reply = self._run(
            "finish",
            job=job,
            token=token,
            keep_ms=self._keep_ms,
            answer=answer,
            reason=reason,
            files=files,
        )
        return Verdict(reply.decode())

    # The reaper ------------------------------------------------------------------------------

    def tick(self) -> FleetFigures:
        """Advance Hydra time and refresh the fleet's figures.

        The figures decide sizes only and are read without a lock; the accounts never depend on
        them.
        """
        live, due = self._run(
            "tick", generation=self._generation, keep_ms=self._keep_ms, batch=CLEARED_BATCH
        )
        if live < 0:
            raise StoreUnsafe(OTHER_DATA)
        with store_errors():
            runnable = self._redis.zrange(keys.RUNNABLE, 0, RUNNABLE_LOOKED_AT - 1)
            names = self._redis.zrevrange(keys.WORKERS, 0, live - 1) if live and due else []
            ids = [job.decode() for job in runnable]
            specs = {job: spec for job in ids if (spec := self._specs.of(job))}
            versions = sorted({spec.version for spec in specs.values()})
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.zcard(keys.RUNNABLE).zcard(keys.REDUCING)
                for job in specs:
                    pipe.hget(keys.job(job), "unassigned")
                for name in names:
                    rates = (f"rate:{version}" for version in versions)
                    pipe.hmget(keys.worker(name.decode()), "host", *rates)
                jobs, reducible, *rows = pipe.execute()
            unassigned, workers = rows[: len(specs)], rows[len(specs) :]
            if due:
                fleet: dict[str, Any] = {
                    version: sum(float(row[1 + i] or 0) for row in workers)
                    for i, version in enumerate(versions)
                }
                with self._redis.pipeline(transaction=True) as pipe:
                    pipe.delete(keys.FLEET).hset(keys.FLEET, mapping={**fleet, "live": live})
                    pipe.execute()
        return FleetFigures(
            live_workers=live,
            runnable_jobs=jobs,
            reducible_jobs=reducible,
            claimable_units=sum(int(n or 0) for n in unassigned),
        )


def _cut_line(cut: Cut) -> str:
    return CUT.pack(token=cut.token, at=cut.at, session=cut.session, queued=cut.queued, why=cut.why)


def _raise_refusal(reply: str) -> None:
    if reply == "unknown":
        raise NoSuchWorker("this session has ended; enlist again")
    if reply == "reused":
        raise KeyReused("this sequence number came before with another request")
    if reply.startswith("invalid "):
        raise refusals.read_refusal(reply.removeprefix("invalid "))
