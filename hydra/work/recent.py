"""The median of the last measurements: in a mean one call that met a busy disk counts for long."""

from __future__ import annotations

from collections import deque
from statistics import median_low

LAST = 5
"""Measurements that are remembered."""


class Recent:
    """Seconds that something took the last times. No clock: whoever waits times it."""

    def __init__(self) -> None:
        self._last_s: deque[float] = deque(maxlen=LAST)

    def note(self, took_s: float) -> None:
        """Take in one more measurement."""
        self._last_s.append(took_s)

    @property
    def median_s(self) -> float:
        """Of the last ones; 0.0 if there is none."""
        return median_low(self._last_s) if self._last_s else 0.0
