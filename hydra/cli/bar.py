"""A job's progress on one line of a terminal: share, rate, time left."""

from __future__ import annotations

import math
import shutil
import sys
from typing import Any

from hydra.clock import Clock, SystemClock

WIDTH = 20
SMOOTH_S = 3.0
LOOK_S = 0.25
LONG_LOOK_S = 25.0
"""For when nobody sees the bar: ask rarely; the scheduler answers at the job's end anyway."""


class Bar:
    """The bar on stderr; where stderr is no terminal it shows nothing."""

    def __init__(self, shape: dict[str, Any], clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._shown = sys.stderr.isatty()
        self._rate = 0.0
        self._seen_s = self._clock.monotonic_s()
        self._seen_units = int(shape["done_units"])
        self._scale = int(shape["unit_holds"]["count"])
        self._noun = str(shape["unit_holds"]["noun"])

    def every_s(self, every_look: bool) -> float:
        """How often to look at the job."""
        return LOOK_S if self._shown or every_look else LONG_LOOK_S

    def show(self, shape: dict[str, Any]) -> None:
        """Draw the job as it is now."""
        if self._shown:
            self.measure(int(shape["done_units"]))
            line = self.line(shape)[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def line(self, shape: dict[str, Any]) -> str:
        """The bar as text."""
        full = int(shape["progress"] * WIDTH)
        bar = "#" * full + "-" * (WIDTH - full)
        text = f"[{bar}] {math.floor(shape['progress'] * 1000) / 10:5.1f} %"
        if self._rate > 0:
            text += f"  {self._rate * self._scale:.2e} {self._noun}/s"
        if eta := shape.get("eta_s"):
            low, middle, high = (_duration(eta[part]) for part in ("p10", "p50", "p90"))
            text += f"  {middle} left" + (f" ({low} to {high})" if low != high else "")
        return text

    def measure(self, units: int) -> None:
        """Note how far the job is now."""
        now_s = self._clock.monotonic_s()
        passed_s = now_s - self._seen_s
        if passed_s <= 0 or units == self._seen_units:
            return
        fresh = (units - self._seen_units) / passed_s
        weight = 1 - math.exp(-passed_s / SMOOTH_S) if self._rate else 1.0
        self._rate += (fresh - self._rate) * weight
        self._seen_s, self._seen_units = now_s, units


def _duration(seconds: float) -> str:
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes}:{rest:02d} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d} h"
