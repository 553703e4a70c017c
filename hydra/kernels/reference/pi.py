"""The pi kernel in NumPy: what the compiled one must equal, and what runs where it is missing.

Read native/pi_block.h and native/pi_count.h beside it; this file says the same with whole arrays.
Many blocks are computed side by side, at about 1 % of the compiled speed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hydra.errors import BadSetting
from hydra.kernels.reference import pi_philox
from hydra.kernels.streams.shishua import GOLDEN_RATIO, Shishua

__all__ = ["GOLDEN_RATIO", "Shishua", "count_hits", "is_outside", "isas", "select"]

Words64 = NDArray[np.uint64]
Words16 = NDArray[np.uint16]

BLOCK_POINTS = 2**18
STEP_POINTS = 64
INSTANCES = 2

BLOCKS_TOGETHER = 64
"""Blocks computed side by side: enough to hide NumPy's cost per call, few enough for the cache."""

STEPS_TOGETHER = 16
"""Generator steps between two looks at the points; divides a block's 4096 steps."""

INSTANCE_TAG = 0x48594452

UNDECIDED_FROM, OUTSIDE_FROM = 65532, 65536
MASK_64 = 2**64 - 1


def isas() -> tuple[str, ...]:
    """The one way this file computes."""
    return ("numpy",)


def select(name: str) -> str:
    """Returns "numpy"; raises BadSetting if something compiled was asked for."""
    if name not in ("", "numpy"):
        raise BadSetting(
            f"HYDRA_ISA must be empty, not {name[:64]!r}: the compiled pi kernel is not installed",
            field="HYDRA_ISA",
        )
    return "numpy"


def bound_points_s(isa: str = "") -> float:
    """0 whatever the name: what bounds NumPy is not counted."""
    return 0.0


def count_hits(seed: int, first_block: int, points: int, generator: str = "shishua") -> int:
    """Hits among `points` points of the stream from the start of `first_block` on."""
    if generator == "philox":
        return pi_philox.count_hits(seed, first_block, points)
    if generator != "shishua":
        raise ValueError(f"no generator {generator[:64]!r}")
    whole, rest = divmod(points, BLOCK_POINTS)
    hits = 0
    for done in range(0, whole, BLOCKS_TOGETHER):
        many = min(BLOCKS_TOGETHER, whole - done)
        hits += _count(seed, first_block + done, many, BLOCK_POINTS)
    if rest:
        hits += _count(seed, first_block + whole, 1, rest)
    return hits


def _count(seed: int, first_block: int, many: int, points: int) -> int:
    """Hits among the first `points` points of each of `many` blocks."""
    generator = Shishua(_seed_words(seed, first_block, many))
    steps = np.empty((many, STEPS_TOGETHER, INSTANCES, 4, 4), np.uint64)
    outside = 0
    for first in range(0, points, STEPS_TOGETHER * STEP_POINTS):
        for step in range(STEPS_TOGETHER):
            generator.step()
            steps[:, step] = np.moveaxis(generator.output, 0, 2)
        # (block, step, instance, row, lane): rows 0 and 2 are X words, 1 and 3 Y words, so each of
        # the two arrays is in the order of the point index.
        words = steps.view(np.uint16)
        x = words[:, :, :, 0::2].reshape(many, -1)[:, : points - first]
        y = words[:, :, :, 1::2].reshape(many, -1)[:, : points - first]
        outside += _outside(seed, first_block, first, x, y)
    return many * points - outside


def _seed_words(seed: int, first_block: int, many: int) -> Words64:
    """The 256-bit seeds, shape (many, instances, 4)."""
    seeds = np.zeros((many, INSTANCES, 4), np.uint64)
    seeds[..., 0] = seed
    seeds[..., 1] = np.arange(first_block, first_block + many, dtype=np.uint64)[:, np.newaxis]
    seeds[..., 2] = np.arange(INSTANCE_TAG, INSTANCE_TAG + INSTANCES, dtype=np.uint64)
    return seeds


def _outside(seed: int, first_block: int, first: int, x: Words16, y: Words16) -> int:
    """Points outside, given the words of points `first`.. of each block; shapes (blocks, points).

    The high halves of the squares decide nearly all. A sum of 65536 is outside and one below 65532
    inside whatever the low bits are; between them the exact test decides.
    """
    sums = _high_square(x) + _high_square(y)
    outside = int(np.count_nonzero(sums >= OUTSIDE_FROM))
    undecided = (sums >= UNDECIDED_FROM) & (sums < OUTSIDE_FROM)
    for block, point in np.argwhere(undecided).tolist():
        outside += is_outside(
            seed, first_block + block, first + point, int(x[block, point]), int(y[block, point])
        )
    return outside


def _high_square(words: Words16) -> NDArray[np.uint32]:
    wide = words.astype(np.uint32)
    return (wide * wide) >> np.uint32(16)


def is_outside(seed: int, block: int, index: int, x_word: int, y_word: int) -> bool:
    """The exact test of one point, in Python's integers: whether X^2 + Y^2 >= (2^48)^2."""
    block_key = _mix(seed + 0x9E3779B97F4A7C15 * (block + 1))
    low = _mix(block_key ^ (0xD1B54A32D192ED03 * (index + 1) & MASK_64))
    x = x_word << 32 | low & 0xFFFFFFFF
    y = y_word << 32 | low >> 32
    return x * x + y * y >= 2**96


def _mix(z: int) -> int:
    """SplitMix64's finalizer."""
    z &= MASK_64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK_64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK_64
    return z ^ z >> 31
