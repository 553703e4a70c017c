"""What the loop does to the world, as values that it yields: one loop, several worlds.

The problem: a host computes in one thread while others talk to the store, the simulator has neither
threads nor kernels, and the seeded faults decide the order of every event. The idea: the loop is a
generator that yields acts, and whoever drives it does them: calls and computing at once, lanes in
the background. The functions here keep each act's type: `grant = yield from call(...)`.

Rejected: async functions, since kernels and redis-py block; a loop for each world, since the one
that is tested must be the one that runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from hydra.model import Partial
from hydra.ports import WorkPort
from hydra.work.holding import Holding

T = TypeVar("T")


class Lane(StrEnum):
    """What goes on beside the loop; each lane does one thing after another."""

    CLAIMS = "claims"
    HAND_INS = "hand-ins"
    HEART = "heart"


class Pending(Generic[T]):
    """Something begun on a lane: done with a value or an error, one day."""

    def __init__(self) -> None:
        self.done = False
        self.hurried = False
        self.wake: Callable[[], None] = lambda: None
        """Set by whoever drives the lane."""
        self._value: T | None = None
        self._error: BaseException | None = None

    def hurry(self) -> None:
        """Have it wait no longer for a moment that it waits for, or for the next."""
        self.hurried = True
        self.wake()

    def was_hurried(self) -> bool:
        """Whether it was, since this was last asked."""
        hurried, self.hurried = self.hurried, False
        return hurried

    def end(self, value: T | None, error: BaseException | None = None) -> None:
        """It is done."""
        self._value, self._error, self.done = value, error, True

    def result(self) -> T:
        """What came of it; raises the error that ended it."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the port that is answered soon."""

    run: Callable[[], Any]
    size_bytes: int = 0
    """What it carries."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for the bell, at most so long; whether it rang."""

    run: Callable[[], bool]
    seconds: float


@dataclass(frozen=True, slots=True)
class Computed:
    """What a kernel call gave; in simulated time several may be one."""

    partial: Partial
    units: int
    took_s: float


@dataclass(frozen=True, slots=True)
class Compute:
    """Compute the next slice of a lease."""

    run: Callable[[], Computed]
    held: Holding
    until_s: float
    """When the loop has something else to do: a world without kernels may go on until then."""


@dataclass(frozen=True, slots=True)
class Start:
    """Begin something on a lane."""

    lane: Lane
    work: Steps[Any]
    pending: Pending[Any]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a moment, or for the first of these; a lane that is hurried waits for no moment."""

    until_s: float
    pending: tuple[Pending[Any], ...] = ()
    undisturbed_s: float = -math.inf
    """How long, if later, where nobody can stop the worker or make it pause."""


Act = Call | Listen | Compute | Start | Wait
Steps = Generator[Act, Any, T]


def call(run: Callable[[], T], size_bytes: int = 0) -> Steps[T]:
    """Call the port."""
    answer: T = yield Call(run, size_bytes)
    return answer


def listen(port: WorkPort, seconds: float) -> Steps[bool]:
    """Wait for the bell, at most so long; whether it rang."""
    rang: bool = yield Listen(lambda: port.listen(seconds), seconds)
    return rang


def compute(run: Callable[[], Computed], held: Holding, until_s: float) -> Steps[Computed]:
    """Compute the next slice of a lease, or what of it is due until then."""
    found: Computed = yield Compute(run, held, until_s)
    return found


def start(lane: Lane, work: Steps[T]) -> Steps[Pending[T]]:
    """Begin something on a lane."""
    pending: Pending[T] = Pending()
    yield Start(lane, work, pending)
    return pending


def wait(until_s: float, *pending: Pending[Any]) -> Steps[None]:
    """Wait for a moment, or for the first of these."""
    yield Wait(until_s, pending)


def wait_at_most(until_s: float, undisturbed_s: float) -> Steps[None]:
    """Wait for a moment, but look before whether somebody stops the worker or makes it pause."""
    yield Wait(min(until_s, undisturbed_s), (), undisturbed_s)
