"""The mandelbrot kernel's order of tiles: the same everywhere, and nothing to the answer."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra import kernels
from hydra.api.ancestor.png import pixels_of
from hydra.kernels.builtin import mandelbrot
from hydra.kernels.pictures.assembly import assemble
from hydra.kernels.pictures.plan import (
    BUDGET_BURSTS,
    BURST,
    PIXEL_COST,
    PREVIEW_PIXELS,
    SAMPLE_COST,
    SAMPLES,
    TILES_MIN,
    plan,
)
from hydra.kernels.pictures.view import box_of, tiles, view_of
from hydra.kernels.reference import mandelbrot_survey as reference
from hydra.model import Params, Span

try:
    from hydra.kernels.native import mandelbrot as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

needs_compiled = pytest.mark.skipif(compiled is None, reason="not compiled here")


def params(**given: int | float | str) -> dict[str, int | float | str]:
    return kernels.parse_params(kernels.load()["mandelbrot"], given)


SEAHORSES = {"centre_x": -0.7436, "centre_y": 0.1318, "width": 0.006, "iterations": 5000}


def surveys(asked: Params, side: int, budget: int) -> list[tuple[list[int], int]]:
    """What each edition finds."""
    view = view_of(asked)
    across, down = tiles(view.columns, view.rows)
    boxes = [box_of(view.columns, view.rows, tile) for tile in range(across * down)]
    return [
        reference.survey(view, boxes, side, budget),
        *(compiled.survey_as(isa, view, boxes, side, budget) for isa in compiled.isas()),
    ]


@needs_compiled
@settings(max_examples=60, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "set": st.sampled_from(["mandelbrot", "julia"]),
            "centre_x": st.floats(-2, 1),
            "centre_y": st.floats(-1.5, 1.5),
            "width": st.floats(1e-9, 5),
            "columns": st.integers(1, 400),
            "rows": st.integers(1, 300),
            "iterations": st.sampled_from([1, 15, 16, 17, 300, 5000, 10**7]),
            "bailout": st.sampled_from([2.0, 3.999, 256.0, 1e6]),
            "julia_x": st.floats(-2, 2),
            "julia_y": st.floats(-2, 2),
        }
    ),
    st.integers(1, 9),
    st.sampled_from([0, 100, 2**14]),
)
def test_every_edition_finds_the_same_work(given: dict[str, Any], side: int, budget: int) -> None:
    first, *others = surveys(params(**given), side, budget)
    assert all(other == first for other in others)


@needs_compiled
def test_the_presets_are_surveyed_alike_within_the_budget() -> None:
    for preset in mandelbrot.PRESETS.values():
        first, *others = surveys(params(**preset), 14, BUDGET_BURSTS)
        assert all(other == first for other in others)


@pytest.mark.parametrize("budget", [0, 100, 2**14, 2**18])
@pytest.mark.parametrize("iterations", [1, 300, 5000, 10**7])
def test_a_survey_keeps_to_its_budget(
    iterations: int, budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, burst = 0, reference._burst

    def counted(*scouts: Any) -> Any:
        nonlocal done
        done += len(scouts[0])
        return burst(*scouts)

    monkeypatch.setattr(reference, "_burst", counted)
    view = view_of(params(**{**SEAHORSES, "iterations": iterations}))
    boxes = [box_of(1024, 1024, tile) for tile in range(256)]
    reference.survey(view, boxes, 8, budget)
    assert done <= budget


@needs_compiled
def test_costs_are_estimated_for_tiles_that_take_a_thousand_times_as_long_as_others() -> None:
    """In a deep view all expensive tiles once had one estimate, a quarter of what they took."""
    deep = params(
        centre_x=-0.743643887037151,
        centre_y=0.13182590420533,
        width=5e-6,
        columns=1280,
        rows=960,
        iterations=50_000,
    )
    view, made = view_of(deep), plan(view_of(deep), mandelbrot.survey)
    boxes = [box_of(view.columns, view.rows, tile) for tile in made.tiles]
    everything = 2**40  # every 16th pixel, to its end
    bursts, _ = compiled.survey(view, boxes, 16, everything)
    true = [PIXEL_COST + SAMPLE_COST + BURST * done / 16**2 for done in bursts]
    scale = sum(true) / sum(made.costs)
    errors = [
        abs(math.log2(scale * cost / cost_true))
        for cost, cost_true in zip(made.costs, true, strict=True)
    ]
    assert max(true) > 20 * min(true)
    assert sum(errors) / len(errors) < 0.4, "a third more or a quarter less, on average"


def test_every_tile_has_a_unit_the_most_expensive_first() -> None:
    for preset in mandelbrot.PRESETS.values():
        made = plan(view_of(params(**preset)), mandelbrot.survey)
        assert sorted(made.tiles) == list(range(len(made.costs)))
        assert list(made.costs) == sorted(made.costs, reverse=True)
        assert made.costs[0] > 2 * made.costs[-1]


def test_equal_tiles_stay_row_by_row() -> None:
    empty = plan(view_of(params(centre_x=5.0)), mandelbrot.survey)
    assert list(empty.tiles) == list(range(256))


def test_few_tiles_stay_row_by_row_at_their_mean_cost() -> None:
    few, many = params(columns=64 * 9, rows=64 * 7), params(columns=64 * 8, rows=64 * 8)
    assert mandelbrot.size(few) == TILES_MIN - 1
    made = plan(view_of(few), mandelbrot.survey)
    assert list(made.tiles) == list(range(TILES_MIN - 1))
    assert len(set(made.costs)) == 1
    assert len(set(plan(view_of(many), mandelbrot.survey).costs)) > 1


def test_samples_are_as_many_as_promised_whatever_the_shape() -> None:
    asked: list[int] = []

    def counting(view: Any, boxes: Any, side: int, budget: int) -> tuple[list[int], int]:
        asked.append(len(boxes) * side**2)
        return [0] * len(boxes), 0

    for columns, rows in ((1, 1), (1280, 960), (65_536, 1), (8192, 8192), (65_472, 1025)):
        plan(view_of(params(columns=columns, rows=rows)), counting)
    assert all(SAMPLES // 4 <= many <= SAMPLES for many in asked)


def test_the_border_is_estimated_to_cost_most_and_what_the_checks_know_least() -> None:
    made = plan(view_of(params(iterations=20_000)), mandelbrot.survey)
    cardioid = 7 * 16 + 9
    assert made.costs[list(made.tiles).index(cardioid)] == made.costs[-1]


def test_more_iterations_and_samples_cost_more() -> None:
    cheap, longer = params(iterations=100), params(iterations=1000)
    finer = params(iterations=1000, antialias=2)
    assert sum(mandelbrot.costs(longer)) > sum(mandelbrot.costs(cheap))
    assert sum(mandelbrot.costs(finer)) > 1.5 * sum(mandelbrot.costs(longer))


def test_the_order_of_the_units_changes_no_file() -> None:
    asked = params(columns=64 * 9 - 5, rows=64 * 8 - 7, iterations=300, width=2.6, centre_x=-0.7)
    view = view_of(asked)
    rows_first = [box_of(view.columns, view.rows, tile) for tile in range(72)]
    wanted = assemble(
        asked, dict(enumerate(mandelbrot.render(view, rows_first))), mandelbrot.unpack
    )
    whole = mandelbrot.run(asked, Span(0, 72))
    assert mandelbrot.finish(asked, whole) == wanted
    assert list(plan(view, mandelbrot.survey).tiles) != list(range(72))


def test_a_preview_shows_about_what_the_picture_shows() -> None:
    asked = params(columns=1024, rows=512, antialias=2, **SEAHORSES)
    small = mandelbrot.preview(asked)
    assert small is not None
    columns, rows = struct.unpack_from(">II", small, 16)
    assert columns == 2 * rows
    assert columns * rows <= PREVIEW_PIXELS
    assert small == mandelbrot.preview(dict(asked))
    picture = mandelbrot.finish(asked, mandelbrot.run(asked, Span(0, 128)))["image.png"]
    ours, theirs = (list(pixels_of(image)) for image in (small, picture))
    means = [
        [sum(p[part] for p in image) / len(image) for part in range(3)] for image in (ours, theirs)
    ]
    assert all(abs(a - b) < 12 for a, b in zip(*means, strict=True)), means


def test_a_preview_of_what_needs_no_iteration_is_black() -> None:
    inside = params(columns=640, rows=640, centre_x=-0.1, width=0.01, iterations=10**7)
    assert set(pixels_of(mandelbrot.preview(inside))) == {bytes(3)}
