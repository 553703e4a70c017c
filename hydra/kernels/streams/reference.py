"""The streams in NumPy: what the compiled `native` must equal, and what runs where it is missing.

Read native/streams.h and native/strict.h beside it; this file says the same with whole arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydra.errors import BadSetting
from hydra.kernels.streams import strict as strict
from hydra.kernels.streams.shishua import Shishua

Doubles = NDArray[np.float64]
Words64 = NDArray[np.uint64]

STREAM_TAG = 0x5354524D
INSTANCES = 2
STEP_WORDS = 32


def isas() -> tuple[str, ...]:
    """The one way this file computes."""
    return ("numpy",)


def select(name: str) -> str:
    """Returns "numpy"; raises BadSetting if something compiled was asked for."""
    if name not in ("", "numpy"):
        raise BadSetting(
            f"HYDRA_ISA must be empty, not {name[:64]!r}: the compiled streams are not installed",
            field="HYDRA_ISA",
        )
    return "numpy"


def fill(kind: str, out: NDArray[Any], seed: int, unit: int, isa: str = "") -> None:
    """Fill an array with the first of the stream's words, uniforms or normals."""
    words = words_of_units(seed, unit, 1, len(out))[0]
    out[:] = {"words": lambda w: w, "uniforms": uniforms, "normals": normals}[kind](words)


def words_of_units(seed: int, first_unit: int, many: int, count: int) -> Words64:
    """The first `count` words of each of `many` units, shape (many, count), side by side."""
    seeds = np.zeros((many, INSTANCES, 4), np.uint64)
    seeds[..., 0] = seed
    seeds[..., 1] = (np.arange(many, dtype=np.uint64) + np.uint64(first_unit))[:, np.newaxis]
    seeds[..., 2] = np.arange(STREAM_TAG, STREAM_TAG + INSTANCES, dtype=np.uint64)
    generator = Shishua(seeds)
    steps = np.empty((many, -(-count // STEP_WORDS), INSTANCES, 4, 4), np.uint64)
    for step in range(steps.shape[1]):
        generator.step()
        steps[:, step] = np.moveaxis(generator.output, 0, 2)
    return steps.reshape(many, -1)[:, :count]


def uniforms(words: Words64) -> Doubles:
    """Numbers of [0, 1) by the top 53 bits of each word."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(words: Words64) -> Doubles:
    """Standard normal numbers: the quantiles of the centres of 2^52 cells (AS 241)."""
    q = ((words >> np.uint64(12)).astype(np.float64) * 2.0**-52 - 0.5) + 2.0**-53
    found: Doubles = strict.quantile_middle(q)
    tail = np.flatnonzero(np.abs(q) > strict.MIDDLE)
    roots = np.sqrt(-log(0.5 - np.abs(q[tail])))
    with np.errstate(all="ignore"):  # each formula is evaluated beyond its range, too
        sides = np.where(roots <= 5.0, strict.quantile_near(roots), strict.quantile_far(roots))
    found[tail] = np.copysign(sides, q[tail])
    return found


def log(x: Doubles) -> Doubles:
    """The natural logarithm of positive, finite, normal numbers."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < strict.ROOT_HALF
    f = np.where(small, 2.0 * mantissa, mantissa) - 1.0
    found: Doubles = strict.log_of(f, (exponent - small).astype(np.float64))
    return found


def exp(x: Doubles) -> Doubles:
    """e^x for -700 <= x <= 700."""
    k = np.rint(x * strict.LOG2_E)
    found: Doubles = np.ldexp(strict.exp_of(x, k), k.astype(np.int32))
    return found
