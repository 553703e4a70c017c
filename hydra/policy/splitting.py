"""When an idle worker takes the far part of somebody's lease.

At the end of a job nothing is free while a few leases still run. An idle worker takes over the far
part of the lease that will end last, so that both end together (work stealing of a divisible load).
It replaces speculative execution: nothing is computed twice, because the holder learns of the cut
at its next heartbeat, before it gets there. That is why the cut leaves the holder 1.5 beats.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hydra.costs import Costs
from hydra.messages import Cut
from hydra.model import Lease, Span

LEAD_BEATS = 1.5
"""Work that the holder keeps at least, in beats from its last progress."""


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
        cut = _cut(lease, costs, now_ms, asker_rate, beat_s, gain_s_min)
        if cut:
            return cut
    return None


def _cut(
    lease: Lease,
    costs: Costs,
    now_ms: float,
    asker_rate: float,
    beat_s: float,
    gain_s_min: float,
) -> Cut | None:
    start, stop = lease.span
    rate = lease.rate_units_s * costs.mean(lease.span)
    if rate <= 0:
        return None
    whole = costs.of(lease.span)
    left = whole - rate * max(now_ms - lease.at_ms, 0.0) / 1000
    asker = asker_rate or rate
    keep = max(whole - left * asker / (asker + rate), rate * LEAD_BEATS * beat_s)
    slice_units = max(lease.slice_units, 1)
    slices = max(math.ceil(costs.first(lease.span, keep) / slice_units), 1)
    cut = start + slices * slice_units
    if cut >= stop:
        return None
    saved_s = costs.of(Span(cut, stop)) / rate
    if saved_s < gain_s_min:
        return None
    why = (
        f"the fleet is idle and {lease.worker} would need {left / rate:.3g} s more; "
        f"this saves {saved_s:.2g} s"
    )
    return Cut(lease.token, cut, why)
