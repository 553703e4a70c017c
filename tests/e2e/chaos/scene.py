"""Everything a fault may touch, and the list of the faults there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

import urllib3

from tests.e2e.chaos.crew import Crew, Seat
from tests.e2e.chaos.doors import Doors
from tests.e2e.chaos.load import Load
from tests.e2e.chaos.server import Server
from tests.e2e.chaos.watch import Watch


@dataclass
class Scene:
    """One fleet under one seed."""

    server: Server
    doors: Doors
    crew: Crew
    load: Load
    watch: Watch
    complaints: list[str] = field(default_factory=list)
    """What a fault saw that must not be."""
    skipped: list[str] = field(default_factory=list)
    """Faults that this machine does not allow, with the reason."""

    def found(self) -> list[str]:
        """Everything that must not be, each sentence once."""
        return list(dict.fromkeys(self.complaints + self.watch.complaints + self.load.complaints))

    def lost(self, kind: str, seat: Seat, pids: list[int]) -> None:
        """Kill processes of a worker and note what it held."""
        at_s = time.time()
        self.crew.kill(seat, pids)
        self.watch.lost(kind, seat.worker, at_s)

    def ready(self) -> list[int]:
        """What the schedulers that answer say to whether they are ready."""
        found = []
        for url in self.crew.urls():
            try:
                reply = urllib3.request("GET", f"{url}/readyz", timeout=2.0, retries=False)
            except urllib3.exceptions.HTTPError:
                continue
            found.append(reply.status)
        return found


Inject = Callable[[Scene, Seat], Iterator[None]]


@dataclass(frozen=True)
class Fault:
    """One kind: `inject` does it, and undoes it when the context is left."""

    name: str
    rows: str
    """Of the fault matrix."""
    promise: str
    seats: tuple[str, ...]
    weight: int
    lasts_s: tuple[float, float]
    disturbs: bool
    """Whether the recovery from another fault may have to wait for the end of this one."""
    alone: bool
    """Whether it has the server to itself: no other such fault at the same time."""
    inject: Callable[[Scene, Seat], AbstractContextManager[None]]


FAULTS: dict[str, Fault] = {}


def fault(
    rows: str,
    seats: tuple[str, ...],
    *,
    weight: int = 1,
    lasts_s: tuple[float, float] = (0, 0),
    disturbs: bool = False,
    alone: bool = False,
) -> Callable[[Inject], Inject]:
    """Enter a function in the list: up to its `yield` it injects, after it it heals."""

    def enter(inject: Inject) -> Inject:
        name = inject.__name__.replace("_", "-")
        promise = (inject.__doc__ or "").splitlines()[0]
        FAULTS[name] = Fault(
            name,
            rows,
            promise,
            seats,
            weight,
            lasts_s,
            disturbs or alone,
            alone,
            contextmanager(inject),
        )
        return inject

    return enter
