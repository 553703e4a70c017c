"""The memory store that counts its calls, with a way in for quiet heartbeats."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Protocol

from hydra.clock import ManualClock
from hydra.model import Lease, LeaseId, Rest, Session
from hydra.model.messages import (
    Ask,
    Cut,
    FleetFigures,
    Grant,
    HandIn,
    Look,
    Pace,
    Receipt,
    Standing,
    Work,
)
from hydra.ports import Store
from hydra.services.dispatch import NOBODY
from hydra.store.memory import memory_state, steps
from hydra.store.memory.records import SessionRecord
from hydra.store.memory.steps import LeaseRecord
from hydra.store.memory.verbs import MemoryVerbs
from hydra.store.memory.views import MemoryViews
from hydra.store.memory.vitals import MemoryVitals
from hydra.work.heart import BEATS_UNHEARD

SOON_MS = 1_000.0
"""The reaper's period: it does not ask what is late after that."""


class Holder(Protocol):
    """Whose heartbeats are quiet: they are done when somebody looks at the lease."""

    def catch_up(self, now_s: float) -> None:
        """Do those that were due by now."""


class CountedStore:
    """The accounts of a simulated fleet: counts calls by the second and notes what happened.

    It is the state's bell and its observer.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.state = memory_state(
            clock.new_id, lambda: clock.now_s * 1000, bell=self, observer=self
        )
        self.store = Store(
            verbs=CountedVerbs(self), views=CountedViews(self), vitals=MemoryVitals(self.state)
        )
        self.calls: Counter[int] = Counter()
        """By second of the run."""
        self.verbs: Counter[str] = Counter()
        self.grants = self.splits = self.losses = 0
        self.rang = False
        """Whether there is new work, or a job has ended."""
        self.cut_or_lost: list[str] = []
        """Workers whose lease was lost, or cut."""
        self.quiet: Mapping[str, Holder] = {}
        """By worker; empty in a fleet that sends every heartbeat."""
        self._paces: defaultdict[str, list[tuple[float, Pace]]] = defaultdict(list)
        """How jobs stood at each tick, which is what heartbeats say of them until the next."""

    def count(self, verb: str, at_s: float | None = None, calls: int = 1) -> None:
        """Note calls that the store would have to answer."""
        self.verbs[verb] += calls
        self.calls[int(self.clock.now_s if at_s is None else at_s)] += calls

    def ring(self) -> None:
        """There is new work, or a job has ended."""
        self.rang = True

    def listen(self, seconds: float) -> bool:
        """Nobody waits in virtual time."""
        return False

    def lent(self, lease: LeaseRecord) -> None:
        """A lease has begun."""
        self.grants += 1

    def taken(self, victim: LeaseRecord) -> None:
        """A lease has lost its far part."""
        self.splits += 1
        self.cut_or_lost.append(victim.session.worker)

    def lost(self, lease: LeaseRecord) -> None:
        """A lease was lost."""
        self.losses += 1
        self.cut_or_lost.append(lease.session.worker)

    # Quiet heartbeats ------------------------------------------------------------------------

    def progress(self, session: Session, hand_in: HandIn, at_s: float) -> None:
        """What `complete` does with a hand-in that was due then, of a lease that goes on.

        The heart would have renewed the queued lease by then.
        """
        self.count("progress", at_s)
        if self.verbs["progress"] % BEATS_UNHEARD == 0:
            self.count("beat", at_s)  # which changes nothing that the hand-in has not
        state = self.state
        now_ms, wall_ms = state.hydra_now()
        ago_ms = wall_ms - at_s * 1000
        record, known = state.jobs[hand_in.job], state.sessions[session.id]
        steps.seen(state, session, wall_ms - ago_ms)
        work = Work(hand_in.span.units, 1.0)
        receipt = steps.accept(state, session, known, record, hand_in, work, now_ms - ago_ms)
        paces = self._paces[hand_in.job]
        if then := bisect_right(paces, at_s, key=itemgetter(0)):
            pace = replace(paces[then - 1][1], rate=receipt.pace.rate)
            record.leases[hand_in.token].pace = pace
        self._renew(known, now_ms - ago_ms)

    def beat(self, session: Session, at_s: float) -> None:
        """What `beat` does with a heartbeat that was due then."""
        self.count("beat", at_s)
        state = self.state
        now_ms, wall_ms = state.hydra_now()
        ago_ms = wall_ms - at_s * 1000
        known = state.sessions[session.id]
        steps.seen(state, session, wall_ms - ago_ms)
        self._renew(known, now_ms - ago_ms)

    def _renew(self, known: SessionRecord, now_ms: float) -> None:
        for job, token in (known.older, known.younger):
            lease = self.state.jobs[job].leases.get(token) if job else None
            if lease:
                steps.lease_renew(self.state, lease, now_ms)
                self.state.deadlines.put(LeaseId(job, token), lease.deadline_ms)

    def note_paces(self) -> None:
        """Remember how jobs stand, for heartbeats that nobody has looked at yet."""
        for record in self.state.runnable() if self.quiet else ():
            pace = self.state.pace(NOBODY, record)
            self._paces[record.id].append((self.clock.now_s, pace))

    def catch_up_due(self, within_ms: float) -> None:
        """Have the holders of leases that end so soon do the heartbeats that were due."""
        until_ms = self.state.hydra_ms + within_ms
        self.catch_up(self.state.deadlines.until(until_ms, len(self.quiet)))

    def catch_up(self, leases: Iterable[LeaseId]) -> None:
        """Have the holders do the heartbeats that were due."""
        for job, token in leases:
            lease = self.state.jobs[job].leases.get(token)
            if lease and lease.session.worker in self.quiet:
                self.quiet[lease.session.worker].catch_up(self.clock.now_s)


class CountedVerbs(MemoryVerbs):
    """The verbs, counted."""

    def __init__(self, counted: CountedStore) -> None:
        super().__init__(counted.state)
        self._counted = counted

    def enlist(self, session: Session) -> int:
        """Count it."""
        self._counted.count("enlist")
        return super().enlist(session)

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
        """Count it."""
        self._counted.count("claim")
        return super().claim(session, seq, job, ask, cut, passed, in_turn)

    def complete(
        self, session: Session, seq: int, hand_in: HandIn, work: Work | None = None
    ) -> Receipt:
        """Count it."""
        self._counted.count("progress" if hand_in.rest is Rest.KEEP else "complete")
        return super().complete(session, seq, hand_in, work)

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        """Count it."""
        self._counted.count("beat")
        return super().beat(session, held)

    def turn(self, job: str) -> bool:
        """Count it."""
        self._counted.count("turn")
        return super().turn(job)

    def expire(self, job: str, token: str) -> bool:
        """Count it."""
        self._counted.count("expire")
        return super().expire(job, token)

    def tick(self) -> FleetFigures:
        """Count it, after those that seem late have been heard."""
        self._counted.count("tick")
        self._counted.state.hydra_now()
        self._counted.catch_up_due(0.0)
        figures = super().tick()
        self._counted.note_paces()
        return figures


class CountedViews(MemoryViews):
    """The views that workers and the reaper ask for, counted."""

    def __init__(self, counted: CountedStore) -> None:
        super().__init__(counted.state)
        self._counted = counted

    def look(self, session: Session, versions: Collection[str] | None = None) -> Look:
        """Count it."""
        self._counted.count("look")
        return super().look(session, versions)

    def stragglers(self, job: str, limit: int) -> tuple[float, Sequence[Lease]]:
        """Count it, after their holders have been heard."""
        self._counted.count("stragglers")
        ends, heard = self._counted.state.jobs[job].ends, set[str]()
        while fresh := set(ends.highest(limit)) - heard:
            self._counted.catch_up(LeaseId(job, token) for token in fresh)
            heard |= fresh
        return super().stragglers(job, limit)

    def overdue(self, limit: int) -> Sequence[LeaseId]:
        """Count it."""
        self._counted.count("overdue")
        return super().overdue(limit)

    def due_s(self) -> float:
        """Count it, after those that seem to be late soon have been heard."""
        self._counted.count("due_s")
        self._counted.catch_up_due(SOON_MS)
        return super().due_s()
