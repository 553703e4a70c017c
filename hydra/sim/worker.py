"""One worker of the simulator: the loop of `hydra.work`, with its acts done in virtual time.

The loop and its lanes are tasks, each with a moment at which it goes on. A call of the port is
answered in no time by the store, and heard when its bytes have crossed the link and come back.
Computing is what the machine's curve says; several slices are one event.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from hydra.clock import ManualClock
from hydra.kernels import Kernel
from hydra.model import Rest, Session, Span
from hydra.model.messages import Grant, HandIn, Hint, Receipt
from hydra.ports import WorkPort
from hydra.sim.chance import Life
from hydra.work.acts import Call, Compute, Computed, Lane, Listen, Pending, Start, Steps, Wait
from hydra.work.holding import BrokenOff, Holding
from hydra.work.loop import Loop

SUM = "units"
"""The simulator's kernel counts units, so a right sum is the span's length."""

FALSE_SPEED = 100.0
"""How many times its speed a liar reports where nobody knows it yet."""

FORGED_EVERY = 5
"""Of this many hand-ins of a liar, one has an impossible sum."""

Beat = Callable[[Session, HandIn, float], None]
"""Counts a heartbeat of that moment, in seconds, behind the wire."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How long calls take the worker."""

    round_trip_s: float = 0.0
    overhead_s: float = 0.0
    """More, if the call brings a chunk."""
    bytes_s: float = math.inf

    def takes_s(self, act: Call, answer: Any) -> float:
        """From the call to its answer."""
        more_s = self.overhead_s if isinstance(answer, Grant) else 0.0
        return self.round_trip_s + more_s + act.size_bytes / self.bytes_s


@dataclass(frozen=True, slots=True)
class SimPacing:
    """The settings that the loop reads; a shift has no end."""

    slice_seconds: float
    poll_seconds: float
    outage_seconds: float = math.inf
    call_seconds: float = math.inf
    shift_seconds: float = math.inf


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
    """The loop or what one of its lanes does now."""

    steps: Steps[Any]
    pending: Pending[Any]
    at_s: float
    waits: Wait | None = None
    answer: Any = None
    error: BaseException | None = None
    computes: Compute | None = None
    since_s: float = 0.0
    listens: bool = False


@dataclass(slots=True)
class Queue:
    """A lane: one task after another."""

    todo: deque[tuple[Steps[Any], Pending[Any]]] = field(default_factory=deque)
    now: Task | None = None


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
        liar: bool = False,
        beat: Beat | None = None,
    ) -> None:
        """With `beat`, heartbeats are quiet: no events, but done when somebody looks.

        They take the worker no time then, so its calls must have no round trip.
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
        self._beat = beat
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
            shows_progress=self._beat is None,
        )
        self._main = Task(self._loop.shift(Hint()), Pending(), -math.inf)
        self._lanes = {lane: Queue() for lane in Lane}
        self._beaten_s = 0.0

    @property
    def idle(self) -> bool:
        """Whether it waits for the bell, with nothing to do."""
        return self._main.listens

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

    def ring(self) -> bool:
        """The bell rings for what listens; whether anything does."""
        listening = [task for task in self._tasks() if task.listens]
        for task in listening:
            task.answer, task.at_s = True, self._clock.now_s
        return bool(listening)

    def act(self, now_s: float) -> None:
        """Do what is due: go, come back, or go on with the loop and its lanes."""
        back_s = self.away_until(now_s)
        if back_s > now_s:
            self._switch_off(now_s, back_s)
            return
        while due := [task for task in self._tasks() if self._is_due(task, now_s)]:
            for task in due:
                self._go_on(task, now_s)
        away = self._life.away
        lost_s = away[self._losses][0] if self._losses < len(away) else math.inf
        self.turn += 1
        self.at_s = min(lost_s, *(task.at_s for task in self._tasks()))

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

    def _tasks(self) -> list[Task]:
        return [self._main, *(queue.now for queue in self._lanes.values() if queue.now)]

    def _is_due(self, task: Task, now_s: float) -> bool:
        wait = task.waits
        return task.at_s <= now_s or bool(wait and any(other.done for other in wait.pending))

    def _go_on(self, task: Task, now_s: float) -> None:
        """Do a task's acts until one takes time."""
        while True:
            if task.computes:
                self._end_slices(task, now_s)
            task.waits, task.listens = None, False
            answer, error = task.answer, task.error
            task.answer = task.error = None
            try:
                act = task.steps.throw(error) if error else task.steps.send(answer)
            except StopIteration as end:
                self._end(task, end.value, None, now_s)
                return
            except Exception as raised:
                if task is self._main:
                    raise
                self._end(task, None, raised, now_s)
                return
            if isinstance(act, Start):
                self._start(act, now_s)
            elif not self._begin_act(task, act, now_s):
                return

    def _begin_act(self, task: Task, act: Any, now_s: float) -> bool:
        """Begin an act that may take time; whether it has taken none."""
        match act:
            case Wait():
                task.waits, task.at_s = act, act.until_s
                if math.isfinite(act.until_s) and task.pending.was_hurried():
                    task.at_s = now_s
                task.pending.wake = lambda: self._hurry(task)
                for other in act.pending:
                    other.wake = lambda: None
            case Listen():
                self.listened += task is self._main
                task.listens, task.answer, task.at_s = True, False, now_s + act.seconds
            case Compute():
                task.computes, task.since_s = act, now_s
                task.at_s = self._slices_end_s(act, now_s, act.until_s)
            case Call():
                try:
                    task.answer = act.run()
                except Exception as error:  # the loop tells which of them it handles
                    task.error = error
                task.at_s = now_s + self._wire.takes_s(act, task.answer)
        return self._is_due(task, now_s)

    def _hurry(self, task: Task) -> None:
        if task.waits and math.isfinite(task.waits.until_s) and task.pending.was_hurried():
            task.at_s = self._clock.now_s

    def _start(self, act: Start, now_s: float) -> None:
        if act.lane is Lane.HEART and self._beat:
            return  # quiet
        queue = self._lanes[act.lane]
        queue.todo.append((act.work, act.pending))
        self._next(queue, now_s)

    def _next(self, queue: Queue, now_s: float) -> None:
        if queue.now is None and queue.todo:
            queue.now = Task(*queue.todo.popleft(), at_s=now_s)

    def _end(self, task: Task, value: Any, error: BaseException | None, now_s: float) -> None:
        """A lane's task is done, and the next one begins; the loop looks after its slice."""
        task.pending.end(value, error)
        for queue in self._lanes.values():
            if queue.now is task:
                queue.now = None
                self._next(queue, now_s)
        self._look_soon(now_s)

    # Computing -------------------------------------------------------------------------------

    def _look_soon(self, now_s: float) -> None:
        """Something has happened: the loop sees to it at the end of its slice."""
        if self._main.computes:
            self._main.at_s = self._slices_end_s(self._main.computes, self._main.since_s, now_s)

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
        """Do the heartbeats that were due by now and that nobody has looked at yet."""
        act = self._main.computes
        while act and self._beat:
            held, since_s = act.held, self._main.since_s
            at_s = self._slices_end_s(act, since_s, since_s + held.grant.beat_s)
            if at_s > now_s or at_s >= self._main.at_s:
                return
            done = self._computed(held, since_s, at_s)
            span = Span(held.reached, held.reached + done.units)
            held.computed(span, done.partial, done.took_s, math.inf)
            kernel = self._kernels[held.grant.spec.kernel]
            hand_in = held.hand_in(kernel.merge, Rest.KEEP)
            self._beat(self._session, hand_in, at_s)
            held.counted(span.stop)
            self._main.since_s = at_s

    def lease_changed(self) -> bool:
        """Its lease is shorter or lost: it learns that at a heartbeat; whether it sends one."""
        act = self._main.computes
        if act and self._beat and self._lanes[Lane.HEART].now is None:
            at_s = self._main.since_s + act.held.grant.beat_s
            self._lanes[Lane.HEART].now = Task(
                self._loop.heart.beat(), Pending(), max(at_s, self._clock.now_s)
            )
            return True
        return False
