"""The option kernel: exact sums, one answer everywhere, and the formula of Black and Scholes."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hydra
from hydra import kernels
from hydra.errors import BadParam
from hydra.kernels import streams
from hydra.kernels.builtin import option
from hydra.kernels.reference import option as reference
from hydra.model import Span

try:
    from hydra.kernels.native import option as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

needs_compiled = pytest.mark.skipif(compiled is None, reason="the option kernel is not compiled")
ISAS = compiled.isas() if compiled else ()
UNIT = option.UNIT_DRAWS
SEED = 20

CONTRACTS: list[dict[str, Any]] = [
    {},
    {"right": "put"},
    {"antithetic": "yes"},
    {"right": "put", "antithetic": "yes", "spot": 80.0},
    {"spot": 120.0, "years": 0.25, "volatility": 0.6},
    {"right": "put", "strike": 150.0, "rate": -0.02, "years": 10.0},
    {"strike": 60.0, "rate": 0.3, "years": 3.0, "volatility": 0.9},
    {"spot": 0.02, "strike": 0.03, "years": 4.0, "volatility": 1.0, "right": "put"},
]


def job(**given: Any) -> dict[str, Any]:
    return kernels.parse_params(kernels.load()["option"], {"seed": SEED, **given})


def whole(params: dict[str, Any]) -> dict[str, int]:
    return option.run(params, Span(0, option.size(params)))


@needs_compiled
@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_price_is_within_4_standard_errors_of_the_formula(contract: dict[str, Any]) -> None:
    params = job(samples=2 * 10**6, **contract)
    answer = option.finish(params, whole(params))
    assert answer["standard_error"] > 0
    assert abs(answer["price"] - answer["black_scholes"]) < 4 * answer["standard_error"]
    low, high = answer["ci95"]
    assert high - low == pytest.approx(3.92 * answer["standard_error"], rel=1e-4)


@needs_compiled
def test_many_experiments_err_as_they_say() -> None:
    """Of 200 prices, each over 4096 draws, the mean square of (error / standard error) is 1."""
    squares = []
    for seed in range(200):
        params = job(samples=4096, seed=seed)
        answer = option.finish(params, whole(params))
        off = answer["price"] - answer["black_scholes"]
        squares.append((off / answer["standard_error"]) ** 2)
    assert abs(sum(squares) / 200 - 1) < 4 * math.sqrt(2 / 200)


def test_the_formula_is_that_of_the_books() -> None:
    """J. C. Hull, Options, Futures, and Other Derivatives: 42, 40, 10 %, 20 %, half a year."""
    hull = {"spot": 42.0, "strike": 40.0, "rate": 0.1, "volatility": 0.2, "years": 0.5}
    assert option.black_scholes(job(**hull)) == pytest.approx(4.76, abs=0.005)
    assert option.black_scholes(job(**hull, right="put")) == pytest.approx(0.81, abs=0.005)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_call_less_put_is_the_forward(contract: dict[str, Any]) -> None:
    call, put = (option.black_scholes(job(**{**contract, "right": r})) for r in ("call", "put"))
    params = job(**contract)
    forward = params["spot"] - params["strike"] * math.exp(-params["rate"] * params["years"])
    assert call - put == pytest.approx(forward, abs=1e-13 * max(params["spot"], params["strike"]))


@needs_compiled
@pytest.mark.parametrize("draws", [2, 255, 256, 257, UNIT, UNIT + 1, 2 * UNIT + 300])
@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_edition_sums_the_same(contract: dict[str, Any], draws: int) -> None:
    params = job(samples=draws, **contract)
    assert whole(params) == dict(zip(option.SUMS, summed(reference, params), strict=True))
    for isa in ISAS:
        assert summed(compiled, params, isa) == list(whole(params).values())


@needs_compiled
def test_every_edition_sums_many_units_the_same() -> None:
    """More than NumPy's edition takes side by side, and a remainder."""
    params = job(samples=(reference.UNITS_TOGETHER + 2) * UNIT + 5)
    assert summed(reference, params) == list(whole(params).values())


def summed(edition: Any, params: dict[str, Any], isa: str = "") -> list[int]:
    contract = option.contract(params)
    return edition.sum_payoffs(contract, params["seed"], 0, params["samples"], UNIT, isa)


@needs_compiled
@settings(max_examples=25, deadline=None)
@given(
    spread=st.floats(1e-3, 2.0),
    spot=st.floats(1e-6, 1.0),
    strike=st.floats(1e-6, 1.0),
    put=st.booleans(),
    mirrored=st.booleans(),
    seed=st.integers(0, 2**64 - 1),
    unit=st.integers(0, 2**40),
    draws=st.integers(1, 3000),
)
def test_every_edition_sums_any_contract_the_same(
    spread: float,
    spot: float,
    strike: float,
    put: bool,
    mirrored: bool,
    seed: int,
    unit: int,
    draws: int,
) -> None:
    asked = ((spread, spot, strike, put, mirrored), seed, unit, draws, UNIT)
    wanted = reference.sum_payoffs(*asked)
    assert all(compiled.sum_payoffs(*asked, isa) == wanted for isa in ISAS)


@pytest.mark.parametrize("mirrored", [False, True])
def test_sums_are_exact_and_payoffs_right(mirrored: bool) -> None:
    """Against fractions, draw by draw, with the standard library's exponential."""
    draws, spread, strike = 2000, 0.4, 0.9
    contract = (spread, 1.0, strike, False, mirrored)
    z = streams.normals(SEED, 5, draws)
    paid = reference.payoffs(contract, z).tolist()
    digits = dict(zip(option.SUMS, reference.sum_payoffs(contract, SEED, 5, draws, UNIT)))
    assert option.GAINS.join(digits) == sum(paid)
    assert option.SQUARES.join(digits) == sum(payoff * payoff for payoff in paid)
    mean = sum(
        (
            Fraction(max(math.exp(spread * x * side - spread**2 / 2) - strike, 0.0))
            for x in z.tolist()
            for side in ((1, -1) if mirrored else (1,))
        ),
        Fraction(0),
    )
    assert float(Fraction(sum(paid), option.ONE) - mean) == pytest.approx(0, abs=draws * 2.0**-31)


def test_the_largest_payoff_fits() -> None:
    """The most extreme draws of the widest spread, and both of a mirrored pair, stay below 2^52."""
    ends = reference.streams.normals(np.array([0, 2**64 - 1], np.uint64))
    for put in (False, True):
        paid = reference.payoffs((option.SPREAD_MAX, 1.0, 1e-6, put, False), ends)
        assert 0 <= paid.min() <= paid.max() < 2**52
        assert paid.max() * 2 <= option.PAID_MAX


def test_a_spread_that_draws_cannot_resolve_is_refused_by_name() -> None:
    with pytest.raises(BadParam, match=r"volatility \* sqrt\(years\) must be at most 2, not 2\.5"):
        option.size(job(volatility=1.25, years=4.0))
    assert option.size(job(volatility=1.0, years=4.0)) > 0


def test_a_worthless_option_costs_nothing_for_sure() -> None:
    params = job(samples=1000, spot=1.0, strike=1e6, volatility=0.01)
    answer = option.finish(params, whole(params))
    assert (answer["price"], answer["standard_error"], answer["ci95"]) == (0, 0, [0, 0])


def test_mirrored_draws_make_the_error_smaller() -> None:
    errors = {}
    for antithetic in ("no", "yes"):
        params = job(samples=UNIT, antithetic=antithetic)
        errors[antithetic] = option.finish(params, whole(params))["standard_error"]
    assert errors["yes"] < 0.6 * errors["no"]


def test_the_estimate_of_a_whole_job_is_its_answer() -> None:
    params = job(samples=UNIT + 100)
    sums = whole(params)
    answer, seen = option.finish(params, sums), option.estimate(params, sums, 2)
    assert (seen.name, seen.value, [seen.low, seen.high]) == (
        "price",
        answer["price"],
        answer["ci95"],
    )


@needs_compiled
def test_numpy_stays_out() -> None:
    program = (
        "import sys; from hydra.kernels.builtin import option as o; from hydra.model import Span\n"
        "o.run(o.GOLDEN[0][0], Span(0, 1)); print(o.BACKEND, 'numpy' in sys.modules)"
    )
    env = {**os.environ, "HYDRA_ISA": "base", "PYTHONPATH": str(Path(hydra.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["base", "False"]
