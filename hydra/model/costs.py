"""The work of a job's units laid end to end, so that chunks are cut by work and not by number.

Where a kernel tells what each unit costs, costs never rise from one unit to the next: the front of
any span is its most expensive part, the far end its cheapest. Positions are fractions of units
here; who needs whole units rounds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from hydra.model import Span


@dataclass(frozen=True, slots=True)
class Costs:
    """What the units of one job cost, in the kernel's cost units."""

    unit_cost: float = 1.0
    """Of one unit; the mean where they differ."""
    sums: Sequence[int] = ()
    """Of the first n units, by n; empty where all units cost the same."""

    @staticmethod
    def of_each(costs: Iterable[int]) -> Costs:
        """The costs of units that differ."""
        sums = [0, *accumulate(costs)]
        return Costs(sums[-1] / (len(sums) - 1), sums)

    def of(self, span: Span) -> float:
        """The work in a span."""
        if not self.sums:
            return span.units * self.unit_cost
        return float(self.sums[span.stop] - self.sums[span.start])

    def mean(self, span: Span) -> float:
        """The work in one unit of a span, on average."""
        if not self.sums or span.units <= 0:
            return self.unit_cost
        return self.of(span) / span.units

    def first(self, span: Span, work: float) -> float:
        """How many of the span's first units make so much work; no more than it has."""
        if not self.sums:
            return work / self.unit_cost
        return self._unit(span, self.sums[span.start] + work) - span.start

    def last(self, span: Span, work: float) -> float:
        """The same of its last units."""
        if not self.sums:
            return work / self.unit_cost
        return span.stop - self._unit(span, self.sums[span.stop] - work)

    def _unit(self, span: Span, work: float) -> float:
        """Where in the span the sum of all units before reaches `work`."""
        unit = bisect_right(self.sums, work, span.start, span.stop + 1) - 1
        if unit < span.start:
            return span.start
        if unit >= span.stop:
            return span.stop
        return unit + (work - self.sums[unit]) / (self.sums[unit + 1] - self.sums[unit])
