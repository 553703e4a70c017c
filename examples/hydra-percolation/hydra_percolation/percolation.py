"""Percolation: how often water finds a way through a square grid with sites open at random.

A unit is 16 grids, each drawn from a stream of its own. Below a probability of 0.5927 hardly any
large grid lets water through, above it nearly all do, and nobody knows a formula for that number.
"""

from __future__ import annotations

import math
from typing import Any

from hydra.errors import BadSpan
from hydra.kernels import Estimate, Param, add_sums
from hydra.model import Params, Span, Sums
from hydra_percolation._grid import count

VERSION = 1

UNIT_TRIALS = 16
SIDE_MAX = 512
SITES_MAX = UNIT_TRIALS * SIDE_MAX**2

PARAMS = {
    "trials": Param(int, 10_000, 1, 10**9, "how many grids"),
    "seed": Param(int, 1, 0, 2**64 - 1, "which grids: another seed is another experiment"),
    "side": Param(int, 64, 2, SIDE_MAX, "sites along each side of a grid"),
    "probability": Param(float, 0.5927, 0.0, 1.0, "how likely a site is open"),
}

UNIT_HOLDS = (UNIT_TRIALS, "grids")

SUMS = {"spanning": (0, UNIT_TRIALS), "open": (0, SITES_MAX), "largest": (0, SITES_MAX)}

_GRIDS: Params = {"trials": 100, "seed": 1, "side": 64, "probability": 0.5927}

GOLDEN: list[tuple[Params, tuple[int, int], Sums]] = [
    (_GRIDS, (0, 7), {"spanning": 57, "open": 242776, "largest": 116150}),
    (_GRIDS, (2, 3), {"spanning": 13, "open": 39063, "largest": 22602}),
    (
        {"trials": 5, "seed": 7, "side": 2, "probability": 0.5},
        (0, 1),
        {"spanning": 3, "open": 9, "largest": 9},
    ),
    (
        {"trials": 10**9, "seed": 2**64 - 1, "side": 512, "probability": 0.6},
        (62_499_999, 62_500_000),
        {"spanning": 14, "open": 2514923, "largest": 1522525},
    ),
]
"""A small job with a remainder, its middle, the smallest grids, the far end of everything."""

CI95_SIGMAS = 1.959963984540054

merge = add_sums


def size(params: Params) -> int:
    """How many units hold the grids."""
    return -(-int(params["trials"]) // UNIT_TRIALS)


def unit_cost(params: Params) -> float:
    """In sites: one grid of 512 x 512 is worth 64 of 64 x 64."""
    return float(UNIT_TRIALS * int(params["side"]) ** 2)


def run(params: Params, span: Span) -> Sums:
    """Grids that span, open sites and sizes of largest clusters, over a span of units.

    Raises BadSpan if the span is empty or reaches outside the job.
    """
    if not 0 <= span.start < span.stop <= size(params):
        raise BadSpan(f"units {span.start} to {span.stop} are not within 0 to {size(params)}")
    first = span.start * UNIT_TRIALS
    trials = min(span.stop * UNIT_TRIALS, int(params["trials"])) - first
    side, probability = int(params["side"]), float(params["probability"])
    spanning, open_sites, largest = count(int(params["seed"]), first, trials, side, probability)
    return {"spanning": spanning, "open": open_sites, "largest": largest}


def estimate(params: Params, sums: Sums, done_units: int) -> Estimate:
    """The share of spanning grids so far, with its 95 % interval."""
    share, error = _share_and_error(sums, min(done_units * UNIT_TRIALS, int(params["trials"])))
    margin = CI95_SIGMAS * error
    return Estimate("spanning", share, max(0.0, share - margin), min(1.0, share + margin))


def finish(params: Params, whole: Sums) -> dict[str, Any]:
    """The share of spanning grids with its standard error, and what the grids are like."""
    trials = int(params["trials"])
    sites = trials * int(params["side"]) ** 2
    share, error = _share_and_error(whole, trials)
    return {
        "spanning": share,
        "standard_error": error,
        "open": whole["open"] / sites,
        "largest_cluster": whole["largest"] / sites,
        "trials": trials,
        "seed": int(params["seed"]),
    }


def _share_and_error(sums: Sums, trials: int) -> tuple[float, float]:
    share = min(sums["spanning"], trials) / trials
    return share, math.sqrt(share * (1 - share) / trials)
