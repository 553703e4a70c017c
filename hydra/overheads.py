"""What a call to the store takes a worker that brings a chunk: chunks are sized to be worth it."""

from __future__ import annotations

MEMORY = 0.2
"""Weight of the newest call in the running mean."""


class Overheads:
    """Running means by kernel, as a call with tiles takes longer than one with sums. No clock."""

    def __init__(self) -> None:
        self._means_s: dict[str, float] = {}

    def note(self, kernel: str, took_s: float) -> None:
        """Take in one more call, for a job of this kernel."""
        mean_s = self.of_s(kernel)
        self._means_s[kernel] = mean_s + MEMORY * (took_s - mean_s)

    def of_s(self, kernel: str) -> float:
        """Seconds of a call for this kernel's jobs; 0.0 if none was timed yet."""
        return self._means_s.get(kernel, 0.0)

    def least_s(self) -> float:
        """The same for the kernel whose calls are shortest: what is known before a job is."""
        return min(self._means_s.values(), default=0.0)
