"""Pi by throwing points: the share of random points of a square that fall in its quarter disc.

A unit is a block of 2^18 points whose coordinates are a pure function of (seed, block), so any
worker computes any block and the sum is the same. The points are those of native/pi_block.h,
or of native/pi_philox.h for whoever wants a second opinion.

This is the smallest kernel there is; to write another, copy this file.
"""

from __future__ import annotations

import math
import os
from typing import Any

from hydra.errors import BadSpan
from hydra.kernels import Estimate, Param, add_sums
from hydra.model import Params, Span, Sums

try:
    from hydra.kernels.native.pi import bound_points_s, count_hits, select
except ImportError:  # not compiled here: the same counts, slowly
    from hydra.kernels.reference.pi import bound_points_s, count_hits, select

VERSION = 1

UNIT_POINTS = 2**18

PARAMS = {
    "samples": Param(int, 10**9, 1, 10**18, "how many points to throw"),
    "seed": Param(int, 1, 0, 2**64 - 1, "which points: another seed is another experiment"),
    "generator": Param(
        str,
        "shishua",
        choices=("shishua", "philox"),
        doc="where they come from; philox is slower, unrelated, and audits the other",
    ),
}

UNIT_HOLDS = (UNIT_POINTS, "points")

PRESETS: dict[str, Params] = {
    "a billion points": {"samples": 10**9},
    "a hundred billion": {"samples": 10**11},
    "a trillion": {"samples": 10**12},
}

SUMS = {"hits": (0, UNIT_POINTS)}

GOLDEN: list[tuple[Params, tuple[int, int], Sums]] = [
    ({"samples": 2_000_000, "seed": 1, "generator": "shishua"}, (0, 8), {"hits": 1569905}),
    ({"samples": 2_000_000, "seed": 1, "generator": "shishua"}, (3, 5), {"hits": 411081}),
    ({"samples": 1000, "seed": 7, "generator": "shishua"}, (0, 1), {"hits": 812}),
    (
        {"samples": 10**18, "seed": 2**64 - 1, "generator": "shishua"},
        (3_814_697_265_624, 3_814_697_265_625),
        {"hits": 205881},
    ),
    ({"samples": 2_000_000, "seed": 1, "generator": "philox"}, (0, 8), {"hits": 1571201}),
]
"""A small job with a remainder, its middle, a job of less than a unit, the far end of everything.
The counts were made by tests/kernels/golden/make_golden.c and make_philox.c."""

CI95_SIGMAS = 1.959963984540054
"""Half the width of the 95 % interval of a normal distribution, in standard errors."""

BACKEND = select(os.environ.get("HYDRA_ISA", ""))
"""What computes here: an instruction set, or "numpy"."""

merge = add_sums


def size(params: Params) -> int:
    """How many blocks hold the samples."""
    return -(-int(params["samples"]) // UNIT_POINTS)


def unit_cost(params: Params) -> float:
    """Philox takes about ten times as long for a block."""
    return 10.0 if params.get("generator") == "philox" else 1.0


def bound_units_s() -> float:
    """Units a second that this processor's vector units allow one core; 0 if nobody knows."""
    return bound_points_s() / UNIT_POINTS


def run(params: Params, span: Span) -> Sums:
    """Hits in a span of blocks; of the job's last block only the points that are left count.

    Raises BadSpan if the span is empty or reaches outside the job.
    """
    if not 0 <= span.start < span.stop <= size(params):
        raise BadSpan(f"units {span.start} to {span.stop} are not within 0 to {size(params)}")
    stop_point = min(span.stop * UNIT_POINTS, int(params["samples"]))
    points = stop_point - span.start * UNIT_POINTS
    generator = str(params.get("generator", "shishua"))
    return {"hits": count_hits(int(params["seed"]), span.start, points, generator)}


def estimate(params: Params, sums: Sums, done_units: int) -> Estimate:
    """Pi from what is counted so far, with its 95 % interval."""
    points = min(done_units * UNIT_POINTS, int(params["samples"]))
    value, margin = _pi_and_error(sums["hits"], points)
    return Estimate("pi", value, value - CI95_SIGMAS * margin, value + CI95_SIGMAS * margin)


def finish(params: Params, whole: Sums) -> dict[str, Any]:
    """The estimate with its standard error and 95 % confidence interval."""
    samples, hits = int(params["samples"]), whole["hits"]
    pi, standard_error = _pi_and_error(hits, samples)
    margin = CI95_SIGMAS * standard_error
    return {
        "pi": pi,
        "hits": hits,
        "samples": samples,
        "standard_error": standard_error,
        "ci95": [pi - margin, pi + margin],
        "seed": int(params["seed"]),
    }


def _pi_and_error(hits: int, points: int) -> tuple[float, float]:
    """The estimate and its standard error: that of a binomial share, times four."""
    hits = min(hits, points)  # the job's last block may be in while another is not
    share = hits / points * ((points - hits) / points)
    return 4 * hits / points, 4 * math.sqrt(share / points)
