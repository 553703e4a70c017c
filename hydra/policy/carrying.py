"""How much one call carries: as much as the link has shown that it bears.

A call that lasts longer than its time-out is made again, and again in vain. So the first carries
little, and the next twice as much while a call takes no time to speak of.
"""

from __future__ import annotations

QUICK_S = 0.25
"""After a call that took less, the next may carry twice as much."""

SLOW_S = 0.5
"""After one that took more, it carries half as much; so it does after one without an answer."""


def next_load(load: int, took_s: float, load_max: int) -> int:
    """What the next call carries, after one that carried `load` and took so long."""
    if took_s < QUICK_S:
        return min(2 * load, load_max)
    return max(load // 2, 1) if took_s > SLOW_S else load
