"""How long a worker's kernel waits between two chunks: a chunk should be worth that pause."""

from __future__ import annotations

from collections import defaultdict

from hydra.work.recent import Recent


class Overheads:
    """Medians of the last pauses by kernel."""

    def __init__(self) -> None:
        self._pauses: defaultdict[str, Recent] = defaultdict(Recent)

    def note(self, kernel: str, took_s: float) -> None:
        """Take in one more pause, before a chunk of this kernel."""
        self._pauses[kernel].note(took_s)

    def of_s(self, kernel: str) -> float:
        """Seconds of a pause before this kernel's chunks; 0.0 if none was timed yet."""
        return self._pauses[kernel].median_s if kernel in self._pauses else 0.0

    def least_s(self) -> float:
        """The shortest of them: for a claim, which does not know its job yet."""
        return min((pauses.median_s for pauses in self._pauses.values()), default=0.0)
