"""Random numbers addressed by (seed, unit), for any kernel, with the same bits on every machine.

One line draws them::

    from hydra.kernels.streams import normals, uniforms, words

    u = uniforms(seed, unit, 65536)     # float64 of [0, 1), 53 bits each
    z = normals(seed, unit, 65536)      # standard normal

Element i is made of word i of the stream of (seed, unit), whatever the count, so take one of the
three for a unit, or cut one array in parts. A stream is SHISHUA in the blocks of the pi kernel but
with a tag of its own, so it never meets pi's points: native/streams.h says exactly which word is
which. Any unit can be drawn alone, compiled or in NumPy, on any instruction set.

Compiled kernels draw from the same streams by `from hydra.kernels.streams cimport ...`; the
functions are in `__init__.pxd`, and `build_options` compiles them. `exp`, `log` and `normal_cdf`
stand in for libm, whose last bit differs between machines. This module loads NumPy only when an
array is drawn.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.errors import BadParam
from hydra.kernels.streams.strict import exp, log, normal_cdf

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "COUNT_MAX",
    "build_options",
    "exp",
    "log",
    "normal_cdf",
    "normals",
    "uniforms",
    "words",
]

ADDRESS_MAX = 2**64 - 1
"""Largest seed, and largest unit."""

COUNT_MAX = 2**27
"""Most numbers that one call draws: 1 GiB of them. A unit should need far fewer."""


def words(seed: int, unit: int, count: int) -> NDArray[np.uint64]:
    """The first `count` words of 64 random bits of the stream of (seed, unit).

    Raises BadParam naming seed, unit or count.
    """
    return _draw("words", "uint64", seed, unit, count)


def uniforms(seed: int, unit: int, count: int) -> NDArray[np.float64]:
    """Uniform numbers of [0, 1): k / 2^53, where k is the top 53 bits of each word.

    Raises BadParam naming seed, unit or count.
    """
    return _draw("uniforms", "float64", seed, unit, count)


def normals(seed: int, unit: int, count: int) -> NDArray[np.float64]:
    """Standard normal numbers: the quantile of (k + 1/2) / 2^52, k the top 52 bits of each word.

    To about 1e-15 of their size (AS 241 in strict double arithmetic), none beyond 8.21. Raises
    BadParam naming seed, unit or count.
    """
    return _draw("normals", "float64", seed, unit, count)


def _draw(kind: str, dtype: str, seed: int, unit: int, count: int) -> NDArray[Any]:
    """Numbers of one kind, shape (count,); raises BadParam for what addresses no stream."""
    import numpy as np  # a work-horse that draws nothing should not pay 100 ms for it

    for name, value, high in (
        ("seed", seed, ADDRESS_MAX),
        ("unit", unit, ADDRESS_MAX),
        ("count", count, COUNT_MAX),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
            raise BadParam(
                f"{name} must be a whole number from 0 to {high}, not {value!r:.64}", field=name
            )
    out = np.empty(count, dtype)
    backend().fill(kind, out, seed, unit)
    return out


def backend() -> Any:
    """What draws here, compiled or NumPy, on the instruction set that HYDRA_ISA names.

    Raises BadSetting if this processor does not run that.
    """
    global _backend
    if _backend is None:
        try:
            from hydra.kernels.streams import native as found
        except ImportError:  # not compiled here: the same numbers, slowly
            from hydra.kernels.streams import reference as found  # type: ignore[no-redef]
        found.select(os.environ.get("HYDRA_ISA", ""))
        _backend = found
    return _backend


_backend: Any = None


def build_options() -> dict[str, list[str]]:
    """Keyword arguments for setuptools' Extension: include folder and compiler flags.

    Without the flags a compiler may fuse multiplications and additions, which changes last bits on
    some machines and not on others.
    """
    flags = ["-O3", "-ffp-contract=off", "-DHYDRA_FP_CONTRACT_OFF", "-fno-math-errno"]
    return {
        "include_dirs": [str(Path(__file__).parent.parent / "native")],
        "extra_compile_args": [*flags, "-fno-trapping-math"],
    }
