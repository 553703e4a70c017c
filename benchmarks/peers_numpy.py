"""Points and escape counts in NumPy, each as well as we could make it go.

Points are a peer's own; how many hit is checked to be near what pi makes them. Escape counts take
the pixels' coordinates and give native/mandel_point.h's counts, 0 for inside; they are compared.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CHUNK_POINTS = 2**15
"""Points of one call: small enough for the first caches, and fast because of it."""

CHUNK_PIXELS = 2**16
"""Pixels of one loop: few enough for the second cache, enough to hide the calls."""

BAILOUT_SQUARE = 65536.0
MARGIN = 1 - 1e-12
BURST = 16


def hits_in_chunks(points: int) -> int:
    """As most would write it: doubles of the default generator, in place."""
    rng, xy = np.random.default_rng(1), np.empty((2, CHUNK_POINTS))
    hits = 0
    for _ in range(points // CHUNK_POINTS):
        rng.random(out=xy)
        np.multiply(xy, xy, out=xy)
        np.add(xy[0], xy[1], out=xy[0])
        hits += np.count_nonzero(xy[0] <= 1)
    return int(hits)


def hits_of_words(points: int) -> int:
    """The fastest that we could make NumPy go: raw words, two 32-bit coordinates in each."""
    bits = np.random.SFC64(1)
    xy = np.empty(2 * CHUNK_POINTS, np.float32)
    hits = 0
    for _ in range(points // CHUNK_POINTS):
        xy[:] = bits.random_raw(CHUNK_POINTS).view(np.int32)
        np.multiply(xy, xy, out=xy)
        hits += np.count_nonzero(xy[:CHUNK_POINTS] + xy[CHUNK_POINTS:] <= 2.0**62)
    return int(hits)


def counts_of_complex(xs: Any, ys: Any, iterations: int) -> Any:
    """As most would write it: complex numbers; those that have escaped leave the arrays.

    NumPy's complex product rounds in its own way, so about one count in a hundred differs.
    """
    counts = np.zeros(xs.size, np.uint32)
    with np.errstate(all="ignore"):
        for first in range(0, xs.size, CHUNK_PIXELS):
            c = xs[first : first + CHUNK_PIXELS] + 1j * ys[first : first + CHUNK_PIXELS]
            z, where = np.zeros_like(c), np.arange(first, first + c.size)
            for n in range(1, iterations + 1):
                z = z * z + c
                stays = z.real * z.real + z.imag * z.imag <= BAILOUT_SQUARE
                if not stays.all():
                    counts[where[~stays]] = n
                    z, c, where = z[stays], c[stays], where[stays]
                    if not where.size:
                        break
    return counts


def counts_in_bursts(xs: Any, ys: Any, iterations: int) -> Any:
    """With Hydra's own ideas: bursts without a test, and the cardioid and the disc left out."""
    counts = np.zeros(xs.size, np.uint32)
    with np.errstate(all="ignore"):
        for first in range(0, xs.size, CHUNK_PIXELS):
            cx, cy = xs[first : first + CHUNK_PIXELS], ys[first : first + CHUNK_PIXELS]
            goes = ~_stays(cx, cy)
            where, cx, cy = np.arange(first, first + cx.size)[goes], cx[goes], cy[goes]
            x, y = np.zeros((2, where.size))
            done = 0
            while done < iterations and where.size:
                many = min(BURST, iterations - done)
                before = x.copy(), y.copy()
                _run(x, y, cx, cy, many)
                stays = x * x + y * y <= BAILOUT_SQUARE
                if not stays.all():
                    gone = ~stays
                    begun = (each[gone] for each in (*before, cx, cy))
                    counts[where[gone]] = done + _counted(*begun, many)
                    where, x, y, cx, cy = (each[stays] for each in (where, x, y, cx, cy))
                done += many
    return counts


def _stays(cx: Any, cy: Any) -> Any:
    left, square = cx - 0.25, cy * cy
    q = left * left + square
    disc = (cx + 1.0) * (cx + 1.0) + square
    return (q * (q + left) < 0.25 * square * MARGIN) | (disc < 0.0625 * MARGIN)


def _run(x: Any, y: Any, cx: Any, cy: Any, many: int) -> None:
    """So many iterations, in place."""
    x2, y2, t = np.empty((3, x.size))
    for _ in range(many):
        np.multiply(x, x, out=x2)
        np.multiply(y, y, out=y2)
        np.multiply(x, y, out=t)
        np.subtract(x2, y2, out=x)
        np.add(x, cx, out=x)
        np.add(t, t, out=t)
        np.add(t, cy, out=y)


def _counted(x: Any, y: Any, cx: Any, cy: Any, many: int) -> Any:
    """The iteration, from 1, at which each escapes; all do so within `many`."""
    counts = np.ones(x.size, np.uint32)
    inside = np.ones(x.size, bool)
    for _ in range(many):
        _run(x, y, cx, cy, 1)
        inside &= x * x + y * y <= BAILOUT_SQUARE
        counts += inside
    return counts
