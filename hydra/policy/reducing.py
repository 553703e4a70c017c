"""Who reduces a job: whoever hands in its last unit, but not the slow one of an unequal fleet.

Adding sums up is nothing. Putting a picture together and packing it is half a second on a fast
machine and many on a slow board, while all others are idle; so a slow worker waits for a moment
before it takes that on itself, and an idle one that is faster comes first.
"""

from __future__ import annotations

from hydra.messages import Pace


def lets_others_first(pace: Pace, pieces: bool) -> bool:
    """Whether the worker is slower than the fleet's mean, and the job's results are `pieces`."""
    return pieces and 0 < pace.rate * pace.live_workers < pace.fleet_rate
