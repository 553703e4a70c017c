"""What the way to the store has shown that it bears: no I/O and no clock.

The problem: a hand-in of 1.5 MB takes a minute over 0.2 Mbit/s; sent in one call it outlasts the
lease and is sent again for ever. The idea: a call carries no more than the link has carried in part
of a beat. The first ones are small; each that is answered soon lets the next be twice as large.
"""

from __future__ import annotations

from collections import deque
from statistics import median_low

PART_BYTES_MIN = 1 << 14
PART_BYTES_FIRST = 1 << 16
PART_BYTES_MAX = 1 << 20
"""At BYTES_S_MIN of hydra.server.connection such a call takes half an `outage_seconds`."""

TOLD_BYTES_MIN = 1 << 10
"""A call that carries less and is slow met a busy store, or a long way: that bounds no bytes."""

BEAT_SHARE = 1.0
"""A call's bytes should take this share of a beat: heartbeats go over the same link. With less,
more of its time goes to round trips, as a part waits for the reply to the one before."""

LAST = 5
"""Calls that are remembered. With a mean, one call that lasted a second, since the disk was busy,
would count for a long time."""


class Link:
    """How long calls take, and how many bytes one of them should carry."""

    def __init__(self) -> None:
        self._part_bytes = PART_BYTES_FIRST
        self._calls_s: deque[float] = deque(maxlen=LAST)
        self._trips_s: deque[float] = deque(maxlen=LAST)

    @property
    def call_s(self) -> float:
        """What a claim takes; 0.0 if none was timed yet."""
        return median_low(self._calls_s) if self._calls_s else 0.0

    @property
    def round_trip_s(self) -> float:
        """What the shortest call takes; 0.0 if none was timed yet."""
        return median_low(self._trips_s) if self._trips_s else 0.0

    @property
    def part_bytes(self) -> int:
        """The most that the next call should carry."""
        return self._part_bytes

    def claimed(self, took_s: float) -> None:
        """A claim was answered, which carries next to nothing."""
        self._calls_s.append(took_s)

    def came_back(self, took_s: float) -> None:
        """A call of one round trip was answered, which carries nothing."""
        self._trips_s.append(took_s)

    def carried(self, size_bytes: int, took_s: float, beat_s: float) -> None:
        """A call with so many bytes was answered."""
        if size_bytes < TOLD_BYTES_MIN:
            return
        goal_s = BEAT_SHARE * beat_s
        way_s = max(took_s - self.round_trip_s, took_s / 10)
        if size_bytes < self._part_bytes // 2 and way_s <= goal_s:
            return  # it says little about larger ones
        fits = size_bytes * goal_s / max(way_s, 1e-6)
        grown = min(fits, 2 * max(size_bytes, self._part_bytes // 2))
        self._part_bytes = int(min(max(grown, PART_BYTES_MIN), PART_BYTES_MAX))

    def unanswered(self, size_bytes: int) -> None:
        """A call with so many bytes was not answered in time."""
        smaller = min(size_bytes, self._part_bytes) // 2
        self._part_bytes = max(smaller, PART_BYTES_MIN)
