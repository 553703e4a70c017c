"""Stores with one bug each: what the schedules must find, or they prove nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hydra.model import JobState, Range, Session, Verdict
from hydra.model.messages import HandIn, Receipt, Reduction
from hydra.store.memory.records import JobRecord, SessionRecord
from hydra.store.memory.verbs import MemoryStore


class NoFence(MemoryStore):
    """Counts what comes with a stale token."""

    def _judge(
        self, session: Session, known: SessionRecord, record: JobRecord, h: HandIn
    ) -> Receipt | None:
        receipt = super()._judge(session, known, record, h)
        if receipt and receipt.verdict is Verdict.STALE:
            record.done += h.span.units
            for name, value in h.partial.items():
                if isinstance(value, int):
                    record.sums[str(name)] = record.sums.get(str(name), 0) + value
            return replace(receipt, verdict=Verdict.ACCEPTED)
        return receipt


class RepoolTwice(MemoryStore):
    """Gives an expired lease's span back and lets the lease stand."""

    def expire(self, job: str, token: str) -> bool:
        lease = self._jobs[job].leases.get(token) if job in self._jobs else None
        ended = super().expire(job, token)
        if ended and lease and self._jobs[job].state is JobState.RUNNING:
            self._write_lease(self._jobs[job], token, lease)
        return ended


class SequenceIgnored(MemoryStore):
    """Does a repeated call again."""

    def _heard_before(self, session: Session, seq: int, digest: str) -> tuple[SessionRecord, Any]:
        if known := self._sessions.get(session.id):
            return known, None
        return super()._heard_before(session, seq, digest)


class LeaseOutlivesReturn(MemoryStore):
    """Gives the rest back at a hand-in, and keeps the lease too."""

    def _give_back(self, record: JobRecord, token: str, why: str) -> None:
        lease = record.leases[token]
        super()._give_back(record, token, why)
        self._write_lease(record, token, lease)


class CutUnseen(MemoryStore):
    """Counts a span beyond the stop of a lease that was cut short."""

    def _judge(
        self, session: Session, known: SessionRecord, record: JobRecord, h: HandIn
    ) -> Receipt | None:
        receipt = super()._judge(session, known, record, h)
        return None if receipt and receipt.verdict is Verdict.CUT else receipt


class LossForgotten(MemoryStore):
    """Gives a lost span back as if nothing had happened, so that a poisoned unit never ends."""

    def _free_put(self, record: JobRecord, given: Range) -> None:
        super()._free_put(record, Range(given.span))


class ReductionForAll(MemoryStore):
    """Reduces without the last piece or unit."""

    def reduce(self, session: Session, job: str) -> Reduction | None:
        reduction = super().reduce(session, job)
        if reduction and len(reduction.whole) > 1:
            short = dict(list(reduction.whole.items())[:-1])
            return replace(reduction, whole=short)
        return reduction


BUGS: tuple[type[MemoryStore], ...] = (
    NoFence,
    RepoolTwice,
    SequenceIgnored,
    LeaseOutlivesReturn,
    CutUnseen,
    LossForgotten,
    ReductionForAll,
)
