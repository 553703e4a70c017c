"""The memory store with a counter at its door, and a side door for heartbeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hydra.clock import ManualClock
from hydra.messages import Ask, Cut, FleetFigures, Grant, HandIn, Look, Receipt, Work
from hydra.model import Lease, Range, Session, Verdict
from hydra.store.memory_records import JobRecord
from hydra.store.memory_store import MemoryStore

END_MS = 1_000.0
"""How wrong a lease's place among the estimated ends may be."""


class HeardStore(MemoryStore):
    """MemoryStore for the simulator: counts calls by the second and notes when the bell rings."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock.new_id, lambda: clock.now_s * 1000, sleep_s=clock.sleep_s)
        self._clock = clock
        self.calls: Counter[int] = Counter()
        """By second of the run."""
        self.verbs: Counter[str] = Counter()
        self.grants = self.splits = self.losses = 0
        self.rang = False
        """Whether there is new work, or a job has ended."""

    def count(self, verb: str, at_s: float | None = None, calls: int = 1) -> None:
        """Note calls that the store would have to bear."""
        self.verbs[verb] += calls
        self.calls[int(self._clock.now_s if at_s is None else at_s)] += calls

    def _ring(self) -> None:
        self.rang = True

    def look(self, session: Session) -> Look:
        """As in MemoryStore."""
        self.count("look")
        return super().look(session)

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """As in MemoryStore."""
        self.count("stragglers")
        return super().stragglers(job, limit)

    def claim(
        self, session: Session, seq: int, job: str, ask: Ask, cut: Cut | None = None
    ) -> Grant | None:
        """As in MemoryStore."""
        self.count("claim")
        return super().claim(session, seq, job, ask, cut)

    def complete(
        self, session: Session, seq: int, hand_in: HandIn, ask: Ask | None = None,
        work: Work | None = None,
    ) -> Receipt:
        """As in MemoryStore."""
        self.count("complete" if ask else "beat")
        return super().complete(session, seq, hand_in, ask, work)

    def expire(self, job: str, token: str) -> bool:
        """As in MemoryStore."""
        self.count("expire")
        lost = super().expire(job, token)
        self.losses += lost
        return lost

    def _lend(self, *lent: Any) -> Grant:
        self.grants += 1
        return super()._lend(*lent)

    def _take_far_part(self, session: Session, record: JobRecord, cut: Cut) -> Range | None:
        taken = super()._take_far_part(session, record, cut)
        self.splits += taken is not None
        return taken

    def beat(self, session: Session, h: HandIn) -> Receipt | None:
        """A heartbeat without the wire: what `complete` does if nothing but progress is told.

        The lease keeps its place among the ends while it is right to END_MS, and among the
        deadlines until somebody looks. None if there is more to say than that.
        """
        record = self._jobs[h.job]
        lease = record.leases.get(h.token)
        if not lease or lease.stop <= h.span.stop or lease.start != h.span.start:
            return None
        self.count("beat")
        now, wall = self._hydra_now()
        self._see(session, wall)
        ended = lease.ends()
        self._fold(session, record, lease, h, Work(h.span.units, 1.0), now)
        self._renew(lease, now)
        if abs(lease.ends() - ended) > END_MS:
            self._write_lease(record, h.token, lease)
        return Receipt(Verdict.ACCEPTED, lease.stop, self._pace(session, record))

    def overdue(self, limit: int) -> Sequence[tuple[str, str]]:
        """As in MemoryStore, after leases that beat quietly have found their places."""
        self.count("overdue")
        while True:
            late = super().overdue(limit)
            leases = [(self._jobs[job], token) for job, token in late]
            moved = [
                (record, token) for record, token in leases
                if record.leases[token].deadline > self._active
            ]
            if not moved:
                return late
            for record, token in moved:
                self._write_lease(record, token, record.leases[token])

    def tick(self) -> FleetFigures:
        """As in MemoryStore."""
        self.count("tick")
        return super().tick()
