"""A worker on a host: the loop's acts done by threads, or all by one."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from hydra.clock import Clock
from hydra.kernels import Kernel
from hydra.model import Session
from hydra.model.messages import Hint
from hydra.model.pauses import Pause
from hydra.ports import Pacing, WorkPort
from hydra.work.acts import Lane, Pending, Start, Steps, Wait
from hydra.work.loop import Loop

T = TypeVar("T")

WAIT_S_MAX = 3600.0
"""Longest single wait: threads cannot wait for ever and also for a moment."""


class Worker:
    """Works shifts over a port; `stopping` ends a shift after the current slice, work handed in.

    `pausing` gives the reason to take no work now, or None. With a reason, the worker gives back
    what it holds after the current slice.
    """

    def __init__(
        self,
        port: WorkPort,
        kernels: Mapping[str, Kernel],
        clock: Clock,
        pacing: Pacing,
        session: Session,
        *,
        stopping: Callable[[], bool] = lambda: False,
        pausing: Callable[[], Pause | None] = lambda: None,
        interrupt: Callable[[], None] = lambda: None,
        give_up: Callable[[], None] = lambda: None,
        lanes: Callable[[Clock], Lanes] | None = None,
    ) -> None:
        """`interrupt`, called in any thread, has `break_off` called soon in the computing one.

        Without it, a slice that is no longer wanted runs to its end. `give_up` ends the process,
        for a kernel call that does not return; its leases have been given up by then. `lanes`
        drives what goes on beside the computing: ThreadLanes, unless said otherwise.
        """
        self.loop = Loop(
            port,
            kernels,
            clock,
            pacing,
            session,
            stopping=stopping,
            pausing=pausing,
            interrupt=interrupt,
            give_up=give_up,
        )
        self._clock = clock
        self._lanes = lanes or ThreadLanes

    def shift(self, hint: Hint) -> bool:
        """Work for one shift; whether there was work until its end.

        Raises Unavailable when the store stays silent for longer than `outage_seconds`.
        """
        lanes = self._lanes(self._clock)
        try:
            return drive(self.loop.shift(hint), lanes)
        finally:
            lanes.close()

    def break_off(self) -> None:
        """End the slice that this thread computes, if the store wants no more of its lease.

        For a signal's handler in the computing thread; what it raises stays inside `shift`.
        """
        self.loop.break_off()


class Lanes(Protocol):
    """How the lanes of one shift are driven."""

    def start(self, lane: Lane, work: Steps[Any], pending: Pending[Any]) -> None:
        """Begin something on a lane."""

    def wait(
        self, until_s: float, pending: tuple[Pending[Any], ...], mine: Pending[Any] | None
    ) -> None:
        """Wait for a moment, or for the first of these; `mine` is what the caller's lane does."""

    def advance(self, mine: Pending[Any] | None) -> None:
        """A moment in which other lanes may go on; raises Closed in a lane whose shift is over."""

    def close(self) -> None:
        """The shift is over: nothing goes on."""


def drive(steps: Steps[T], lanes: Lanes, mine: Pending[Any] | None = None) -> T:
    """Do the acts of a loop, or of a lane, and give back what it returns."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            act = steps.throw(error) if error else steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = error = None
        try:
            lanes.advance(mine)
            if isinstance(act, Start):
                lanes.start(act.lane, act.work, act.pending)
            elif isinstance(act, Wait):
                lanes.wait(act.until_s, act.pending, mine)
            else:
                answer = act.run()
        except BaseException as raised:  # the loop tells which of them it handles
            error = raised


def is_over(wait: Wait, now_s: float, mine: Pending[Any] | None) -> bool:
    """Whether a wait has ended."""
    if mine is not None and math.isfinite(wait.until_s) and mine.was_hurried():
        return True
    return now_s >= wait.until_s or any(other.done for other in wait.pending)


class Closed(BaseException):
    """Ends what a lane does when the shift is over."""


class Condition(Protocol):
    """What is used of threading.Condition."""

    def __enter__(self) -> Any: ...

    def __exit__(self, *error: Any) -> Any: ...

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until it is notified."""

    def notify_all(self) -> None:
        """Wake all that wait."""


class Threads(Protocol):
    """How threads are made."""

    def condition(self) -> Condition:
        """For threads to wait for."""

    def start(self, name: str, target: Callable[[], None]) -> Callable[[], None]:
        """Run a thread; what waits for its end."""


class HostThreads:
    """Those of the operating system."""

    def condition(self) -> Condition:
        """For threads to wait for."""
        return threading.Condition()

    def start(self, name: str, target: Callable[[], None]) -> Callable[[], None]:
        """Run a thread; what waits for its end."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread.join


class ThreadLanes:
    """A thread for each lane, begun when the lane is first used.

    Each waits for its own work, and all for what others have ended: so a call of one lane does not
    wake the rest.
    """

    def __init__(self, clock: Clock, threads: Threads | None = None) -> None:
        self._clock = clock
        self._threads = threads or HostThreads()
        self._ended = self._threads.condition()
        self._lanes: dict[Lane, _Thread] = {}
        self._closed = False

    def start(self, lane: Lane, work: Steps[Any], pending: Pending[Any]) -> None:
        """Begin something on a lane."""
        pending.wake = self._notify
        if lane not in self._lanes:
            self._lanes[lane] = _Thread(self._threads.condition())
            self._lanes[lane].join = self._threads.start(lane, lambda: self._run(lane))
        with self._lanes[lane].called:
            self._lanes[lane].todo.append((work, pending))
            self._lanes[lane].called.notify_all()

    def _run(self, lane: Lane) -> None:
        mine = self._lanes[lane]
        while True:
            with mine.called:
                while not mine.todo and not self._closed:
                    mine.called.wait()
                if self._closed:
                    return
                work, pending = mine.todo.popleft()
            value, error = None, None
            try:
                value = drive(work, self, pending)
            except Closed:
                return
            except BaseException as raised:  # it is the loop's, which looks at the result
                error = raised
            with self._ended:
                pending.end(value, error)
                self._ended.notify_all()

    def wait(
        self, until_s: float, pending: tuple[Pending[Any], ...], mine: Pending[Any] | None
    ) -> None:
        """Wait for a moment, or for the first of these."""
        for other in pending:
            other.wake = self._notify
        wait = Wait(until_s, pending)
        with self._ended:
            while not is_over(wait, now_s := self._clock.monotonic_s(), mine):
                self.advance(mine)
                self._ended.wait(min(until_s - now_s, WAIT_S_MAX))

    def advance(self, mine: Pending[Any] | None) -> None:
        """Threads advance by themselves; Closed in a lane whose shift is over."""
        if self._closed and mine is not None:
            raise Closed

    def _notify(self) -> None:
        with self._ended:
            self._ended.notify_all()

    def close(self) -> None:
        """End the threads; the heart's may listen for a moment longer."""
        self._closed = True
        self._notify()
        for lane, thread in self._lanes.items():
            with thread.called:
                thread.called.notify_all()
            if lane is not Lane.HEART:
                thread.join()


@dataclass(slots=True)
class _Thread:
    """One lane's."""

    called: Condition
    """Notified when there is something to do."""
    todo: deque[tuple[Steps[Any], Pending[Any]]] = field(default_factory=deque)
    join: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Job:
    """What a lane without a thread does."""

    work: Steps[Any]
    pending: Pending[Any]
    waits: Wait | None = None


class OneThread:
    """All lanes in the loop's own thread, each as far as it comes; there are no heartbeats."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._todo: dict[Lane, deque[_Job]] = {}
        self._advancing = False

    def start(self, lane: Lane, work: Steps[Any], pending: Pending[Any]) -> None:
        """Begin something on a lane."""
        if lane is not Lane.HEART:
            self._todo.setdefault(lane, deque()).append(_Job(work, pending))
            self.advance(None)

    def wait(
        self, until_s: float, pending: tuple[Pending[Any], ...], mine: Pending[Any] | None
    ) -> None:
        """Let the lanes go on until then, and let time pass where none can."""
        wait = Wait(until_s, pending)
        while not is_over(wait, self._clock.monotonic_s(), mine):
            self.advance(mine)
            if is_over(wait, now_s := self._clock.monotonic_s(), mine):
                return
            waits = [jobs[0].waits for jobs in self._todo.values() if jobs]
            next_s = min([until_s, *(other.until_s for other in waits if other)])
            self._clock.sleep_s(max(next_s - now_s, 0.0))

    def advance(self, mine: Pending[Any] | None) -> None:
        """Let each lane go on as far as it comes."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while sum(self._step(jobs) for jobs in self._todo.values() if jobs):
                pass  # every lane has its turn, until none can go on
        finally:
            self._advancing = False

    def _step(self, jobs: deque[_Job]) -> bool:
        """One act of a lane; whether there was one to do."""
        job = jobs[0]
        if job.waits and not is_over(job.waits, self._clock.monotonic_s(), job.pending):
            return False
        job.waits = None
        try:
            job.waits = drive_to_wait(job.work)
        except StopIteration as end:
            job.pending.end(end.value)
        except Exception as error:  # the loop looks at the result
            job.pending.end(None, error)
        if job.pending.done:
            jobs.popleft()
        return True

    def close(self) -> None:
        """What is not done is dropped."""
        self._todo.clear()


def drive_to_wait(steps: Steps[Any]) -> Wait:
    """Do the acts of a lane until it waits; StopIteration with what it returns at its end."""
    act = next(steps)
    while not isinstance(act, Wait):
        try:
            answer = act.run()  # type: ignore[union-attr]  # lanes start nothing
        except Exception as error:
            act = steps.throw(error)
        else:
            act = steps.send(answer)
    return act
