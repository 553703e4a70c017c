"""Calls to a store that may be silent for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hydra.clock import Clock
from hydra.errors import StoreUnsafe, Unavailable

RETRY_S_MIN, RETRY_S_MAX = 0.05, 2.0
"""Pause between attempts at a store that does not answer: doubles from the first to the second."""

T = TypeVar("T")


def retry_through_outage(call: Callable[[], T], clock: Clock, outage_s: float) -> T:
    """Make a call; while the store does not answer, make exactly the same call again.

    Only for calls that may be repeated. Raises Unavailable after `outage_s`.
    """
    began_s = clock.monotonic_s()
    wait_s = RETRY_S_MIN
    while True:
        try:
            return call()
        except StoreUnsafe:
            raise  # it answers, and waiting will not help
        except Unavailable:
            if clock.monotonic_s() - began_s + wait_s > outage_s:
                raise
            clock.sleep_s(wait_s)
            wait_s = min(2 * wait_s, RETRY_S_MAX)
