"""One worker of the simulator: the loop of `hydra.work`, with its acts done in virtual time.

The loop and its lanes are tasks, each with a moment at which it goes on. A call of the port is
answered in no time by the store, and heard when its bytes have crossed the link and come back.
Computing is what the machine's curve says; several slices are one event.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hydra.clock import ManualClock
from hydra.kernels import Kernel
from hydra.model import Rest, Session, Span
from hydra.model.messages import Grant, HandIn, Hint, Receipt
from hydra.ports import WorkPort
from hydra.services.reduce import Hold
from hydra.sim.chance import Life
from hydra.work.acts import Act, Call, Compute, Computed, Lane, Listen, Pending, Start, Steps, Wait
from hydra.work.heart import LATE_SHARE
from hydra.work.holding import BrokenOff, Holding
from hydra.work.local import LocalPort
from hydra.work.loop import Loop
from hydra.work.renewing import RenewedHold

SUM = "units"
"""The simulator's kernel counts units, so a right sum is the span's length."""

FALSE_SPEED = 100.0
"""How many times its speed a liar reports where nobody knows it yet."""

FORGED_EVERY = 5
"""Of this many hand-ins of a liar, one has an impossible sum."""

SAME_S = 1e-6
"""Moments that are no further apart are the same one, computed in two ways."""


class QuietStore(Protocol):
    """Takes in what was due earlier, in seconds, and that nobody has looked at until now."""

    def progress(self, session: Session, hand_in: HandIn, at_s: float) -> None:
        """A hand-in of a lease that goes on."""

    def beat(self, session: Session, at_s: float) -> None:
        """A heartbeat for all that the session holds."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How long calls take the worker."""

    round_trip_s: float = 0.0
    overhead_s: float = 0.0
    """More, if the call brings a chunk."""
    bytes_s: float = math.inf

    def sends_s(self, act: Call) -> float:
        """Until what the call carries is across."""
        return act.size_bytes / self.bytes_s

    def answers_s(self, answer: Any) -> float:
        """From then to its answer."""
        more_s = self.overhead_s if isinstance(answer, Grant) else 0.0
        return self.round_trip_s + more_s


@dataclass(frozen=True, slots=True)
class SimPacing:
    """The settings that the loop reads; a shift has no end."""

    slice_seconds: float
    poll_seconds: float
    outage_seconds: float = math.inf
    call_seconds: float = math.inf
    shift_seconds: float = math.inf


class SimPort(LocalPort):
    """The port of a worker on this host; nothing renews a reduction, which takes no time."""

    def _renewing(self, hold: RenewedHold) -> AbstractContextManager[Hold]:
        return nullcontext(hold)


class LyingPort:
    """A port whose worker reports false speeds, and at times a false sum."""

    def __init__(self, port: WorkPort) -> None:
        self._port = port
        self._hand_ins = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
        """Hand in, not always honestly."""
        self._hand_ins += 1
        partial = hand_in.partial
        if self._hand_ins % FORGED_EVERY == 0 and partial:
            partial = {SUM: 2 * hand_in.span.units + 1}
        busy_s = hand_in.busy_s / FALSE_SPEED
        return self._port.complete(session, seq, replace(hand_in, partial=partial, busy_s=busy_s))


@dataclass(slots=True, eq=False)
class Task:
    """The loop or what one of its lanes does now; it goes on at `at_s`."""

    steps: Steps[Any]
    pending: Pending[Any]
    at_s: float
    lane: Lane | None = None
    waits: Wait | None = None
    answer: Any = None
    error: BaseException | None = None
    sends: Call | None = None
    """A call whose bytes are on their way to the store."""
    computes: Compute | None = None
    since_s: float = 0.0
    listens: bool = False


class SimWorker:
    """A worker process and its successors on one machine.

    `at_s` is when its next event is due; `act` does it. Between events nothing happens but
    computing, which the curve knows.
    """

    def __init__(
        self,
        name: str,
        port: WorkPort,
        kernels: dict[str, Kernel],
        life: Life,
        clock: ManualClock,
        wire: Wire,
        pacing: SimPacing,
        *,
        began: Callable[[str], None],
        liar: bool = False,
        quiet: QuietStore | None = None,
    ) -> None:
        """Ready to begin; `began` is told the job of all that is computed.

        With `quiet`, heartbeats and progress are no events, but done when somebody looks. They take
        the worker no time then, so its calls must have no round trip.
        """
        self.name = name
        self.at_s = math.inf
        self.computed_units = self.listened = 0
        self.turn = 0
        """Grows whenever the next event changes, so that one planned before is known as old."""
        self._port: Any = LyingPort(port) if liar else port
        self._kernels = kernels
        self._life = life
        self._clock = clock
        self._wire = wire
        self._pacing = pacing
        self._began = began
        self._quiet = quiet
        self._processes = 0
        self._losses = 0
        self._begin()

    def _begin(self) -> None:
        """A new process: nobody knows its session, and it knows nothing."""
        self._processes += 1
        self._session = Session(f"{self.name}-{self._processes}", self.name, self.name)
        self._loop = Loop(
            self._port,
            self._kernels,
            self._clock,
            self._pacing,
            self._session,
            stopping=lambda: False,
            pausing=lambda: None,
            interrupt=self._interrupt,
            give_up=lambda: None,
            shows_progress=self._quiet is None,
        )
        self._main = Task(self._loop.shift(Hint()), Pending(), -math.inf)
        self._tasks = [self._main]
        self._todo: list[Task] = []
        self._begun: Holding | None = None
        """The lease that was begun last."""
        self._shown_s = self._beaten_s = 0.0
        """When that was, or its last quiet progress, or heartbeat, was due."""

    @property
    def listens(self) -> bool:
        """Whether the bell would wake it, or its heart."""
        return any(task.listens for task in self._tasks)

    def away_until(self, now_s: float) -> float:
        """When the machine is back, if it is away now; else now."""
        away = self._life.away
        while self._losses < len(away) and away[self._losses][1] <= now_s:
            self._losses += 1
        here = self._losses == len(away) or now_s < away[self._losses][0]
        return now_s if here else away[self._losses][1]

    # Events ----------------------------------------------------------------------------------

    def enlist(self) -> None:
        """Show itself, before anything begins."""
        self._port.enlist(self._session)

    def ring(self) -> None:
        """The bell rings for what listens."""
        for task in self._tasks:
            if task.listens:
                task.answer, task.at_s = True, self._clock.now_s

    def act(self, now_s: float) -> None:
        """Do what is due: go, come back, or go on with the loop and its lanes."""
        back_s = self.away_until(now_s)
        if back_s > now_s:
            self._switch_off(now_s, back_s)
            return
        went_on = True
        while went_on:
            went_on = False
            for task in tuple(self._tasks):
                if task.at_s <= now_s:
                    went_on = True
                    self._go_on(task, now_s)
        away = self._life.away
        self.at_s = away[self._losses][0] if self._losses < len(away) else math.inf
        for task in self._tasks:
            self.at_s = min(self.at_s, task.at_s)
        self.turn += 1

    def _switch_off(self, now_s: float, back_s: float) -> None:
        """The machine is switched off until `back_s`: what is not handed in is lost."""
        self.catch_up(now_s)
        if self._main.computes:
            curve = self._life.curve
            done = curve.done(now_s) - curve.done(self._main.since_s)
            self.computed_units += max(0, int(done))
        self._begin()
        self.turn += 1
        self.at_s = back_s

    def _go_on(self, task: Task, now_s: float) -> None:
        """Do a task's acts until one takes time."""
        while task.at_s <= now_s:
            if task.sends:
                self._reach(task, task.sends, now_s)
                continue
            if task.computes:
                self._end_slices(task, now_s)
            task.waits, task.listens = None, False
            answer, error = task.answer, task.error
            task.answer = task.error = None
            try:
                act = task.steps.throw(error) if error else task.steps.send(answer)
            except StopIteration as end:
                self._end(task, end.value, None, now_s)
            except Exception as raised:
                if task is self._main:
                    raise
                self._end(task, None, raised, now_s)
            else:
                self._begin_act(task, act, now_s)

    def _begin_act(self, task: Task, act: Act, now_s: float) -> None:
        """Begin an act, and say when it is done."""
        if isinstance(act, Call):
            sent_s = now_s + self._wire.sends_s(act)
            if sent_s > now_s:
                task.sends, task.at_s = act, sent_s
            else:
                self._reach(task, act, now_s)
        elif isinstance(act, Compute):
            if act.held is not self._begun:
                self._begun, self._shown_s, self._beaten_s = act.held, now_s, now_s
                self._began(act.held.grant.job)
            self._loop.heart.begin(act.held)
            task.computes, task.since_s = act, now_s
            task.at_s = self._slices_end_s(act, now_s, act.until_s)
        elif isinstance(act, Wait):
            task.waits, task.at_s = act, max(act.until_s, act.undisturbed_s)
            for other in act.pending:
                other.wake = self._look
            self._look()
        elif isinstance(act, Listen):
            self.listened += task is self._main
            task.listens, task.answer, task.at_s = True, False, now_s + act.seconds
        else:
            self._start(act, now_s)

    def _reach(self, task: Task, act: Call, now_s: float) -> None:
        """A call reaches the store, whose answer takes a while to come."""
        task.sends = None
        try:
            task.answer = act.run()
        except Exception as error:  # the loop tells which of them it handles
            task.error = error
        task.at_s = now_s + self._wire.answers_s(task.answer)

    def _look(self) -> None:
        """Have those go on that wait no longer."""
        for task in self._tasks:
            if wait := task.waits:
                hurried = math.isfinite(wait.until_s) and task.pending.was_hurried()
                if hurried or any(other.done for other in wait.pending):
                    task.at_s = self._clock.now_s

    def _start(self, act: Start, now_s: float) -> None:
        if act.lane is Lane.HEART and self._quiet:
            return  # quiet
        act.pending.wake = self._look
        self._todo.append(Task(act.work, act.pending, now_s, act.lane))
        self._begin_todo(now_s)

    def _begin_todo(self, now_s: float) -> None:
        """Begin what is first on a lane where nothing goes on."""
        for task in tuple(self._todo):
            if all(other.lane is not task.lane for other in self._tasks):
                self._todo.remove(task)
                task.at_s = now_s
                self._tasks.append(task)

    def _end(self, task: Task, value: Any, error: BaseException | None, now_s: float) -> None:
        """A lane's task is done, and the next one begins; the loop looks after its slice."""
        task.pending.end(value, error)
        task.at_s = math.inf
        self._tasks.remove(task)
        self._begin_todo(now_s)
        self._look()
        if self._main.computes:
            self._main.at_s = self._slices_end_s(self._main.computes, self._main.since_s, now_s)

    # Computing -------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        if self._main.computes and not self._main.computes.held.wanted:
            self._main.error, self._main.at_s = BrokenOff(), self._clock.now_s

    def _slices_end_s(self, act: Compute, since_s: float, until_s: float) -> float:
        """When the slice ends that runs then, or the lease."""
        held, curve = act.held, self._life.curve
        left = held.stop - held.reached
        end_s = curve.when(since_s, left)
        if until_s >= end_s:
            return end_s
        held.slice_units = self._slice_units(held, since_s)
        done = curve.done(max(until_s, since_s)) - curve.done(since_s)
        slices = max(1, math.ceil(done / held.slice_units - 1e-9))
        return curve.when(since_s, min(slices * held.slice_units, left))

    def _slice_units(self, held: Holding, since_s: float) -> int:
        by_speed = int(self._life.curve.speed(since_s) * self._pacing.slice_seconds)
        return max(1, held.grant.slice_units or by_speed)

    def _end_slices(self, task: Task, now_s: float) -> None:
        """What the slices gave that have ended now."""
        self.catch_up(now_s)
        act, task.computes = task.computes, None
        self._loop.heart.computing = None
        if act is None or task.error:
            return
        task.answer = self._computed(act.held, task.since_s, now_s)

    def _computed(self, held: Holding, since_s: float, now_s: float) -> Computed:
        curve, left = self._life.curve, held.stop - held.reached
        units = min(round(curve.done(now_s) - curve.done(since_s)), left)
        if curve.when(since_s, left) <= now_s:
            units = left
        self.computed_units += units
        kernel = self._kernels[held.grant.spec.kernel]
        span = Span(held.reached, held.reached + units)
        return Computed(kernel.run(held.grant.spec.params, span), units, now_s - since_s)

    # Quiet heartbeats ------------------------------------------------------------------------

    def catch_up(self, now_s: float) -> None:
        """Do the heartbeats, and show the progress, that were due by now."""
        if self._quiet and self._main.computes:
            self._show_progress(self._quiet, self._main.computes, now_s)
            beat_s = LATE_SHARE * self._main.computes.held.grant.beat_s
            if beats := (now_s - self._beaten_s) // beat_s:
                self._beaten_s += beats * beat_s
                self._quiet.beat(self._session, self._beaten_s)

    def _show_progress(self, quiet: QuietStore, act: Compute, now_s: float) -> None:
        held, kernel = act.held, self._kernels[act.held.grant.spec.kernel]
        while True:
            since_s = self._main.since_s
            at_s = self._slices_end_s(act, since_s, self._shown_s + held.grant.beat_s)
            if at_s > now_s or at_s > self._main.at_s - SAME_S:
                return
            done = self._computed(held, since_s, at_s)
            span = Span(held.reached, held.reached + done.units)
            held.computed(span, done.partial, done.took_s, math.inf)
            quiet.progress(self._session, held.hand_in(kernel.merge, Rest.KEEP), at_s)
            held.counted(span.stop)
            self._main.since_s = self._shown_s = self._beaten_s = at_s

    def lease_changed(self) -> bool:
        """A lease is shorter or lost: it learns that at a heartbeat; whether it sends one."""
        begun = self._begun
        if not begun or not self._quiet or any(task.lane is Lane.HEART for task in self._tasks):
            return False
        at_s = max(self._shown_s + begun.grant.beat_s, self._clock.now_s)
        self._tasks.append(Task(self._loop.heart.beat(), Pending(), at_s, Lane.HEART))
        return True
