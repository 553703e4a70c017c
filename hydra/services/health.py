"""Health: what must hold for Hydra's promises, and whether it does now."""

from __future__ import annotations

import math

from hydra.errors import Unavailable
from hydra.model import Check
from hydra.model.limits import REAPER_LATE_MS
from hydra.services import Hydra

PASSES_LATE = 3
"""A reaper that misses so many passes counts as missing, however long its interval is."""


def health(h: Hydra) -> list[Check]:
    """One check a line; the first one that fails is why the system is not ready."""
    try:
        return [*h.store.vitals.health(), _reaper(h)]
    except Unavailable as error:
        return [Check("store", False, error.sentence)]


def _reaper(h: Hydra) -> Check:
    ago_ms = h.store.vitals.since_tick_ms()
    if math.isinf(ago_ms):
        return Check("reaper", False, "no reaper has ever passed; start hydra reaper")
    late_ms = max(REAPER_LATE_MS, PASSES_LATE * h.settings.reap_seconds * 1000)
    return Check("reaper", ago_ms <= late_ms, f"passed {ago_ms / 1000:.1f} s ago")
