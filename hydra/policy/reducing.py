"""Who reduces a job: the worker that hands in its last unit, unless it is slower than the others.

Adding up sums takes no time. Assembling and compressing a picture takes half a second on a fast
machine and many seconds on a slow board, while all others are idle. So a slow worker waits a moment
before it does that itself, and a faster idle one comes first. Slow workers that are idle wait
longer: the bell of the last hand-in wakes them, too, and one of them could take it.
"""

from __future__ import annotations

from hydra.model import JobSpec
from hydra.model.messages import Pace

REDUCTION_WAIT_S = 10.0
"""How long a slow idle worker leaves reductions to others, from its own last hand-in."""


def defers_reduction(pace: Pace, pieces: bool) -> bool:
    """Whether the worker should leave a reduction to a faster one.

    It should if the results are `pieces` and it is slower than the fleet's mean.
    """
    return pieces and 0 < pace.rate * pace.live_workers < pace.fleet_rate


def reduction_wait_s(pace: Pace, spec: JobSpec) -> float:
    """Seconds for which a worker that handed in units of such a job leaves reductions to others."""
    return REDUCTION_WAIT_S if defers_reduction(pace, spec.piece_bytes_max > 0) else 0.0
