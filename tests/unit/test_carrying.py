"""How much one call carries."""

from __future__ import annotations

import math

import pytest

from hydra.policy.carrying import next_load


@pytest.mark.parametrize(
    ("load", "took_s", "next_one"),
    [
        (4, 0.01, 8),
        (64, 0.01, 64),
        (8, 0.3, 13),
        (8, 0.5, 8),
        (8, 0.9, 4),
        (1, 0.9, 1),
        (8, math.inf, 4),
    ],
)
def test_a_call_carries_what_the_link_bears(load: int, took_s: float, next_one: int) -> None:
    assert next_load(load, took_s, 0.5, 64) == next_one
