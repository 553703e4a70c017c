"""Whether a worker leaves its machine to its owner: by command, by the clock, by the load.

A command goes before the hours, and these before the load: in this order they last, the longest
first. The load changes all the time, and a worker that stops and starts helps nobody, so a pause
begins above a bound and ends well below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hydra.model.pauses import DAY_S, Hours, Pause

CALM_SHARE = 0.7
"""A pause by load ends when the load has fallen to this share of its bound."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How things stand on the worker's machine."""

    now_s: float
    """Wall clock."""
    day_s: float
    """Seconds since local midnight."""
    ordered_until_s: float = 0.0
    """Wall clock up to which a person has asked for quiet; infinite for until further notice."""
    load: float | None = None
    """Share of the machine's CPU that the owner's processes use; None if not known yet."""
    was_over: bool = False
    """What `over` said last."""


def decide(facts: Facts, hours: Hours, load_max: float) -> Pause | None:
    """Why to take no work now, or None. No hours mean all, a `load_max` of 0 any load."""
    if facts.ordered_until_s > facts.now_s:
        known = math.isfinite(facts.ordered_until_s)
        return Pause("hydra pause", int(facts.ordered_until_s * 1000) if known else 0)
    wait_s = _closed_s(facts.day_s, hours)
    if wait_s:
        return Pause("outside its working hours", int((facts.now_s + wait_s) * 1000))
    if facts.load is not None and over(facts.load, facts.was_over, load_max):
        return Pause(f"the owner uses {100 * facts.load:.0f} % of the CPU")
    return None


def over(load: float, was_over: bool, load_max: float) -> bool:
    """Whether the owner needs the machine: above the bound, and then until it is calm again."""
    return load_max > 0 and load > (CALM_SHARE * load_max if was_over else load_max)


def _closed_s(day_s: float, hours: Hours) -> float:
    """Seconds until work is allowed; 0.0 if it is now. A day counts as 24 hours."""
    if not hours:
        return 0.0
    waits = []
    for since_s, until_s in hours:
        length_s = (until_s - since_s) % DAY_S or DAY_S
        if (day_s - since_s) % DAY_S < length_s:
            return 0.0
        waits.append((since_s - day_s) % DAY_S)
    return min(waits)
