"""How long a worker's kernel waits between two chunks: a chunk should be worth that pause."""

from __future__ import annotations

from collections import deque
from statistics import median_low

LAST = 5
"""Pauses that are remembered. With a mean, one that lasted a second, since the disk was busy, would
make the job's last chunk a second long."""


class Overheads:
    """Medians of the last pauses by kernel. No clock: whoever waits times it."""

    def __init__(self) -> None:
        self._last_s: dict[str, deque[float]] = {}

    def note(self, kernel: str, took_s: float) -> None:
        """Take in one more pause, before a chunk of this kernel."""
        self._last_s.setdefault(kernel, deque(maxlen=LAST)).append(took_s)

    def of_s(self, kernel: str) -> float:
        """Seconds of a pause before this kernel's chunks; 0.0 if none was timed yet."""
        return median_low(self._last_s[kernel]) if kernel in self._last_s else 0.0

    def least_s(self) -> float:
        """The shortest of them: for a claim, which does not know its job yet."""
        return min(map(self.of_s, self._last_s), default=0.0)
