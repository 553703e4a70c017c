"""How many units a worker takes next: time-window factoring.

A chunk is sized in time, not in units, so that a slow board and a fast desktop come back equally
often. With R work unassigned and V the fleet's speed, the rest of the job lasts R / V; each chunk
takes half of that (factoring: Hummel, Schonberg, Flynn, CACM 35(8), 1992; with measured weights it
is AWF-C of Carino and Banicescu), so sizes shrink towards the end and the last ones finish
together. Long jobs are capped at a target, so that a lost worker loses little and news travels
fast; short ones are floored where the overhead of a chunk would show.

It is wrong where units of one job differ much in work: then `unit_cost` misleads, and the holder
gives back what it has not done after 1.5 times the time.
"""

from __future__ import annotations

from dataclasses import dataclass

from hydra.messages import Pace

SHARE = 2.0
"""A chunk takes 1 / SHARE of what is left; 1.25 to 4 differ by little."""

OVERHEADS = 10.0
"""A chunk lasts at least this many times its overhead."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a chunk, all from settings."""

    target_s: float
    probe_s: float
    """How long the first chunk of a worker of unknown speed lasts."""
    floor_s: float
    beat_s: float
    units_max: int
    """Largest chunk whose sums stay exact."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many units, for how long, and why."""

    units: int
    tau_s: float
    why: str


def chunk(
    pace: Pace, unit_cost: float, overhead_s: float, hint_units: int, limits: Limits
) -> Size:
    """The next chunk of a job for one worker. At least one unit, at most `units_max`."""
    if pace.rate <= 0:
        return _probe(pace, hint_units, limits)
    # A fleet of unknown speed counts as so many workers like this one.
    fleet_rate = max(pace.fleet_rate or pace.rate * pace.live_workers, pace.rate)
    rest_s = pace.unassigned_units * unit_cost / fleet_rate
    low = max(OVERHEADS * overhead_s, limits.floor_s)
    high = max(limits.target_s, limits.beat_s, low)
    tau_s = min(max(rest_s / SHARE, low), high)
    if tau_s == high:
        why = f"{tau_s:.3g} s, the target"
    elif tau_s == low:
        why = f"{tau_s:.3g} s, the shortest worth its overhead of {overhead_s * 1000:.2g} ms"
    else:
        why = f"{tau_s:.3g} s, half of the {rest_s:.3g} s that the fleet needs for the rest"
    units = int(pace.rate * tau_s / unit_cost)
    why += f", at {pace.rate / unit_cost:.3g} units/s"
    return Size(max(1, min(units, limits.units_max)), tau_s, why)


def _probe(pace: Pace, hint_units: int, limits: Limits) -> Size:
    """A worker of unknown speed takes a fair share and works on it for a moment only."""
    share = pace.unassigned_units / (SHARE * max(pace.live_workers, 1))
    units = max(1, min(hint_units or int(share), limits.units_max))
    return Size(units, limits.probe_s, f"{limits.probe_s:.3g} s, to learn its speed")
