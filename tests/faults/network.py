"""The network between a process and the store: late, lossy, and it says things twice.

A call leaves as one or two requests; each may be lost or late, runs when it arrives, and sends a
reply that may be lost or late, too. The caller takes the first reply, or raises StoreDown when its
patience ends, not knowing which requests have run or still will. Over a thin link what is large
takes longer than that, and arrives all the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.errors import HydraError, StoreDown
from hydra.model.messages import HandIn
from hydra.work.holding import size_of
from tests.faults.loop import Process, Wait

PATIENCE_S = 1.0
"""As long as a worker's connection waits: a third of a lease."""

NEAR_S = 0.002
"""A request's way in fair weather."""

SILENCE = object()


@dataclass(slots=True)
class Weather:
    """How bad the network is now: shares of messages."""

    lost: float = 0.0
    late: float = 0.0
    late_s: float = 0.0
    twice: float = 0.0

    def fair(self) -> None:
        """From now on nothing goes wrong."""
        self.lost = self.late = self.twice = 0.0


class Server:
    """Where the store is: it may stand still, and its wall clock may be set."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.wall_offset_ms = 1e12
        self.stopped_until_s = 0.0

    def now_ms(self) -> float:
        """Its wall clock."""
        return self.process.loop.now_s * 1000 + self.wall_offset_ms

    def run(self, act: Callable[[], None]) -> None:
        """Do what a request asks; later if the server stands still."""
        rest_s = self.stopped_until_s - self.process.loop.now_s
        if rest_s > 0:
            self.process.loop.after(rest_s, lambda: self.run(act))
        else:
            act()


class Link:
    """One process's way to the server, which carries so many bytes a second."""

    def __init__(
        self, process: Process, server: Server, weather: Weather, bytes_s: float = math.inf
    ) -> None:
        self._process, self._server, self._weather = process, server, weather
        self._bytes_s = bytes_s
        self.cut_until_s = 0.0

    def far(self, target: Any, seen: Callable[[str, tuple[Any, ...], Any], None]) -> Any:
        """The target as this process reaches it; `seen` hears of each call that ran."""
        return _Far(self, target, seen)

    def call(self, name: str, work: Callable[[], Any], size_bytes: int) -> Any:
        """The reply to a call, or the HydraError that it raised; StoreDown without one."""
        wait = Wait(self._process)
        loop = self._process.loop
        loop.after(PATIENCE_S, lambda: wait.wake(SILENCE))

        def run() -> None:
            try:
                said: Any = work()
            except HydraError as error:
                said = error
            loop.tell(self._process.name, f"{name} -> {said}")
            self._send(lambda: wait.wake(said))

        for _ in range(1 + (loop.chance.random() < self._weather.twice)):
            self._send(lambda: self._server.run(run), size_bytes / self._bytes_s)
        said = wait.park()
        if said is SILENCE:
            loop.tell(self._process.name, f"{name} hears nothing")
            raise StoreDown("no reply")
        if isinstance(said, HydraError):
            raise said
        return said

    def _send(self, arrive: Callable[[], None], way_s: float = 0.0) -> None:
        loop, weather = self._process.loop, self._weather
        if loop.now_s < self.cut_until_s or loop.chance.random() < weather.lost:
            return
        late = weather.late_s if loop.chance.random() < weather.late else NEAR_S
        loop.after(way_s + late * loop.chance.random(), arrive)

    def rest(self, seconds: float) -> None:
        """Wait, as a listener does that nobody wakes."""
        self._process.sleep(seconds)


class _Far:
    """A port at the far end of a link."""

    def __init__(
        self, link: Link, target: Any, seen: Callable[[str, tuple[Any, ...], Any], None]
    ) -> None:
        self._link, self._target, self._seen = link, target, seen

    def __getattr__(self, name: str) -> Callable[..., Any]:
        act = getattr(self._target, name)

        def call(*args: Any) -> Any:
            def work() -> Any:
                said = act(*args)
                self._seen(name, args, said)
                return said

            title = f"{name}{args}" if self._told else name
            return self._link.call(title, work, sum(map(bytes_of, args)))

        if name == "lent":  # as a process remembers it: what it was told last, without a call
            return act  # type: ignore[no-any-return]
        return self._link.rest if name == "listen" else call

    @property
    def _told(self) -> bool:
        return self._link._process.loop.told is not None


def bytes_of(given: Any) -> int:
    """What an argument of a call weighs: the partial of a hand-in, or parts of a file."""
    if isinstance(given, HandIn):
        return size_of(given.partial)
    if isinstance(given, Sequence) and not isinstance(given, str):
        return sum(len(part) for part in given if isinstance(part, bytes))
    return 0
