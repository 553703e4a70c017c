"""The memory store with a counter at its door, and a side door for quiet heartbeats."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any, Protocol

from hydra.clock import ManualClock
from hydra.model import Lease, Range, Session
from hydra.model.messages import Ask, Cut, FleetFigures, Grant, HandIn, Look, Pace, Receipt, Work
from hydra.services.dispatch import NOBODY
from hydra.store.memory.records import JobRecord
from hydra.store.memory.verbs import MemoryStore

SOON_MS = 1_000.0
"""The reaper's period: it does not ask what is late after that."""


class Holder(Protocol):
    """Whose heartbeats are quiet: they are done when somebody looks at the lease."""

    def catch_up(self, now_s: float) -> None:
        """Do those that were due by now."""


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
        self.robbed: list[str] = []
        """Workers whose lease was lost or lost its far part."""
        self.quiet: Mapping[str, Holder] = {}
        """By worker; empty in a fleet that sends every heartbeat."""
        self._paces: defaultdict[str, list[tuple[float, Pace]]] = defaultdict(list)
        """How jobs stood at each tick, which is what heartbeats say of them until the next."""

    def count(self, verb: str, at_s: float | None = None, calls: int = 1) -> None:
        """Note calls that the store would have to answer."""
        self.verbs[verb] += calls
        self.calls[int(self._clock.now_s if at_s is None else at_s)] += calls

    def _ring(self) -> None:
        self.rang = True

    def enlist(self, session: Session) -> int:
        """As in MemoryStore."""
        self.count("enlist")
        return super().enlist(session)

    def look(self, session: Session) -> Look:
        """As in MemoryStore."""
        self.count("look")
        return super().look(session)

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """As in MemoryStore."""
        self.count("stragglers")
        heard: set[str] = set()
        while fresh := set(self._jobs[job].ends.highest(limit)) - heard:
            self._hear((job, token) for token in fresh)
            heard |= fresh
        return super().stragglers(job, limit)

    def claim(
        self, session: Session, seq: int, job: str, ask: Ask, cut: Cut | None = None
    ) -> Grant | None:
        """As in MemoryStore."""
        self.count("claim")
        return super().claim(session, seq, job, ask, cut)

    def complete(
        self,
        session: Session,
        seq: int,
        hand_in: HandIn,
        ask: Ask | None = None,
        work: Work | None = None,
    ) -> Receipt:
        """As in MemoryStore."""
        self.count("complete" if ask else "beat")
        return super().complete(session, seq, hand_in, ask, work)

    def expire(self, job: str, token: str) -> bool:
        """As in MemoryStore."""
        self.count("expire")
        lease = self._jobs[job].leases.get(token)
        lost = super().expire(job, token)
        if lease and lost:
            self.losses += 1
            self.robbed.append(lease.session.worker)
        return lost

    def _lend(self, *lent: Any) -> Grant:
        self.grants += 1
        return super()._lend(*lent)

    def _take_far_part(self, session: Session, record: JobRecord, cut: Cut) -> Range | None:
        victim = record.leases.get(cut.token)
        taken = super()._take_far_part(session, record, cut)
        if victim and taken:
            self.splits += 1
            self.robbed.append(victim.session.worker)
        return taken

    def overdue(self, limit: int) -> Sequence[tuple[str, str]]:
        """As in MemoryStore."""
        self.count("overdue")
        return super().overdue(limit)

    def due_s(self) -> float:
        """As in MemoryStore, after those that seem to be late soon have been heard."""
        self.count("due_s")
        self._hear(self._deadlines.until(self._active + SOON_MS, len(self.quiet)))
        return super().due_s()

    def tick(self) -> FleetFigures:
        """As in MemoryStore, after those that seem late have been heard."""
        self.count("tick")
        self._hydra_now()
        self._hear(self._deadlines.until(self._active, len(self.quiet)))
        figures = super().tick()
        for record in self._runnable() if self.quiet else ():
            self._paces[record.id].append((self._clock.now_s, self._pace(NOBODY, record)))
        return figures

    # Quiet heartbeats ------------------------------------------------------------------------

    def beat(self, session: Session, hand_in: HandIn, at_s: float) -> Pace:
        """What `complete` does with a heartbeat, for one of a moment ago that nobody looked at."""
        self.count("beat", at_s)
        now, wall = self._hydra_now()
        ago_ms = wall - at_s * 1000
        record, known = self._jobs[hand_in.job], self._sessions[session.id]
        self._see(session, wall - ago_ms)
        work = Work(hand_in.span.units, 1.0)
        pace = self._accept(session, known, record, hand_in, None, work, now - ago_ms).pace
        told = self._paces[hand_in.job]
        then = bisect_right(told, at_s, key=itemgetter(0))
        return replace(told[then - 1][1], rate=pace.rate) if then else pace

    def _hear(self, leases: Iterable[tuple[str, str]]) -> None:
        """Have the holders do the heartbeats that were due."""
        for job, token in leases:
            lease = self._jobs[job].leases.get(token)
            if lease and lease.session.worker in self.quiet:
                self.quiet[lease.session.worker].catch_up(self._clock.now_s)
