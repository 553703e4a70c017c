"""How much one call carries: as much as the link has shown that it bears.

A call that lasts longer than its time-out is made again, and again in vain. So the first carries
little, and each that is answered soon lets the next be twice as large.
"""

from __future__ import annotations

import math


def next_load(load: int, took_s: float, goal_s: float, load_max: int) -> int:
    """What the next call carries to last `goal_s`, after one that carried `load` and took so long.

    No more than twice as much, and half after one without an answer (`took_s` infinite); at least
    one, at most `load_max`.
    """
    if math.isinf(took_s):
        fits = load // 2
    else:
        fits = int(min(load * goal_s / max(took_s, 1e-6), 2 * load))
    return max(1, min(fits, load_max))
