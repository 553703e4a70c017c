"""Interleaved runs by thread CPU time: what other work takes from us does not count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from hydra.kernels.builtin import pi
from hydra.model import Span

ROUNDS = 5
PI_UNITS = 4000


def timed_s(work: Callable[[], object]) -> float:
    """CPU time of this thread that the work takes."""
    begun_s = time.thread_time()
    work()
    return time.thread_time() - begun_s


def in_turn(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each, run in turn again and again; `rounds` 0 is the usual number."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds or ROUNDS):
        for name, work in works.items():
            found[name].append(timed_s(work))
    return found


def pi_units_s() -> float:
    """What one core computes of pi in a second of its own time, measured for a moment."""
    params = {"samples": PI_UNITS * pi.UNIT_POINTS, "seed": 1}
    return PI_UNITS / min(timed_s(lambda: pi.run(params, Span(0, PI_UNITS))) for _ in range(5))
