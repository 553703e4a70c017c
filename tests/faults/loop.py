"""Virtual time, and processes that take turns as one seed says."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

TICK_S = 1e-3
"""Shortest wait: a clock that began at 1e9 s does not tell less than a ten-millionth apart."""


class Stuck(AssertionError):
    """Nothing is left to happen, or it takes far too long."""


class Loop:
    """The events still to come, in the order of virtual time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now_s = 0.0
        self.hub = getcurrent()
        self.told: list[str] | None = None
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._processes: list[Process] = []

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Let something happen later."""
        heapq.heappush(self._events, (self.now_s + delay_s, next(self._numbers), act))

    def run(self, until: Callable[[], bool], latest_s: float) -> None:
        """Let things happen until it is so; Stuck if that takes longer than `latest_s`."""
        while not until():
            if not self._events or self._events[0][0] > latest_s:
                raise Stuck(f"not there after {self.now_s:.1f} s")
            self.now_s, _, act = heapq.heappop(self._events)
            act()

    def process(self, name: str) -> Process:
        """A new process, which does nothing yet."""
        self._processes.append(Process(self, name))
        return self._processes[-1]

    def tell(self, who: str, text: str) -> None:
        """Note an event for people, if somebody wants to read it."""
        if self.told is not None:
            self.told.append(f"{self.now_s:9.3f} {who:<10} {text}")

    def close(self) -> None:
        """End every process, so that no greenlet is left."""
        for process in self._processes:
            process.alive = False
        for process in self._processes:
            for thread in process.threads:
                thread.throw(GreenletExit)


class Process:
    """Threads that share a fate: one crash ends all of them between two instructions."""

    def __init__(self, loop: Loop, name: str) -> None:
        self.loop, self.name = loop, name
        self.alive = True
        self.asleep_until_s = 0.0
        self.threads: list[greenlet] = []
        self.on_interrupt: Callable[[], None] = lambda: None
        self._computing: Wait | None = None
        self._slowness, self._slow_until_s = 1.0, 0.0

    def start(self, main: Callable[[], Any], delay_s: float = 0.0) -> None:
        """Run a thread."""
        thread = greenlet(lambda _value: main(), parent=self.loop.hub)
        self.threads.append(thread)
        self.loop.after(delay_s, lambda: self.resume(thread, None))

    def resume(self, thread: greenlet, value: object) -> None:
        """Let a thread go on, later if the process is stopped, never if it has crashed."""
        if self.asleep_until_s > self.loop.now_s:
            rest_s = self.asleep_until_s - self.loop.now_s
            self.loop.after(rest_s, lambda: self.resume(thread, value))
        elif self.alive:
            thread.switch(value)

    def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        wait = Wait(self)
        self.loop.after(max(seconds, TICK_S), lambda: wait.wake(None))
        wait.park()

    def compute(self, seconds: float) -> None:
        """As sleep, but `interrupt` ends it, and calls `on_interrupt` in this thread."""
        self._computing = wait = Wait(self)
        self.loop.after(seconds, lambda: wait.wake(False))
        if wait.park():
            self.on_interrupt()

    def slow(self, times: float, seconds: float) -> None:
        """Units take so many times as long, as beside others on one machine."""
        self._slowness, self._slow_until_s = times, self.loop.now_s + seconds

    def slowness(self) -> float:
        """How many times as long they take now."""
        return self._slowness if self.loop.now_s < self._slow_until_s else 1.0

    def interrupt(self) -> None:
        """A signal for the thread that computes."""
        if wait := self._computing:  # by the loop: a thread that wakes another is not woken again
            self.loop.after(0.0, lambda: wait.wake(True))

    def crash(self, why: str) -> None:
        """End at once, as by a power cut: nothing is tidied up."""
        if self.alive:
            self.alive = False
            self.loop.tell(self.name, f"crashes: {why}")
            if getcurrent() in self.threads:
                self.loop.hub.switch()


class Wait:
    """The calling thread's wait for the first of several events."""

    def __init__(self, process: Process) -> None:
        self._process, self._thread, self._woken = process, getcurrent(), False

    def wake(self, value: object) -> None:
        """End the wait with a value; only the first call does."""
        if not self._woken:
            self._woken = True
            self._process.resume(self._thread, value)

    def park(self) -> Any:
        """Wait; the value that the wait ended with."""
        if not self._process.alive:
            raise GreenletExit
        return self._process.loop.hub.switch()


class Condition:
    """threading.Condition for the threads of one process, of which only one runs at a time."""

    def __init__(self, process: Process) -> None:
        self._process, self._waiting = process, list[Wait]()

    def __enter__(self) -> None:
        """Nobody else runs until somebody waits: there is nothing to lock."""

    def __exit__(self, *error: object) -> None:
        """Likewise."""

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is notified, or so long."""
        wait = Wait(self._process)
        self._waiting.append(wait)
        if timeout is not None:
            self._process.loop.after(max(timeout, TICK_S), lambda: wait.wake(None))
        wait.park()

    def notify_all(self) -> None:
        """Wake all that wait, by the loop: a thread that wakes another goes on first."""
        waiting, self._waiting = self._waiting, []
        for wait in waiting:
            self._process.loop.after(0.0, lambda wait=wait: wait.wake(None))


class Threads:
    """What starts the threads of one process."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def condition(self) -> Condition:
        """For its threads."""
        return Condition(self._process)

    def start(self, name: str, target: Callable[[], None]) -> Callable[[], None]:
        """Run a thread; nobody waits for its end."""
        self._process.start(target)
        return lambda: None


class SkewedClock:
    """A process's own clock: it began elsewhere, and runs a little fast or slow."""

    def __init__(self, process: Process) -> None:
        chance = process.loop.chance
        self._process = process
        self._offset_s = chance.choice([0.0, 86_400.0, -86_400.0, 1e9]) + chance.random()
        self._rate = chance.uniform(0.95, 1.05)

    def monotonic_s(self) -> float:
        """Read it."""
        return self._offset_s + self._process.loop.now_s * self._rate

    wall_s = monotonic_s

    def sleep_s(self, seconds: float) -> None:
        """Let others go on."""
        self._process.sleep(seconds / self._rate)

    def new_id(self) -> str:
        """A name that the seed decides."""
        return f"{self._process.loop.chance.getrandbits(48):012x}"
