"""Wide totals as named sums: exact against Python's own whole numbers and fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hydra.kernels import Limbs, add_sums, fixed
from hydra.model.limits import SUM_MAX

WIDE = st.integers(-(2**130), 2**130)


@given(edges=st.tuples(WIDE, WIDE), totals=st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_digits_of_many_units_add_up_to_the_whole(
    edges: tuple[int, int], totals: list[int]
) -> None:
    low, high = sorted(edges)
    units = [low + (high - low) * share // 10**6 for share in totals]
    limbs = Limbs("gain", low, high)
    sums = dict.fromkeys(limbs.names(), 0)
    for unit in units:
        digits = limbs.split(unit)
        assert limbs.join(digits) == unit
        for name, (least, most) in limbs.bounds().items():
            assert least <= digits[name] <= most
        sums = add_sums(sums, digits)
    assert limbs.join(sums) == sum(units)


@given(edges=st.tuples(WIDE, WIDE))
def test_a_hand_in_and_a_job_fit_the_counters(edges: tuple[int, int]) -> None:
    low, high = sorted(edges)
    limbs = Limbs("gain", low, high)
    assert list(limbs.bounds()) == limbs.names()
    for least, most in limbs.bounds().values():
        assert max(abs(least), abs(most)) * 2**20 < 2**53
        assert max(abs(least), abs(most)) * (2**31 - 1) <= SUM_MAX


def test_a_small_total_needs_one_sum() -> None:
    assert Limbs("n", 0, 7).bounds() == {"n_0": (0, 7)}
    assert Limbs("n", -5, -5).split(-5) == {"n_0": -5}
    assert Limbs("n", -1, 2**32).bounds() == {"n_0": (0, 2**32 - 1), "n_1": (-1, 1)}


@pytest.mark.parametrize("total", [-1, 8, 2**99])
def test_a_total_out_of_range_is_named(total: int) -> None:
    with pytest.raises(ValueError, match=f"n must be from 0 to 7, not {total}"):
        Limbs("n", 0, 7).split(total)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="low 2 must be at most high 1"):
        Limbs("n", 2, 1)


@given(value=st.floats(allow_nan=False, allow_infinity=False), bits=st.integers(0, 100))
def test_fixed_point_is_the_nearest_fraction(value: float, bits: int) -> None:
    assume(abs(value) < 1e200)
    assert fixed(value, bits) == round(Fraction(value) * 2**bits)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_has_no_fixed_point(value: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        fixed(value, 10)
