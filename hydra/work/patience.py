"""Calls to a store that may be silent for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hydra.clock import Clock
from hydra.errors import StoreUnsafe, Unavailable
from hydra.work.acts import Steps, call, wait

RETRY_S_MIN, RETRY_S_MAX = 0.05, 2.0
"""Pause between attempts at a store that does not answer: doubles from the first to the second."""

T = TypeVar("T")


class Patience:
    """How long a caller still waits for an answer, and how long until it asks again."""

    def __init__(self, clock: Clock, outage_s: float) -> None:
        self._clock = clock
        self._ends_s = clock.monotonic_s() + outage_s
        self._wait_s = RETRY_S_MIN

    def again_s(self, error: Unavailable) -> float:
        """When to ask again; raises the error if that will not help, or it took long enough."""
        again_s = self._clock.monotonic_s() + self._wait_s
        if isinstance(error, StoreUnsafe) or again_s > self._ends_s:
            raise error
        self._wait_s = min(2 * self._wait_s, RETRY_S_MAX)
        return again_s


def call_through_outage(run: Callable[[], T], clock: Clock, outage_s: float) -> Steps[T]:
    """Make a call; while the store does not answer, make exactly the same call again.

    Only for calls that may be repeated. Raises Unavailable after `outage_s`.
    """
    patience = Patience(clock, outage_s)
    while True:
        try:
            return (yield from call(run))
        except Unavailable as error:
            yield from wait(patience.again_s(error))


def retry_through_outage(run: Callable[[], T], clock: Clock, outage_s: float) -> T:
    """The same for a thread of its own, which waits where it is."""
    patience = Patience(clock, outage_s)
    while True:
        try:
            return run()
        except Unavailable as error:
            clock.sleep_s(patience.again_s(error) - clock.monotonic_s())
