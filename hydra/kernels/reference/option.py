"""The option kernel in NumPy: what the compiled `native.option` must equal, and its fallback.

Read native/option.h beside it; this file says the same with whole arrays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hydra.kernels.streams import reference as streams
from hydra.kernels.streams.reference import isas, select

__all__ = ["isas", "select", "sum_payoffs"]

ONE = 2.0**31
GAIN_LIMBS, SQUARE_LIMBS = 3, 4
HALF_BITS = 26
UNITS_TOGETHER = 16
"""Units drawn side by side: 8 MiB of words, and NumPy's cost per call hardly shows."""

BATCH = 256
"""Draws whose squares' halves are added in 64 bits without overflow."""


def sum_payoffs(
    contract: tuple[float, float, float, bool, bool],
    seed: int,
    first_unit: int,
    draws: int,
    unit_draws: int,
    isa: str = "",
) -> list[int]:
    """The digits of the sums of `draws` draws from the start of `first_unit` on, unit by unit."""
    totals = [0] * (GAIN_LIMBS + SQUARE_LIMBS)
    whole, rest = divmod(draws, unit_draws)
    groups = [
        (first, min(UNITS_TOGETHER, whole - first), unit_draws)
        for first in range(0, whole, UNITS_TOGETHER)
    ]
    if rest:
        groups.append((whole, 1, rest))
    for first, many, count in groups:
        for words in streams.words_of_units(seed, first_unit + first, many, count):
            gain, square = _sums(payoffs(contract, streams.normals(words)))
            digits = [gain >> 32 * i & 0xFFFFFFFF for i in range(GAIN_LIMBS)]
            digits += [square >> 32 * i & 0xFFFFFFFF for i in range(SQUARE_LIMBS)]
            totals = [a + b for a, b in zip(totals, digits)]
    return totals


def payoffs(
    contract: tuple[float, float, float, bool, bool], z: NDArray[np.float64]
) -> NDArray[np.int64]:
    """What each draw pays, in units of 2^-31 of the scale."""
    *_, mirrored = contract
    paid = _payoff(contract, z)
    return paid + _payoff(contract, -z) if mirrored else paid


def _payoff(
    contract: tuple[float, float, float, bool, bool], z: NDArray[np.float64]
) -> NDArray[np.int64]:
    spread, spot, strike, put, _ = contract
    ends = spot * streams.exp(spread * z - 0.5 * spread * spread)
    gain = strike - ends if put else ends - strike
    return np.rint(np.maximum(gain, 0.0) * ONE).astype(np.int64)


def _sums(paid: NDArray[np.int64]) -> tuple[int, int]:
    """The sum and the sum of squares, exact."""
    low, high = paid & (2**HALF_BITS - 1), paid >> HALF_BITS
    starts = np.arange(0, len(paid), BATCH)
    parts = [np.add.reduceat(part, starts) for part in (paid, low * low, low * high, high * high)]
    gain, low_low, low_high, high_high = (sum(part.tolist()) for part in parts)
    square = low_low + (low_high << HALF_BITS + 1) + (high_high << 2 * HALF_BITS)
    return gain, square
