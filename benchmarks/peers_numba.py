"""Points and escape counts in numba, from idiomatic to expert; peers_numpy.py says what they owe.

Importing this raises ImportError where numba is not installed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

LANES, DEEP = 64, 8
"""Generators side by side, and words that each makes before they are used: they fit a cache."""

BAILOUT_SQUARE = 65536.0
MARGIN = 1 - 1e-12


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


@njit
def _turn(word: Any, bits: int) -> Any:
    return (word << np.uint32(bits)) | (word >> np.uint32(32 - bits))


@njit
def _lanes(points: int, state: Any) -> Any:
    """Bob Jenkins's small generator in each lane; loops over lanes become vectors."""
    words = np.empty((DEEP, LANES), np.uint32)
    radius_square = np.float32(2.0**62)
    hits = 0
    for _ in range(points // (DEEP // 2 * LANES)):
        for lane in range(LANES):
            a, b = state[0, lane], state[1, lane]
            c, d = state[2, lane], state[3, lane]
            for n in range(DEEP):
                e = np.uint32(a - _turn(b, 27))
                a = np.uint32(b ^ _turn(c, 17))
                b = np.uint32(c + d)
                c = np.uint32(d + e)
                d = np.uint32(e + a)
                words[n, lane] = d
            state[0, lane], state[1, lane] = a, b
            state[2, lane], state[3, lane] = c, d
        for n in range(0, DEEP, 2):
            for lane in range(LANES):
                x = np.float32(np.int32(words[n, lane]))
                y = np.float32(np.int32(words[n + 1, lane]))
                hits += np.int64(x * x + y * y < radius_square)
    return hits


def in_lanes(points: int) -> int:
    """An expert's: `_lanes` from random states."""
    state = np.random.default_rng(1).integers(0, 2**32, (4, LANES), dtype=np.uint32)
    return int(_lanes(points, state))


@njit
def plain(xs: Any, ys: Any, iterations: int) -> Any:
    counts = np.zeros(xs.size, np.uint32)
    for at in range(xs.size):
        cx, cy, x, y = xs[at], ys[at], 0.0, 0.0
        for n in range(1, iterations + 1):
            x2, y2, xy = x * x, y * y, x * y
            x, y = x2 - y2 + cx, xy + xy + cy
            if x * x + y * y > BAILOUT_SQUARE:
                counts[at] = n
                break
    return counts


@njit
def with_checks(xs: Any, ys: Any, iterations: int) -> Any:
    counts = np.zeros(xs.size, np.uint32)
    for at in range(xs.size):
        cx, cy, x, y = xs[at], ys[at], 0.0, 0.0
        left, square = cx - 0.25, cy * cy
        q = left * left + square
        if q * (q + left) < 0.25 * square * MARGIN:
            continue
        if (cx + 1.0) * (cx + 1.0) + square < 0.0625 * MARGIN:
            continue
        kept_x, kept_y, keep_at = 1e300, 0.0, 8
        for n in range(1, iterations + 1):
            x2, y2, xy = x * x, y * y, x * y
            x, y = x2 - y2 + cx, xy + xy + cy
            if x * x + y * y > BAILOUT_SQUARE:
                counts[at] = n
                break
            if x == kept_x and y == kept_y:
                break
            if n == keep_at:
                kept_x, kept_y, keep_at = x, y, 2 * keep_at
    return counts
