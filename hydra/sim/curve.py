"""How fast a machine is over time, and what it has computed by when."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate


class Curve:
    """A speed that changes in steps: from `times[i]` on it is `speeds[i]` units a second.

    `times` starts at 0.0 and rises; the last speed lasts for ever.
    """

    def __init__(self, times: Sequence[float], speeds: Sequence[float]) -> None:
        self._times = array("d", times)
        self._speeds = array("d", speeds)
        steps = (s * (b - a) for a, b, s in zip(times, times[1:], speeds))
        self._done = array("d", accumulate(steps, initial=0.0))

    def at_most(self, units_s: float) -> Curve:
        """The same speed where it is less than that."""
        return Curve(self._times, [min(speed, units_s) for speed in self._speeds])

    def done(self, at_s: float) -> float:
        """Units computed from the beginning until then, if it never paused."""
        i = bisect_right(self._times, at_s) - 1
        return self._done[i] + self._speeds[i] * (at_s - self._times[i])

    def speed(self, at_s: float) -> float:
        """Units a second at that moment."""
        return self._speeds[bisect_right(self._times, at_s) - 1]

    def when(self, from_s: float, units: float) -> float:
        """The moment at which `units` more are computed after `from_s`; infinite if never."""
        if units <= 0:
            return from_s
        goal = self.done(from_s) + units
        i = bisect_left(self._done, goal) - 1
        if self._speeds[i] <= 0:
            return math.inf
        return max(from_s, self._times[i] + (goal - self._done[i]) / self._speeds[i])


def bound_s(curves: Sequence[Curve], units: float, horizon_s: float) -> float:
    """When all of them together have computed `units`, if nothing is ever lost or waited for."""
    low, high = 0.0, horizon_s
    while sum(curve.done(high) for curve in curves) < units:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        if sum(curve.done(middle) for curve in curves) < units:
            low = middle
        else:
            high = middle
    return high
