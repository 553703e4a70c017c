"""What the way to the store has shown that it bears: no I/O and no clock.

The problem: a hand-in of 1.5 MB takes a minute over 0.2 Mbit/s; sent in one call it outlasts the
lease and is sent again for ever. The idea: a call carries no more than the link has carried in part
of a beat. The first ones are small; each that is answered soon lets the next be twice as large.
"""

from __future__ import annotations

import math

from hydra.policy.carrying import next_load
from hydra.work.recent import Recent

PART_BYTES_MIN = 1 << 14
PART_BYTES_FIRST = 1 << 16
PART_BYTES_MAX = 1 << 20
"""At BYTES_S_MIN of hydra.server.connection such a call takes half an `outage_seconds`."""

TOLD_BYTES_MIN = 1 << 10
"""A call that carries less and is slow met a busy store, or a long way: that bounds no bytes."""

BEAT_SHARE = 1.0
"""A call's bytes should take this share of a beat: heartbeats go over the same link. With less,
more of its time goes to round trips, as a part waits for the reply to the one before."""


class Link:
    """How long calls take, and how many bytes one of them should carry."""

    def __init__(self) -> None:
        self._part_bytes = PART_BYTES_FIRST
        self._claims = Recent()
        self._round_trips = Recent()

    @property
    def call_s(self) -> float:
        """What a claim takes; 0.0 if none was timed yet."""
        return self._claims.median_s

    @property
    def round_trip_s(self) -> float:
        """What the shortest call takes; 0.0 if none was timed yet."""
        return self._round_trips.median_s

    @property
    def part_bytes(self) -> int:
        """The most that the next call should carry."""
        return self._part_bytes

    def claimed(self, took_s: float) -> None:
        """A claim was answered, which carries next to nothing."""
        self._claims.note(took_s)

    def came_back(self, took_s: float) -> None:
        """A call of one round trip was answered, which carries nothing."""
        self._round_trips.note(took_s)

    def carried(self, size_bytes: int, took_s: float, beat_s: float) -> None:
        """A call with so many bytes was answered."""
        if size_bytes < TOLD_BYTES_MIN:
            return
        goal_s = BEAT_SHARE * beat_s
        way_s = max(took_s - self.round_trip_s, took_s / 10)
        if size_bytes < self._part_bytes // 2 and way_s <= goal_s:
            return  # it says little about larger ones
        self._bear(next_load(size_bytes, way_s, goal_s, PART_BYTES_MAX))

    def unanswered(self, size_bytes: int) -> None:
        """A call with so many bytes was not answered in time."""
        tried = min(size_bytes, self._part_bytes)
        self._bear(next_load(tried, math.inf, BEAT_SHARE, PART_BYTES_MAX))

    def _bear(self, part_bytes: int) -> None:
        self._part_bytes = max(part_bytes, PART_BYTES_MIN)
