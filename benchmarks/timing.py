"""Interleaved runs by thread CPU time: what other work takes from us does not count."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

ROUNDS = 5


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
