"""When a job will be done, and a band that the truth should meet four times out of five.

The problem: a fleet's speed changes. Owners come back, machines leave, and what slows one second
slows the next ones, too. Taking each second as independent would make the band far too narrow. The
idea is that of batch means: the latter half of the time so far is cut into batches
long enough to be nearly independent; how much the time for a unit of cost differs between them says
how much it will differ over the rest. Two batches' worth of prior experience (PRIOR_SPREAD) stand
in while there are few, and the fleet's measured rate counts as one batch more, so that a change of
the fleet shows at once. The band is that of a prediction with estimated mean and variance
(Student's t), on a logarithmic scale, since times are positive.

Rejected: how wrong earlier forecasts were, as a band. Those of one job overlap, so there are too
few of them, and none looked further ahead than the job is old.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

BATCH_S = 10.0
"""Shortest batch: what disturbs a worker seldom lasts much longer."""

BATCHES_MAX = 10
"""Most batches; those of a long job are longer."""

PRIOR_BATCHES = 2
PRIOR_SPREAD = 0.2
"""The deviation of a batch's time as a share of its mean, assumed before a job shows its own, and
how many batches that assumption counts for."""

T_90 = (1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372, 1.363)
"""Quantiles of Student's t at 0.9, from PRIOR_BATCHES degrees of freedom on."""


@dataclass(frozen=True, slots=True)
class Band:
    """Seconds that a job will still take: below p10 once in ten times, above p90 as often."""

    p10_s: float
    p50_s: float
    p90_s: float


def forecast(points: Sequence[tuple[float, float]], cost_left: float, rate: float) -> Band | None:
    """The time for `cost_left` more; None while nothing is known, or if nothing came lately.

    `points` are (seconds, cost done) on the job's way, both rising, the last one now. `rate` is
    what the fleet gives to this job now, cost a second; 0.0 if unknown.
    """
    batches = _batches(points)
    spent_s = sum(seconds for seconds, _ in batches)
    done = sum(cost for _, cost in batches)
    if rate > 0:
        spent_s, done = spent_s + BATCH_S, done + BATCH_S * rate
    if done <= 0 or cost_left <= 0:
        return None
    s_per_cost = spent_s / done
    # Variance of the time for one unit of cost; that for n units is n times as large.
    prior = PRIOR_SPREAD**2 * BATCH_S * s_per_cost
    seen = sum((seconds - s_per_cost * cost) ** 2 / cost for seconds, cost in batches)
    freedom = max(len(batches) - 1, 0)
    variance = (PRIOR_BATCHES * prior + seen) / (PRIOR_BATCHES + freedom)
    middle_s = s_per_cost * cost_left
    spread = math.sqrt(variance * cost_left * (1 + cost_left / done)) / middle_s
    reach = math.exp(T_90[min(freedom, len(T_90) - 1)] * math.sqrt(math.log1p(spread**2)))
    return Band(middle_s / reach, middle_s, middle_s * reach)


def _batches(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """(seconds, cost) of each batch of the latter half of the time; each has some cost."""
    if not points:
        return []
    first_s, last_s = points[0][0], points[-1][0]
    half = bisect_right(points, (first_s + last_s) / 2, key=itemgetter(0))
    kept = points[half - 1 :]
    at_s, at_cost = kept[0]
    long_s = max(BATCH_S, (last_s - at_s) / BATCHES_MAX)
    found: list[tuple[float, float]] = []
    for seconds, cost in kept[1:]:
        if seconds - at_s >= long_s and cost > at_cost:
            found.append((seconds - at_s, cost - at_cost))
            at_s, at_cost = seconds, cost
    rest_s, rest = last_s - at_s, kept[-1][1] - at_cost
    if found and (rest_s < long_s / 2 or rest <= 0):
        seconds, cost = found.pop()
        rest_s, rest = rest_s + seconds, rest + cost
    if rest > 0:
        found.append((rest_s, rest))
    return found
