"""The price of a European option by Monte Carlo: the mean of what random price paths pay.

A unit is 2^16 draws from the addressed stream of (seed, unit). Payoffs are whole numbers in fixed
point and are summed exactly, so the price has the same bits on every machine: native/option.h is
the definition. The model is that of Black, Scholes and Merton, whose formula is given beside it.
"""

from __future__ import annotations

import math
import os
from typing import Any

from hydra.errors import BadParam, BadSpan
from hydra.kernels import Estimate, Limbs, Param, add_sums
from hydra.kernels.streams import exp, log, normal_cdf
from hydra.model import Params, Span, Sums

try:
    from hydra.kernels.native.option import select, sum_payoffs
except ImportError:  # not compiled here: the same sums, slowly
    from hydra.kernels.reference.option import select, sum_payoffs

VERSION = 1

UNIT_DRAWS = 2**16

PARAMS = {
    "samples": Param(int, 10**8, 2, 10**14, "how many random draws"),
    "seed": Param(int, 1, 0, 2**64 - 1, "which draws: another seed is another experiment"),
    "right": Param(str, "call", choices=("call", "put"), doc="to buy or to sell at the strike"),
    "spot": Param(float, 100.0, 0.01, 1e6, "price of the share today"),
    "strike": Param(float, 100.0, 0.01, 1e6, "price agreed for the last day"),
    "years": Param(float, 1.0, 0.001, 50.0, "time until then"),
    "rate": Param(float, 0.05, -0.2, 1.0, "interest without risk, a year, continuous"),
    "volatility": Param(
        float,
        0.2,
        0.001,
        5.0,
        "deviation of the share's logarithm in a year; at most 2 / sqrt(years)",
    ),
    "antithetic": Param(
        str, "no", choices=("no", "yes"), doc="whether a draw is a path and its mirror image"
    ),
}

UNIT_HOLDS = (UNIT_DRAWS, "draws")

ONE = 2**31
"""The fixed point's 1: a payoff of the scale, which is the larger of spot and discounted strike."""

SPREAD_MAX = 2.0
"""Largest volatility * sqrt(years). A payoff is then below 2^21 times the scale; beyond it, the
variance e^(spread^2) makes any number of draws useless."""

PAID_MAX = 2 * 2**21 * ONE
"""More than any draw pays, a mirrored one included."""

GAINS = Limbs("gain", 0, UNIT_DRAWS * PAID_MAX)
SQUARES = Limbs("square", 0, UNIT_DRAWS * PAID_MAX**2)
SUMS = {**GAINS.bounds(), **SQUARES.bounds()}

_DEFAULTS: Params = {name: param.default for name, param in PARAMS.items()}

GOLDEN: list[tuple[Params, tuple[int, int], Sums]] = [
    (
        {**_DEFAULTS, "samples": 200000},
        (0, 4),
        {
            "gain_0": 7669892917,
            "gain_1": 10469,
            "gain_2": 0,
            "square_0": 11414030917,
            "square_1": 10767092015,
            "square_2": 1630,
            "square_3": 0,
        },
    ),
    (
        {**_DEFAULTS, "samples": 200000},
        (1, 2),
        {
            "gain_0": 217217012,
            "gain_1": 3440,
            "gain_2": 0,
            "square_0": 685260582,
            "square_1": 2565608494,
            "square_2": 535,
            "square_3": 0,
        },
    ),
    (
        {
            **_DEFAULTS,
            "samples": 1000,
            "seed": 7,
            "right": "put",
            "spot": 90.0,
            "antithetic": "yes",
        },
        (0, 1),
        {
            "gain_0": 2467664073,
            "gain_1": 108,
            "gain_2": 0,
            "square_0": 9996997,
            "square_1": 1978888275,
            "square_2": 13,
            "square_3": 0,
        },
    ),
    (
        {
            **_DEFAULTS,
            "samples": 10**14,
            "seed": 2**64 - 1,
            "spot": 1.0,
            "strike": 1.5,
            "years": 4.0,
            "rate": -0.01,
            "volatility": 1.0,
            "antithetic": "yes",
        },
        (1_525_878_905, 1_525_878_906),
        {
            "gain_0": 946152726,
            "gain_1": 25987,
            "gain_2": 0,
            "square_0": 1377994104,
            "square_1": 2168982834,
            "square_2": 634850,
            "square_3": 0,
        },
    ),
]
"""A small job with a remainder, its middle, a mirrored put of less than a unit, the far end."""

CI95_SIGMAS = 1.959963984540054
"""Half the width of the 95 % interval of a normal distribution, in standard errors."""

BACKEND = select(os.environ.get("HYDRA_ISA", ""))
"""What computes here: an instruction set, or "numpy"."""

merge = add_sums


def size(params: Params) -> int:
    """How many units hold the draws.

    Raises BadParam if volatility and years together are more than draws can do justice to.
    """
    spread = _spread(params)
    if spread > SPREAD_MAX:
        raise BadParam(
            f"volatility * sqrt(years) must be at most {SPREAD_MAX:g}, not {spread:g}",
            field="volatility",
        )
    return -(-int(params["samples"]) // UNIT_DRAWS)


def run(params: Params, span: Span) -> Sums:
    """Sums of payoffs and of their squares over a span of units, as 32-bit digits of each unit.

    Raises BadSpan if the span is empty or reaches outside the job.
    """
    if not 0 <= span.start < span.stop <= size(params):
        raise BadSpan(f"units {span.start} to {span.stop} are not within 0 to {size(params)}")
    draws = min(span.stop * UNIT_DRAWS, int(params["samples"])) - span.start * UNIT_DRAWS
    seed = int(params["seed"])
    digits = sum_payoffs(contract(params), seed, span.start, draws, UNIT_DRAWS)
    return dict(zip(SUMS, digits))


def contract(params: Params) -> tuple[float, float, float, bool, bool]:
    """What native/option.h computes with: spread, spot and strike in units of the scale, flags."""
    scale = _scale(params)
    return (
        _spread(params),
        float(params["spot"]) / scale,
        _discounted_strike(params) / scale,
        params["right"] == "put",
        params["antithetic"] == "yes",
    )


def estimate(params: Params, sums: Sums, done_units: int) -> Estimate:
    """The price from what is summed so far, with its 95 % interval."""
    draws = min(done_units * UNIT_DRAWS, int(params["samples"]))
    price, error = _price_and_error(params, sums, draws)
    return Estimate("price", price, price - CI95_SIGMAS * error, price + CI95_SIGMAS * error)


def finish(params: Params, whole: Sums) -> dict[str, Any]:
    """The price with its standard error and 95 % interval, and the formula's price beside it."""
    price, error = _price_and_error(params, whole, int(params["samples"]))
    margin = CI95_SIGMAS * error
    return {
        "price": price,
        "standard_error": error,
        "ci95": [price - margin, price + margin],
        "black_scholes": black_scholes(params),
        "samples": int(params["samples"]),
        "seed": int(params["seed"]),
    }


def black_scholes(params: Params) -> float:
    """The exact price by the formula of Black and Scholes (1973), to about 1e-14 of the scale."""
    spot, strike, spread = float(params["spot"]), _discounted_strike(params), _spread(params)
    up = log(spot / strike) / spread + 0.5 * spread
    if params["right"] == "put":
        return strike * normal_cdf(spread - up) - spot * normal_cdf(-up)
    return spot * normal_cdf(up) - strike * normal_cdf(up - spread)


def _spread(params: Params) -> float:
    """Deviation of the logarithm of the last price."""
    return float(params["volatility"]) * math.sqrt(float(params["years"]))


def _discounted_strike(params: Params) -> float:
    return float(params["strike"]) * exp(-float(params["rate"]) * float(params["years"]))


def _scale(params: Params) -> float:
    return max(float(params["spot"]), _discounted_strike(params))


def _price_and_error(params: Params, sums: Sums, draws: int) -> tuple[float, float]:
    """Mean and its standard error, from exact sums: each number is rounded once."""
    gain, square = GAINS.join(sums), SQUARES.join(sums)
    paths = 2 if params["antithetic"] == "yes" else 1
    scale = _scale(params) / (ONE * paths)
    variance = (draws * square - gain * gain) / (draws * draws * (draws - 1))
    return scale * (gain / draws), scale * math.sqrt(variance)
