"""Lanes that are threads: how hosts work."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from hydra.clock import Clock
from hydra.work.acts import Lane, Pending, Steps, Wait
from hydra.work.lanes import Closed, drive, ends_wait

WAIT_S_MAX = 3600.0
"""Longest single wait: threads cannot wait for ever and also for a moment."""


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
            while not ends_wait(wait, now_s := self._clock.monotonic_s(), mine):
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
