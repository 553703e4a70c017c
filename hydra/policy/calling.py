"""How often a worker calls the store: as often as is useful while the fleet is small.

A store can take a limited number of calls a second, and in a large fleet the workers share them. So
the time between heartbeats, the shortest chunk and the time between two looks of an idle worker all
grow with the fleet, each from a bound of its own. With one interval for fleets of every size, the
end of a job would flood the store with calls. A lease lasts three beats, so a large fleet learns
later that a worker is dead, and its last chunks are longer.
"""

from __future__ import annotations


def call_interval_s(live_workers: int, shortest_s: float, calls_per_s_max: float) -> float:
    """Seconds between two calls of one worker."""
    return max(shortest_s, live_workers / calls_per_s_max)


SHIFT_END_CALLS = 25.0
"""Round trips that the end of a shift and the beginning of the next take RQ, one after another."""

SHIFT_END_SHARE = 0.02
"""The end should take this share of a shift at most."""

SHIFT_S_MAX = 240.0
"""Longest shift: then RQ looks after its worker again."""


def shift_s(wanted_s: float, round_trip_s: float) -> float:
    """How long a shift lasts over such a link, if `wanted_s` is right where calls are quick.

    No longer than nothing if nothing is wanted: then a shift is one claim.
    """
    worth_s = SHIFT_END_CALLS * round_trip_s / SHIFT_END_SHARE
    return max(wanted_s, min(worth_s, SHIFT_S_MAX)) if wanted_s > 0 else wanted_s


BEAT_S_MIN = 0.5
"""Shortest beat of a short chunk: three are a lease, and processes do stall for a moment."""


def beat_of_s(tau_s: float, beat_s: float) -> float:
    """The beat of a chunk planned to last `tau_s`, where longer ones beat every `beat_s`.

    The end of a short chunk shows as well that its holder lives, so its lease may run out sooner
    at no more calls: most losses that a job waits for at its end are of such chunks.
    """
    return min(beat_s, max(tau_s, BEAT_S_MIN))
