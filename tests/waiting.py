"""Wait for a condition instead of sleeping; the only place of the tests that sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], *, within_s: float = 30.0, what: str = "") -> T:
    """The first true value of `condition`, or a failure that names it after `within_s`."""
    deadline_s = time.monotonic() + within_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s:g} s: {what or condition}")
        time.sleep(0.02)
