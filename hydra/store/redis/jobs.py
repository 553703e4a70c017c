"""The accounts in Redis: one method a verb, one script a method.

Every change is one Lua script, run alone by Redis, so there is no half-done state to repair. The
Python side names the keys and turns replies into words of the model; it holds no state but a cache
of specs, which never change. What concerns no single job is in `fleet.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra.errors import BadSpan, KeyReused, NoSuchJob, NoSuchWorker, StoreUnsafe, TooMany
from hydra.model import Job, JobSpec, Partial, Session, Span, Verdict, limits
from hydra.model.messages import Ask, Cut, Grant, HandIn, Receipt, Reduction, Work
from hydra.server.connection import store_errors
from hydra.store import wire
from hydra.store.redis import keys
from hydra.store.redis.fleet import STRANGER, RedisFleet
from hydra.store.redis.records import read_pace

NO_FILES: Mapping[str, bytes] = {}

PIECES_BATCH = 256
"""Pieces read in one round trip."""


class RedisStore(RedisFleet):
    """The Store port over Redis 7.0 or newer.

    With a `generation`, a store that holds other data is given no job and no pass; `fsync` is what
    was promised of the server's log. `now_ms` replaces the server's wall clock in tests;
    `flags=False` leaves out the `#!lua` line, for servers that do not know it.
    """

    def submit(self, job: str, spec: JobSpec, key: str = "") -> Job:
        """Open a job, once per idempotency key."""
        fields = wire.spec_fields(spec)
        pairs = [word for pair in fields.items() for word in pair]
        key_digest = wire.digest(*pairs) if key else ""
        opened = self._run(
            "submit",
            [
                keys.CLOCK,
                keys.job(job),
                keys.free(job),
                keys.RUNNABLE,
                keys.JOBS,
                keys.ENDED,
                keys.story(job),
                keys.idempotency(wire.digest(key)),
                keys.BELL,
                keys.GENERATION,
                keys.TALLY,
            ],
            job,
            self._generation,
            key_digest,
            self._jobs_open_max,
            fields["total"],
            *pairs,
        ).decode()
        if opened == "stranger":
            raise StoreUnsafe(STRANGER)
        if opened == "reused":
            raise KeyReused("this Idempotency-Key came before with another request")
        if opened == "many":
            raise TooMany(f"at most {self._jobs_open_max} jobs may be unfinished at once")
        return self.job(opened)

    def claim(
        self, session: Session, seq: int, job: str, ask: Ask, cut: Cut | None = None
    ) -> Grant | None:
        """Lease free units of the job, or the far part or all of the lease that `cut` names.

        Only a grant is remembered, so one sequence number may try several jobs.
        """
        spec = self.spec(job)
        if spec is None:
            return None
        reply = self._run(
            "claim",
            [
                keys.CLOCK,
                keys.session(session.id),
                keys.job(job),
                keys.free(job),
                keys.leases(job),
                keys.ends(job),
                keys.DEADLINES,
                keys.RUNNABLE,
                keys.worker(session.worker),
                keys.WORKERS,
                keys.rate(spec.version, session.host),
                keys.FLEET,
                keys.story(job),
                keys.timeline(job),
                keys.TALLY,
            ],
            seq,
            session.id,
            session.worker,
            job,
            spec.version,
            *self._ask_words(ask),
            *((cut.token, cut.at, cut.why) if cut else ("", 0, "")),
        ).decode()
        _refuse(reply)
        return self._grant(reply) if reply.startswith("granted") else None

    def complete(
        self,
        session: Session,
        seq: int,
        hand_in: HandIn,
        ask: Ask | None = None,
        work: Work | None = None,
    ) -> Receipt:
        """Count a prefix of the session's lease exactly once."""
        job = hand_in.job
        spec = self.spec(job)
        if spec is None:
            return Receipt(Verdict.CLOSED)
        parts = wire.partial_parts(spec, hand_in)
        next_words = self._ask_words(ask) if ask else ("", 0, 0, 0, 0, "", 0, "")
        work = work or Work(hand_in.span.units * spec.unit_cost, spec.unit_cost)
        reply = self._run(
            "complete",
            [
                keys.CLOCK,
                keys.session(session.id),
                keys.job(job),
                keys.free(job),
                keys.leases(job),
                keys.ends(job),
                keys.DEADLINES,
                keys.RUNNABLE,
                keys.REDUCING,
                keys.ENDED,
                keys.sums(job),
                keys.pieces(job),
                keys.worker(session.worker),
                keys.WORKERS,
                keys.rate(spec.version, session.host),
                keys.FLEET,
                keys.story(job),
                keys.BELL,
                keys.history(job),
                keys.arrivals(job),
                keys.timeline(job),
                keys.TALLY,
            ],
            seq,
            wire.hand_in_digest(hand_in, parts),
            session.id,
            session.worker,
            job,
            spec.version,
            self._keep_ms,
            hand_in.token,
            *hand_in.span,
            hand_in.rest,
            hand_in.note,
            round(hand_in.busy_s * 1000),
            work.done,
            work.rest_unit_cost,
            *next_words,
            *parts,
        ).decode()
        _refuse(reply)
        receipt, _, granted = reply.partition("\n")
        word = receipt.split(" ")
        if len(word) == 1:  # only `stale`, of a call that a later one overtook
            return Receipt(Verdict(word[0]))
        return Receipt(
            Verdict(word[0]),
            int(word[1]),
            read_pace(word[3:]),
            word[2] == "1",
            self._grant(granted) if granted else None,
        )

    def _grant(self, line: str) -> Grant:
        word = line.split(" ")
        spec = self.spec(word[1])
        if spec is None:
            raise NoSuchJob(f"no job {word[1]!r}", field="job")
        return Grant(
            word[1],
            word[2],
            Span(int(word[3]), int(word[4])),
            int(word[5]),
            float(word[6]) / 1000,
            float(word[7]) / 1000,
            read_pace(word[8:]),
            spec,
        )

    def _ask_words(self, ask: Ask) -> tuple[Any, ...]:
        return (
            self._new_id(),
            ask.units,
            ask.tau_s * 1000,
            ask.beat_s * 1000,
            ask.slice_units,
            ask.why,
            ask.unit_cost,
            "tail" if ask.tail else "",
        )

    def _closing_keys(self, job: str) -> list[str]:
        return [
            keys.CLOCK,
            keys.job(job),
            keys.free(job),
            keys.leases(job),
            keys.ends(job),
            keys.RUNNABLE,
            keys.REDUCING,
            keys.ENDED,
            keys.sums(job),
            keys.pieces(job),
            keys.story(job),
            keys.history(job),
            keys.arrivals(job),
            keys.timeline(job),
            keys.BELL,
            keys.TALLY,
        ]

    def cancel(self, job: str, reason: str = "") -> Job:
        """End a job that has not ended."""
        if self._run("cancel", self._closing_keys(job), job, reason, self._keep_ms) < 0:
            raise NoSuchJob(f"no job {job[:64]!r}", field="job")
        return self.job(job)

    def reduce(self, session: Session, job: str) -> Reduction | None:
        """Lease the job's reduction; its token is the session, so that a repeat gets it again."""
        spec = self.spec(job)
        if spec is None:
            return None
        held, *words = self._run(
            "reduce",
            [*self._closing_keys(job), keys.session(session.id)],
            job,
            session.id,
            session.worker,
            self._keep_ms,
        )
        if not held:
            return None
        whole: Partial
        if spec.sum_bounds:
            totals = dict.fromkeys(spec.sum_bounds, 0)
            totals |= {
                name.decode(): int(value)
                for name, value in zip(words[::2], words[1::2], strict=True)
            }
            whole = totals
        else:
            found: dict[int, bytes] = {}
            for first in range(0, spec.total_units, PIECES_BATCH):
                found |= self.pieces(job, range(first, first + PIECES_BATCH))
            whole = found
        return Reduction(job, session.id, spec.kernel, spec.params, whole)

    def finish(
        self, job: str, token: str, answer: dict[str, Any], files: Mapping[str, bytes] = NO_FILES
    ) -> Verdict:
        """Give a reduced job its answer."""
        words: list[str | int] = []
        for name, content in files.items():
            words += [name, self._upload(job, token, name, content)]
        return self._end_reduction(job, token, "done", wire.answer_text(answer), *words)

    def _upload(self, job: str, token: str, name: str, content: bytes) -> int:
        """Put a file's parts beside the job; how many. They count once `finish` names them."""
        size, key = limits.FILE_PART_BYTES, keys.files(job)
        starts = range(0, max(len(content), 1), size)
        with store_errors():
            for part, start in enumerate(starts):
                self._redis.hset(key, f"{token}/{name}/{part}", content[start : start + size])
            self._redis.pexpire(key, self._keep_ms)
        return len(starts)

    def fail(self, job: str, token: str, reason: str) -> Verdict:
        """End a job whose reduction cannot succeed."""
        return self._end_reduction(job, token, "failed", reason)

    def _end_reduction(
        self, job: str, token: str, state: str, text: str, *words: str | int
    ) -> Verdict:
        *closing, history, arrivals, timeline, bell, tally = self._closing_keys(job)
        kept = [keys.answer(job), keys.files(job)]
        script_keys = [*closing, *kept, history, arrivals, timeline, bell, tally]
        reply = self._run("finish", script_keys, job, token, self._keep_ms, state, text, *words)
        return Verdict(reply.decode())


def _refuse(reply: str) -> None:
    if reply == "unknown":
        raise NoSuchWorker("this session has ended; enlist again")
    if reply == "reused":
        raise KeyReused("this sequence number came before with another request")
    if reply.startswith("invalid "):
        raise BadSpan(reply.removeprefix("invalid "), field="hand_in")
