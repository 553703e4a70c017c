"""The pi kernel's points from Philox4x32-10, in NumPy: equal to native/pi_philox.h."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words32 = NDArray[np.uint32]
Words64 = NDArray[np.uint64]

BLOCK_POINTS = 2**18
CALL_POINTS = 4
TAG = 0x48594452
CALLS_TOGETHER = 2**14
"""Calls computed side by side, so that the arrays stay in the cache."""

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
KEY_GAINS = 0x9E3779B9, 0xBB67AE85
ROUNDS = 10
MASK_32 = 0xFFFFFFFF
UNDECIDED_FROM, OUTSIDE_FROM = 65532, 65536


def philox4x32(key: int, counters: Words32) -> Words32:
    """Random words of a 64-bit key and counters of shape (4, many): Random123's Philox4x32-10."""
    words = counters.astype(np.uint64)
    half, low = np.uint64(32), np.uint64(MASK_32)
    for turn in range(ROUNDS):
        k0 = np.uint64((key + turn * KEY_GAINS[0]) & MASK_32)
        k1 = np.uint64(((key >> 32) + turn * KEY_GAINS[1]) & MASK_32)
        p0, p1 = MULTIPLIERS[0] * words[0], MULTIPLIERS[1] * words[2]
        words = np.stack(
            [(p1 >> half) ^ words[1] ^ k0, p1 & low, (p0 >> half) ^ words[3] ^ k1, p0 & low]
        )
    return words.astype(np.uint32)


def count_hits(seed: int, first_block: int, points: int) -> int:
    """Hits among `points` points of the stream from the start of `first_block` on."""
    outside = 0
    for start in range(0, points, CALLS_TOGETHER * CALL_POINTS):
        block, first = divmod(start, BLOCK_POINTS)
        many = min(CALLS_TOGETHER * CALL_POINTS, points - start)
        outside += _outside(seed, first_block + block, first, many)
    return points - outside


def _outside(seed: int, block: int, first: int, many: int) -> int:
    """Points outside the disc among `many` of a block, from the point `first` on."""
    calls = np.arange(first // CALL_POINTS, -(-(first + many) // CALL_POINTS))
    words = philox4x32(seed, _counters(calls, block, TAG)).T.reshape(-1)[:many]
    x, y = words & np.uint32(0xFFFF), words >> np.uint32(16)
    sums = (x * x >> np.uint32(16)) + (y * y >> np.uint32(16))
    outside = int(np.count_nonzero(sums >= OUTSIDE_FROM))
    for at in np.flatnonzero((sums >= UNDECIDED_FROM) & (sums < OUTSIDE_FROM)).tolist():
        outside += is_outside(seed, block, first + at, int(words[at]))
    return outside


def is_outside(seed: int, block: int, index: int, word: int) -> bool:
    """The exact test of one point, in Python's integers: whether X^2 + Y^2 >= (2^48)^2."""
    low = philox4x32(seed, _counters(np.array([index]), block, TAG + 1))
    x = (word & 0xFFFF) << 32 | int(low[0, 0])
    y = (word >> 16) << 32 | int(low[1, 0])
    return x * x + y * y >= 2**96


def _counters(first: NDArray[np.int64], block: int, tag: int) -> Words32:
    counters = np.empty((4, len(first)), np.uint32)
    counters[0] = first
    counters[1:, :] = np.array([block & MASK_32, block >> 32, tag], np.uint32)[:, np.newaxis]
    return counters
