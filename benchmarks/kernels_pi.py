"""Points a second of the pi kernel, by instruction set, beside NumPy and numba."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from functools import partial

from benchmarks import peers_numpy
from benchmarks.report import Rows
from benchmarks.timing import in_turn, timed_s

SAMPLE_S = 0.25
"""CPU time of one sample, roughly."""

UNIT_POINTS = 2**18
FAR_FROM_PI = 0.01

Count = Callable[[int], int]
"""Throws so many points; how many hit."""


def measure(rows: Rows, rounds: int, only: str) -> dict[str, float]:
    """The table; points a second by name, and by "bound, ISA" those that the ports allow."""
    throws = {name: each for name, each in _throws(rows).items() if only.lower() in name.lower()}
    points = {name: _enough(throw) for name, throw in throws.items()}
    for name, throw in throws.items():
        estimate = 4 * throw(points[name]) / points[name]
        if abs(estimate - math.pi) > FAR_FROM_PI:
            rows.note(f"{name}: {estimate} is not pi")
    runs = in_turn({name: partial(each, points[name]) for name, each in throws.items()}, rounds)
    bounds = _bounds()
    medians = {name: points[name] / statistics.median(found) for name, found in runs.items()}
    for name, found in runs.items():
        bound = bounds.get(name, 0.0)
        rows.add(
            "Pi, one thread, points by thread CPU time",
            implementation=name,
            mpoints_s=medians[name] / 1e6,
            best_mpoints_s=points[name] / min(found) / 1e6,
            fastest_is_times=max(medians.values()) / medians[name],
            of_bound_percent=100 * medians[name] / bound if bound else "",
            runs=len(found),
        )
    of_bound = {
        f"{name}, of bound": medians[name] / bound
        for name, bound in bounds.items()
        if name in medians
    }
    return medians | of_bound


def _bounds() -> dict[str, float]:
    try:
        from hydra.kernels.native import pi as compiled
    except ImportError:
        return {}
    found = {f"Hydra, {isa}": compiled.bound_points_s(isa) for isa in compiled.isas()}
    return {name: bound for name, bound in found.items() if bound}


def _throws(rows: Rows) -> dict[str, Count]:
    throws: dict[str, Count] = {}
    try:
        from hydra.kernels.native import pi as compiled
    except ImportError:
        rows.note("the pi kernel is not compiled here")
    else:
        for generator in ("shishua", "philox"):
            for isa in reversed(compiled.isas()):
                name = f"Hydra, {isa}" + (", philox" if generator == "philox" else "")
                throws[name] = lambda points, isa=isa, generator=generator: compiled.count_hits_as(
                    isa, 1, 0, points, generator
                )
    from hydra.kernels.reference import pi as reference

    throws["Hydra, NumPy edition"] = lambda points: reference.count_hits(1, 0, points)
    throws["NumPy, default_rng in chunks"] = peers_numpy.hits_in_chunks
    throws["NumPy, SFC64 words as 32-bit floats"] = peers_numpy.hits_of_words
    try:
        from benchmarks import peers_numba
    except ImportError as error:
        rows.note(f"numba: not installed ({error})")
    else:
        throws["numba, np.random"] = peers_numba.idiomatic
        throws["numba, own xoroshiro128+"] = peers_numba.own_generator
        throws["numba expert, 64 lanes of JSF32"] = peers_numba.in_lanes
    return throws


def _enough(throw: Count) -> int:
    """So many points that one sample lasts long enough to be timed; also warms up."""
    points = 4 * UNIT_POINTS
    throw(points)
    while (took_s := timed_s(partial(throw, points))) < SAMPLE_S / 2:
        points *= 2
    return max(1, round(points * SAMPLE_S / took_s / UNIT_POINTS)) * UNIT_POINTS
