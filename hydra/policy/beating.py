"""How often a worker shows that it lives.

Every second while the fleet is small; slower when so many beats would burden the store. A lease
lasts three beats, so this is also how soon a dead worker's span is free again.
"""

from __future__ import annotations


def beat_s(live_workers: int, shortest_s: float, beats_per_s_max: float) -> float:
    """Seconds between the heartbeats of one worker."""
    return max(shortest_s, live_workers / beats_per_s_max)
