"""How long a worker's calls for chunks take: a chunk should be worth its call."""

from __future__ import annotations

from collections import deque
from statistics import median_low

LAST = 5
"""Calls that are remembered. With a mean, one call that lasted a second, since the disk was busy,
would make the job's last chunk a second long."""


class Overheads:
    """Medians of the last calls by kernel, as one with tiles takes longer than one with sums.

    No clock: whoever makes the calls times them.
    """

    def __init__(self) -> None:
        self._last_s: dict[str, deque[float]] = {}

    def note(self, kernel: str, took_s: float) -> None:
        """Take in one more call, for a job of this kernel."""
        self._last_s.setdefault(kernel, deque(maxlen=LAST)).append(took_s)

    def of_s(self, kernel: str) -> float:
        """Seconds of a call for this kernel's jobs; 0.0 if none was timed yet."""
        return median_low(self._last_s[kernel]) if kernel in self._last_s else 0.0

    def least_s(self) -> float:
        """The shortest of them: for a claim, which does not know its job yet."""
        return min(map(self.of_s, self._last_s), default=0.0)
