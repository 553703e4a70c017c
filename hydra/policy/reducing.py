"""Who reduces a job: whoever hands in its last unit, but not the slow one of an unequal fleet.

Adding sums up is nothing. Putting a picture together and packing it is half a second on a fast
machine and many on a slow board, while all others are idle; so a slow worker waits for a moment
before it takes that on itself, and an idle one that is faster comes first. Slow ones that are idle
hold off longer, or the bell of the last hand-in would have one of them take it.
"""

from __future__ import annotations

from hydra.model import JobSpec
from hydra.model.messages import Pace

HOLD_OFF_S = 10.0
"""How long idle slow workers leave it to others, from their own last hand-in."""


def lets_others_first(pace: Pace, pieces: bool) -> bool:
    """Whether the worker is slower than the fleet's mean, and the job's results are `pieces`."""
    return pieces and 0 < pace.rate * pace.live_workers < pace.fleet_rate


def holds_off_s(pace: Pace, spec: JobSpec) -> float:
    """How long a worker leaves reductions to others that has handed in units of such a job."""
    return HOLD_OFF_S if lets_others_first(pace, spec.piece_bytes_max > 0) else 0.0
