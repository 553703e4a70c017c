"""What a worker knows of the cost of its calls."""

from __future__ import annotations

import pytest

from hydra.overheads import MEMORY, Overheads


def test_a_picture_s_heavy_calls_say_nothing_of_sums() -> None:
    overheads = Overheads()
    for _ in range(50):
        overheads.note("mandelbrot", 1.6)
        overheads.note("pi", 0.002)
    assert overheads.of_s("mandelbrot") == pytest.approx(1.6, rel=1e-3)
    assert overheads.of_s("pi") == overheads.least_s() == pytest.approx(0.002, rel=1e-3)


def test_nothing_is_known_before_the_first_call_and_one_says_little() -> None:
    overheads = Overheads()
    assert overheads.least_s() == overheads.of_s("pi") == 0.0
    overheads.note("pi", 1.0)
    assert overheads.of_s("pi") == MEMORY
