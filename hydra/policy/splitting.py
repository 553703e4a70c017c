"""When an idle worker takes the far part of somebody's lease.

At the end of a job nothing is free while a few leases still run. An idle worker takes over the far
part of the lease that will end last, so that both end together (work stealing of a divisible load).
It replaces speculative execution: nothing is computed twice, because the holder learns of the cut
at its next heartbeat, before it gets there. That is why the cut leaves the holder 1.5 beats.

A lease without a far part may still be what all wait for: a slow board amid its last large tile. A
worker that would do all of it anew in half the time that the holder still needs takes it over; the
holder breaks off at its next heartbeat. Its part of the work is lost, and it had nothing better to
do. What was lost before is left to its holder, so that a unit is not taken over again and again.

Foretold work errs, tenfold at times. A holder whose slice is late shows that: then the whole lease
is taken for as much more work than foretold as that slice, if it needs as long again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hydra.costs import Costs
from hydra.messages import Cut
from hydra.model import Lease, Span

LEAD_BEATS = 1.5
"""Work that the holder keeps at least, in beats from its last progress."""

SURE = 2.0
"""So many times faster than waiting must be what begins anew: estimates err."""


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
        if lease.rate_units_s * costs.mean(lease.span) > 0:
            gone_s = max(now_ms - lease.at_ms, 0.0) / 1000
            cut = _far_part(lease, costs, gone_s, asker_rate, beat_s, gain_s_min)
            cut = cut or _whole(lease, costs, gone_s, asker_rate, beat_s, gain_s_min)
            if cut:
                return cut
    return None


def _swollen(lease: Lease, costs: Costs, gone_s: float, beat_s: float) -> float:
    """How many times its foretold work a lease seems to be; 1.0 unless its holder is late.

    Slices are handed in at the first end of one after a beat, so one that ends later still has
    lasted since that beat. Where all units are alike, who is late with one slice has stalled, and
    its lease runs out soon.
    """
    start, stop = lease.span
    rate, work = lease.rate_units_s * costs.mean(lease.span), costs.of(lease.span)
    if costs.sums and start + max(lease.slice_units, 1) < stop:
        work = costs.of(Span(start, start + max(lease.slice_units, 1)))
        gone_s -= beat_s
    return 2 * rate * gone_s / work if rate * gone_s >= work > 0 else 1.0


def _far_part(
    lease: Lease,
    costs: Costs,
    gone_s: float,
    asker_rate: float,
    beat_s: float,
    gain_s_min: float,
) -> Cut | None:
    start, stop = lease.span
    swollen = _swollen(lease, costs, gone_s, beat_s) if costs.sums else 1.0
    rate = lease.rate_units_s * costs.mean(lease.span) / swollen
    whole = costs.of(lease.span)
    left = whole - rate * gone_s
    asker = asker_rate / swollen or rate
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


def _whole(
    lease: Lease,
    costs: Costs,
    gone_s: float,
    asker_rate: float,
    beat_s: float,
    gain_s_min: float,
) -> Cut | None:
    if asker_rate <= 0 or lease.losses:
        return None
    rate = lease.rate_units_s * costs.mean(lease.span)
    whole = costs.of(lease.span) * _swollen(lease, costs, gone_s, beat_s)
    left_s, anew_s = whole / rate - gone_s, whole / asker_rate
    if left_s < max(SURE * anew_s, anew_s + max(beat_s, gain_s_min)):
        return None
    why = (
        f"the fleet is idle, and {lease.worker} would need {left_s:.3g} s more for what can be "
        f"done anew in {anew_s:.2g} s"
    )
    return Cut(lease.token, lease.span.start, why)
