"""One worker of the simulator: what the loop of `hydra.work` does, as events from a curve."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hydra.errors import Invalid
from hydra.model import Rest, Session, Span, Verdict
from hydra.model.limits import SHOWN_S
from hydra.model.messages import Grant, HandIn, Hint, Receipt, Report
from hydra.policy.chunking import OVERTIME
from hydra.ports import WorkPort
from hydra.sim.chance import Life
from hydra.work.overheads import Overheads

SUM = "units"
"""The simulator's kernel counts units, so a right sum is the span's length."""

FALSE_SPEED = 100.0
"""How many times its speed a liar reports where nobody knows it yet."""

FORGED_EVERY = 5
"""Of this many hand-ins of a liar, one has an impossible sum."""


Beat = Callable[[Session, HandIn, float], None]
"""Counts a heartbeat of that moment, in seconds, behind the wire."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long calls and slices take the worker."""

    overhead_s: float
    """More than the round trip, if the call brings a chunk."""
    round_trip_s: float
    slice_s: float


@dataclass(slots=True)
class Held:
    """A lease at work: `counted <= reached <= stop`, computing since `since_s`."""

    grant: Grant
    counted: int
    reached: int
    stop: int
    since_s: float
    slice_units: int
    over_s: float
    """When its time is over."""
    goal: int = 0
    """How far it is when the next event is due."""
    busy_s: float = 0.0
    """Time computing so far."""


class SimWorker:
    """A worker process and its successors on one machine.

    `at_s` is when its next event is due; `act` does it. Between events nothing happens but
    computing, which the curve knows.
    """

    def __init__(
        self,
        name: str,
        port: WorkPort,
        life: Life,
        timing: Timing,
        *,
        liar: bool = False,
        beat: Beat | None = None,
    ) -> None:
        """With `beat`, heartbeats are quiet: no events, but done when somebody looks.

        They take the worker no time then, so its calls must have no round trip.
        """
        self.name = name
        self.at_s = math.inf
        self.idle = False
        self.held: Held | None = None
        self.computed_units = 0
        self.live_workers = 0
        """As the store last said."""
        self.turn = 0
        """Grows whenever the next event changes, so that one planned before is known as old."""
        self._port = port
        self._life = life
        self._timing = timing
        self._liar = liar
        self._beat = beat
        self._sends_beats = False
        self._processes = 0
        self._losses = 0
        self._begin()

    def _begin(self) -> None:
        """A new process: nobody knows its session, and it knows nothing."""
        self._processes += 1
        self._session = Session(f"{self.name}-{self._processes}", self.name, self.name)
        self._seq = 0
        self._enlist_s = 0.0
        self._overheads = Overheads()
        self._called_s = 0.0
        self.held = None

    def away_until(self, now_s: float) -> float:
        """When the machine is back, if it is away now; else now."""
        away = self._life.away
        while self._losses < len(away) and away[self._losses][1] <= now_s:
            self._losses += 1
        here = self._losses == len(away) or now_s < away[self._losses][0]
        return now_s if here else away[self._losses][1]

    # Events ----------------------------------------------------------------------------------

    def enlist(self, now_s: float) -> None:
        """Show itself."""
        self.live_workers = self._port.enlist(self._session)
        self._enlist_s = now_s + SHOWN_S

    def act(self, now_s: float) -> None:
        """Do what is due: go, come back, hand in, beat, or ask for work."""
        back_s = self.away_until(now_s)
        if back_s > now_s:
            self._switch_off(now_s, back_s)
        elif self.held:
            self._end_slice(now_s)
        else:
            if now_s >= self._enlist_s:
                self.enlist(now_s)
            self._ask(now_s)

    def _switch_off(self, now_s: float, back_s: float) -> None:
        """The machine is switched off until `back_s`: what is not handed in is lost."""
        self.catch_up(now_s)
        if self.held:
            computed = self._life.curve.done(now_s) - self._life.curve.done(self.held.since_s)
            self.computed_units += max(0, int(computed))
        self._begin()
        self.turn += 1
        self.at_s, self.idle = back_s, False

    def _ask(self, now_s: float) -> None:
        """Claim a chunk; without one the worker is idle."""
        self._seq += 1
        hint = Hint(overhead_s=self._overheads.least_s())
        grant = self._port.claim(self._session, self._seq, hint)
        cost_s = self._timing.round_trip_s + (self._timing.overhead_s if grant else 0.0)
        if grant:
            self._start(grant, now_s + cost_s)
        else:
            self._plan(math.inf, idle=True)

    def _start(self, grant: Grant, since_s: float) -> None:
        """Compute a lease from that moment on."""
        slice_units = grant.slice_units or int(
            self._life.curve.speed(since_s) * self._timing.slice_s
        )
        start, stop = grant.span
        over_s = math.inf if self._liar else since_s + OVERTIME * grant.tau_s
        self._called_s = since_s
        self.held = Held(grant, start, start, stop, since_s, max(1, slice_units), over_s)
        self._plan(self._next_s(self.held), idle=False)

    def _plan(self, at_s: float, *, idle: bool) -> None:
        """The next event is then, or when the machine is switched off before."""
        self.turn += 1
        away = self._life.away
        lost_s = away[self._losses][0] if self._losses < len(away) else math.inf
        self.at_s, self.idle = min(at_s, lost_s), idle

    def _next_s(self, held: Held) -> float:
        """When the worker calls the store next; `goal` is reached then."""
        due_s = held.over_s
        if self._sends_beats or not self._beat:
            due_s = min(due_s, self._called_s + held.grant.beat_s)
        held.goal, at_s = self._slice_end(held, due_s)
        return at_s

    def _slice_end(self, held: Held, due_s: float) -> tuple[int, float]:
        """The end of the slice that runs then, or of the chunk: how far that is, and when."""
        curve, left = self._life.curve, held.stop - held.reached
        end_s = curve.when(held.since_s, left)
        if due_s >= end_s:
            return held.stop, end_s
        by_due = curve.done(due_s) - curve.done(held.since_s)
        slices = max(1, math.ceil(by_due / held.slice_units - 1e-9))
        units = min(slices * held.slice_units, left)
        return held.reached + units, curve.when(held.since_s, units)

    # Quiet heartbeats ------------------------------------------------------------------------

    def catch_up(self, now_s: float) -> None:
        """Do the heartbeats that were due by now and that nobody has looked at yet."""
        held = self.held
        while held and self._beat:
            goal, at_s = self._slice_end(held, self._called_s + held.grant.beat_s)
            if at_s > now_s or goal >= held.goal:
                return
            self._computed(held, goal, at_s)
            self._beat(self._session, self._hand_in(held, Rest.KEEP), at_s)
            held.counted, self._called_s, held.since_s = goal, at_s, at_s

    def lease_changed(self) -> None:
        """Its lease is shorter or lost: it learns that at its next heartbeat, which it sends."""
        if self.held:
            self._sends_beats = True
            self._plan(self._next_s(self.held), idle=False)

    # Handing in ------------------------------------------------------------------------------

    def _end_slice(self, now_s: float) -> None:
        """A slice has ended: hand in what is done; go on, or end the lease and start the next."""
        self.catch_up(now_s)
        self._sends_beats = False
        held = self.held
        assert held
        reached = held.goal
        self._computed(held, reached, now_s)
        ends = reached >= held.stop or now_s >= held.over_s
        rest = Rest.RETURN if ends else Rest.KEEP
        try:
            receipt = self._complete(held, rest)
        except Invalid:  # a forged sum: the process ends, as a real one would
            self._begin()
            self._plan(now_s + 0.5, idle=False)
            return
        self.live_workers = receipt.pace.live_workers
        cost_s = self._timing.round_trip_s
        if receipt.grant:
            cost_s += self._timing.overhead_s
            self._overheads.note(held.grant.spec.kernel, cost_s)
        self._called_s = held.since_s = now_s + cost_s
        if receipt.verdict is Verdict.CUT:
            self._trim(held, receipt.stop)
        elif receipt.verdict is not Verdict.ACCEPTED or ends:
            self.held, self._enlist_s = None, now_s + SHOWN_S
            if receipt.grant:
                self._start(receipt.grant, now_s + cost_s)
            else:
                self._plan(now_s + cost_s, idle=False)
            return
        else:
            held.counted = reached
            self._trim(held, receipt.stop)
        self._plan(self._next_s(held), idle=False)

    def _computed(self, held: Held, reached: int, at_s: float) -> None:
        self.computed_units += reached - held.reached
        held.busy_s += at_s - held.since_s
        held.reached = reached

    def _hand_in(self, held: Held, rest: Rest) -> HandIn:
        """What is computed and not counted yet; of a liar, at times with a false sum."""
        units = held.reached - held.counted
        self._seq += 1
        forged = self._liar and self._seq % FORGED_EVERY == 0
        partial = {SUM: 2 * units + 1 if forged else units} if units else {}
        return HandIn(
            job=held.grant.job,
            token=held.grant.token,
            span=Span(held.counted, held.reached),
            partial=partial,
            rest=rest,
            note="its time is over",
            busy_s=held.busy_s / FALSE_SPEED if self._liar else held.busy_s,
        )

    def _complete(self, held: Held, rest: Rest) -> Receipt:
        report = Report(
            hand_in=self._hand_in(held, rest),
            more=rest is Rest.RETURN,
            overhead_s=self._overheads.least_s(),
        )
        receipt = self._port.complete(self._session, self._seq, report)
        if receipt.last:
            self._port.reduce(self._session, held.grant.job)
        return receipt

    def _trim(self, held: Held, stop: int) -> None:
        """Somebody took the far end: what reaches over it is dropped, by whole slices."""
        if stop >= held.stop:
            return
        held.stop = stop
        if held.reached > stop:
            slices = (stop - held.counted) // held.slice_units
            held.reached = held.counted + slices * held.slice_units
