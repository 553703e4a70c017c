"""Points a second of the pi kernel, by instruction set, beside NumPy and numba.

Thread CPU time, since the machine is shared: what other work takes from us does not count. One
thread each. The rivals throw their own points; the estimate of each is checked to be near pi.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bench.report import Rows

ROUNDS = 5
SAMPLE_S = 0.25
"""CPU time of one sample; what is asked for grows until it lasts this long."""

CHUNK_POINTS = 2**15
"""Points of one NumPy call: small enough for the first caches, and fast because of it."""

BLOCK_POINTS = 2**18
FAR_FROM_PI = 0.01

Count = Callable[[int], int]
"""Throws so many points; how many hit."""


def measure(rows: Rows, rounds: int, only: str) -> None:
    """All in turn, again and again; ratios are of medians."""
    throws = {name: throw for name, throw in _throws(rows).items() if only.lower() in name.lower()}
    points = {name: _enough(throw) for name, throw in throws.items()}
    found: dict[str, list[float]] = {name: [] for name in throws}
    for _ in range(rounds or ROUNDS):
        for name, throw in throws.items():
            cpu_s, hits = _timed(throw, points[name])
            found[name].append(points[name] / cpu_s)
            if abs(4 * hits / points[name] - np.pi) > FAR_FROM_PI:
                rows.note(f"{name}: {4 * hits / points[name]} is not pi")
    fastest = max(statistics.median(each) for each in found.values())
    for name, rates in found.items():
        median = statistics.median(rates)
        rows.add("Pi, one thread, points by thread CPU time", implementation=name,
                 mpoints_s=median / 1e6, best_mpoints_s=max(rates) / 1e6,
                 fastest_is_times=fastest / median, runs=len(rates))


def _throws(rows: Rows) -> dict[str, Count]:
    throws: dict[str, Count] = {}
    try:
        from hydra.kernels import _pi
    except ImportError:
        rows.note("the kernel is not compiled here")
    else:
        for isa in reversed(_pi.isas()):
            throws[f"Hydra, {isa}"] = lambda points, isa=isa: _pi.count_hits_as(isa, 1, 0, points)
    from hydra.kernels import _pi_reference

    throws["Hydra, NumPy fallback"] = lambda points: _pi_reference.count_hits(1, 0, points)
    throws["NumPy, default_rng in chunks"] = _numpy_chunks
    throws["NumPy, SFC64 words as 32-bit floats"] = _numpy_words
    try:
        throws |= _numba()
    except ImportError as error:
        rows.note(f"numba: not installed ({error})")
    return throws


def _timed(throw: Count, points: int) -> tuple[float, int]:
    begun_s = time.thread_time()
    hits = throw(points)
    return time.thread_time() - begun_s, hits


def _enough(throw: Count) -> int:
    """So many points that one sample lasts long enough to be timed; also warms up."""
    points = 4 * BLOCK_POINTS
    throw(points)
    while (took_s := _timed(throw, points)[0]) < SAMPLE_S / 2:
        points *= 2
    return max(1, round(points * SAMPLE_S / took_s / BLOCK_POINTS)) * BLOCK_POINTS


def _numpy_chunks(points: int) -> int:
    rng, xy = np.random.default_rng(1), np.empty((2, CHUNK_POINTS))
    hits = 0
    for _ in range(points // CHUNK_POINTS):
        rng.random(out=xy)
        np.multiply(xy, xy, out=xy)
        np.add(xy[0], xy[1], out=xy[0])
        hits += np.count_nonzero(xy[0] <= 1)
    return int(hits)


def _numpy_words(points: int) -> int:
    """The fastest that we could make NumPy go: raw words, two 32-bit coordinates in each."""
    bits = np.random.SFC64(1)
    xy = np.empty(2 * CHUNK_POINTS, np.float32)
    hits = 0
    for _ in range(points // CHUNK_POINTS):
        xy[:] = bits.random_raw(CHUNK_POINTS).view(np.int32)
        np.multiply(xy, xy, out=xy)
        hits += np.count_nonzero(xy[:CHUNK_POINTS] + xy[CHUNK_POINTS:] <= 2.0**62)
    return int(hits)


def _numba() -> dict[str, Count]:
    from numba import njit

    @njit
    def idiomatic(points: int) -> Any:
        hits = 0
        for _ in range(points):
            x, y = np.random.random(), np.random.random()
            if x * x + y * y <= 1:
                hits += 1
        return hits

    @njit
    def own_generator(points: int) -> Any:
        a, b = np.uint64(0x9E3779B97F4A7C15), np.uint64(0x1234567812345678)
        hits = 0
        for _ in range(points):
            word = a + b
            b ^= a
            a = ((a << np.uint64(24)) | (a >> np.uint64(40))) ^ b ^ (b << np.uint64(16))
            b = (b << np.uint64(37)) | (b >> np.uint64(27))
            x = float(word >> np.uint64(32)) * 2.0**-32
            y = float(word & np.uint64(0xFFFFFFFF)) * 2.0**-32
            if x * x + y * y <= 1:
                hits += 1
        return hits

    return {"numba, np.random": idiomatic, "numba, own xoroshiro128+": own_generator}
