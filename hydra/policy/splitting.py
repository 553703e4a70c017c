"""When an idle worker takes the far part of somebody's lease.

At the end of a job nothing is free while a few leases still run. An idle worker takes over the far
part of the lease that will end last, so that both end together (work stealing of a divisible load).
It replaces speculative execution: nothing is computed twice, because the holder learns of the cut
at its next heartbeat, before it gets there. That is why the cut leaves the holder 1.5 beats.

A lease without a far part may still be what all others wait for: a slow board that is busy with its
last large tile. If a worker could do all of it from the start in half the time that the holder
still needs, it takes the lease over; the holder stops at its next heartbeat. The holder's work on
it is lost, but it had nothing better to do. A lease whose units were lost before stays with its
holder, so that a unit is not taken over again and again.

A queued lease has not been begun, so that it is taken whole, and nothing is lost: by whoever would
have done it before its holder, who has another one to end first, comes to its end.

Estimated costs may be wrong, at times tenfold. A holder whose slice is late shows that. Then the
slice is assumed to need as long again, and the whole lease to have grown by the same factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.model import Lease, Span
from hydra.model.costs import Costs
from hydra.model.messages import Cut

LEAD_BEATS = 1.5
"""Work that the holder keeps at least, in beats from its last progress."""

TAKEOVER_GAIN = 2.0
"""A takeover must be this many times faster than waiting for the holder: estimates may be wrong."""


def split(
    leases: Sequence[Lease],
    costs: Costs,
    now_ms: float,
    asker_rate: float,
    beat_s: float,
    gain_s_min: float,
) -> Cut | None:
    """Which lease to cut, and where; None if no cut would save `gain_s_min`.

    `leases` are the ones with the latest estimated ends, latest first; `asker_rate` is the asker's
    speed, cost units a second, 0.0 if unknown (then it counts as the holder's equal).
    """
    for lease in leases:
        case = _Case(lease, costs, now_ms, asker_rate, beat_s, gain_s_min)
        if case.rate <= 0:
            continue
        cut = _queued(case) if lease.queued else _far_part(case) or _whole(case)
        if cut:
            return cut
    return None


@dataclass(frozen=True, slots=True)
class _Case:
    """One lease and who would take from it, as `split` got them."""

    lease: Lease
    costs: Costs
    now_ms: float
    asker_rate: float
    beat_s: float
    gain_s_min: float

    def cut(self, at: int, why: str) -> Cut:
        """The cut of this lease there."""
        lease = self.lease
        return Cut(token=lease.token, at=at, session=lease.session, why=why, queued=lease.queued)

    @property
    def rate(self) -> float:
        """The holder's speed, cost units a second."""
        return self.lease.rate_units_s * self.costs.mean(self.lease.span)

    @property
    def work(self) -> float:
        """What the lease was estimated to be, in cost units."""
        return self.costs.of(self.lease.span)

    @property
    def gone_s(self) -> float:
        """Since the holder's last progress."""
        return max(self.now_ms - self.lease.at_ms, 0.0) / 1000

    @property
    def slice_units(self) -> int:
        """Cuts fall on multiples of it."""
        return max(self.lease.slice_units, 1)

    @property
    def growth(self) -> float:
        """How many times its estimated work the lease seems to be; 1.0 unless its holder is late.

        Work is handed in at the first end of a slice after a beat, so a slice that has not ended
        yet has lasted at least since that beat. Where all units cost the same, a holder that is
        late with one slice has stalled, and its lease runs out soon.
        """
        start, stop = self.lease.span
        since_s, work = self.gone_s, self.work
        if self.costs.sums and start + self.slice_units < stop:
            since_s -= self.beat_s
            work = self.costs.of(Span(start, start + self.slice_units))
        return 2 * self.rate * since_s / work if self.rate * since_s >= work > 0 else 1.0


def _far_part(case: _Case) -> Cut | None:
    """The cut after which holder and asker end together; None if it would save too little."""
    start, stop = case.lease.span
    growth = case.growth if case.costs.sums else 1.0
    rate = case.rate / growth
    left = case.work - rate * case.gone_s
    asker = case.asker_rate / growth or rate
    keep = max(case.work - left * asker / (asker + rate), rate * LEAD_BEATS * case.beat_s)
    slices = max(math.ceil(case.costs.first(case.lease.span, keep) / case.slice_units), 1)
    cut = start + slices * case.slice_units
    if cut >= stop:
        return None
    saved_s = case.costs.of(Span(cut, stop)) / rate
    if saved_s < case.gain_s_min:
        return None
    why = (
        f"the fleet is idle and {case.lease.worker} would need {left / rate:.3g} s more; "
        f"this saves {saved_s:.2g} s"
    )
    return case.cut(cut, why)


def _whole(case: _Case) -> Cut | None:
    """The cut that takes all of the lease; None unless the asker is much faster."""
    if case.asker_rate <= 0 or case.lease.losses:
        return None
    work = case.work * case.growth
    left_s, again_s = work / case.rate - case.gone_s, work / case.asker_rate
    if left_s < max(TAKEOVER_GAIN * again_s, again_s + max(case.beat_s, case.gain_s_min)):
        return None
    why = (
        f"the fleet is idle, and {case.lease.worker} would need {left_s:.3g} s more for what can "
        f"be done from the start in {again_s:.2g} s"
    )
    return case.cut(case.lease.span.start, why)


def _queued(case: _Case) -> Cut | None:
    """The cut that takes a lease that has not begun; None if that would save too little."""
    wait_s = max(case.lease.at_ms - case.now_ms, 0.0) / 1000
    left_s, asker_s = wait_s + case.work / case.rate, case.work / (case.asker_rate or case.rate)
    if left_s - asker_s < case.gain_s_min:
        return None
    why = (
        f"the fleet is idle, and {case.lease.worker}, who has not begun, would end in "
        f"{left_s:.3g} s what can be done in {asker_s:.2g} s"
    )
    return case.cut(case.lease.span.start, why)
