"""What a worker knows of the cost of its calls."""

from __future__ import annotations

from hydra.work.overheads import Overheads


def test_a_picture_s_heavy_calls_say_nothing_of_sums() -> None:
    overheads = Overheads()
    for _ in range(3):
        overheads.note("mandelbrot", 1.6)
        overheads.note("pi", 0.002)
    assert overheads.of_s("mandelbrot") == 1.6
    assert overheads.of_s("pi") == overheads.least_s() == 0.002


def test_nothing_is_known_before_the_first_call() -> None:
    overheads = Overheads()
    assert overheads.least_s() == overheads.of_s("pi") == 0.0


def test_one_call_that_met_a_busy_disk_is_no_rule() -> None:
    """It made a fifth of a second of 20 ms, and so the last chunk of a job a second long."""
    overheads = Overheads()
    for took_s in (0.02, 0.02, 1.1):
        overheads.note("pi", took_s)
    assert overheads.of_s("pi") == 0.02
    for _ in range(5):
        overheads.note("pi", 0.4)
    assert overheads.of_s("pi") == 0.4, "but what lasts is learnt"
