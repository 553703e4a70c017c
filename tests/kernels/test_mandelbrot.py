"""The mandelbrot kernel's counts: known answers, every instruction set against the definition."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hydra
from hydra import kernels
from hydra.errors import BadParam, BadSpan, Invalid, TooLarge
from hydra.kernels.builtin import mandelbrot
from hydra.kernels.pictures.view import PIXELS_MAX, Box, View, box_of, view_of
from hydra.kernels.reference import mandelbrot as reference
from hydra.model import Span

try:
    from hydra.kernels.native import mandelbrot as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

needs_compiled = pytest.mark.skipif(compiled is None, reason="not compiled here")

ROOT = Path(hydra.__file__).parents[1]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "mandelbrot.json").read_text())
ISAS = compiled.isas() if compiled else ()
CHECKS = range(4)


def params(**given: int | float | str) -> dict[str, int | float | str]:
    return kernels.parse_params(kernels.load()["mandelbrot"], given)


def whole(view: View) -> Box:
    return Box(0, 0, view.columns, view.rows)


def _golden_id(picture: dict[str, Any]) -> str:
    return f"{picture['set']}-{picture['columns']}x{picture['rows']}-{picture['iterations']}"


def _wanted(picture: dict[str, Any]) -> tuple[View, float, float, bytes, bytes]:
    given = {k: v for k, v in picture.items() if k not in {"a", "b", "counts_and_squares"}}
    flat = picture["counts_and_squares"]
    counts = np.array(flat[::2], np.uint32)
    squares = np.array([float.fromhex(text) for text in flat[1::2]])
    view = view_of(params(**given))
    return view, picture["a"], picture["b"], counts.tobytes(), squares.tobytes()


over_golden = pytest.mark.parametrize("picture", GOLDEN, ids=_golden_id)


@over_golden
def test_reference_gives_the_golden_counts(picture: dict[str, Any]) -> None:
    view, a, b, counts, squares = _wanted(picture)
    made = reference.samples(view, whole(view), a, b)
    assert made[0].tobytes() == counts
    assert made[1].tobytes() == squares


@needs_compiled
@pytest.mark.parametrize("isa", ISAS)
@over_golden
def test_each_isa_gives_the_golden_counts_with_and_without_checks(
    picture: dict[str, Any], isa: str
) -> None:
    view, a, b, counts, squares = _wanted(picture)
    for checks in CHECKS:
        made = compiled.samples_as(isa, checks, view, [whole(view)], a, b)
        assert made == [(counts, squares)], f"checks {checks}"


VIEWS = st.fixed_dictionaries(
    {
        "set": st.sampled_from(["mandelbrot", "julia"]),
        "centre_x": st.floats(-2, 1),
        "centre_y": st.one_of(st.just(0.0), st.floats(-1.5, 1.5)),
        "width": st.one_of(st.floats(1e-9, 5), st.sampled_from([3.0, 1e-3, 60.0])),
        "columns": st.integers(1, 70),
        "rows": st.integers(1, 40),
        "iterations": st.one_of(st.integers(1, 40), st.sampled_from([300, 1024, 2000])),
        "bailout": st.sampled_from([2.0, 2.5, 3.999, 4.0, 256.0, 1e5]),
        "julia_x": st.floats(-2, 2),
        "julia_y": st.floats(-2, 2),
        "antialias": st.integers(1, 4),
        "palette": st.sampled_from(mandelbrot.PARAMS["palette"].choices),
        "density": st.floats(0.01, 100),
    }
)


@needs_compiled
@settings(max_examples=60, deadline=None)
@given(VIEWS, st.floats(-0.99, 0.99), st.floats(-0.99, 0.99))
def test_isas_and_checks_agree_everywhere(given: dict[str, Any], a: float, b: float) -> None:
    view = view_of(params(**given))
    box = box_of(view.columns, view.rows, 0)
    made = [compiled.samples_as(i, c, view, [box], a, b) for i in ISAS for c in CHECKS]
    assert all(tiles == made[0] for tiles in made)


@needs_compiled
@settings(max_examples=15, deadline=None)
@given(VIEWS)
def test_compiled_blobs_equal_the_reference(given: dict[str, Any]) -> None:
    given |= {"iterations": min(given["iterations"], 300)}
    view = view_of(params(**given))
    first = box_of(view.columns, view.rows, 0)
    boxes = [first, first._replace(width=1)]
    blobs = reference.render(view, boxes)
    for isa in ISAS:
        assert compiled.render_as(isa, view, boxes) == blobs
    for blob in blobs:
        assert compiled.unpack(blob) == reference.unpack(blob)


@needs_compiled
def test_deep_views_agree_over_many_tiles() -> None:
    """Long orbits, many cycles and refills: what small pictures do not reach."""
    for where in (
        {"centre_x": -0.743643887037151, "centre_y": 0.131825904205330, "width": 1e-5},
        {"centre_x": -0.1225611668766536, "centre_y": 0.7448617666197443, "width": 0.25},
        {"centre_x": 0.25, "width": 1e-6},
        {"centre_x": -0.75, "centre_y": 0.01, "width": 1e-2},
    ):
        view = view_of(params(columns=192, rows=64, iterations=5000, bailout=64, **where))
        boxes = [box_of(192, 64, unit) for unit in range(3)]
        made = [compiled.samples_as(i, c, view, boxes, 0, 0) for i in ISAS for c in (0, 3)]
        assert all(tiles == made[0] for tiles in made)


@needs_compiled
def test_a_cycle_is_found_however_many_iterations_are_asked_for() -> None:
    asked = params(columns=64, rows=64, centre_x=-1.3107, width=1e-3, iterations=10**7)
    (blob,) = mandelbrot.run(asked, Span(0, 1)).values()
    counts = np.asarray(mandelbrot.decode_tile(asked, 0, blob)[2])
    assert np.count_nonzero(counts == 0) > 1000


def test_the_picture_is_symmetric_to_the_last_bit() -> None:
    for other in ({"rows": 31}, {"rows": 30}, {"rows": 30, "antialias": 3, "columns": 37}):
        asked = params(**{"columns": 40, "iterations": 300} | other)
        (blob,) = mandelbrot.run(asked, Span(0, 1)).values()
        _, _, counts, rgb = mandelbrot.decode_tile(asked, 0, blob)
        assert np.array_equal(np.asarray(counts), np.asarray(counts)[::-1])
        assert np.array_equal(np.asarray(rgb), np.asarray(rgb)[::-1])


def test_counts_do_not_hang_on_colours_or_antialiasing() -> None:
    plain = params(columns=30, rows=20, iterations=200)
    counts = []
    for other in ({}, {"antialias": 2}, {"antialias": 3}, {"palette": "ocean", "density": 7.0}):
        (blob,) = mandelbrot.run(plain | other, Span(0, 1)).values()
        counts.append(mandelbrot.decode_tile(plain, 0, blob)[2].tobytes())
    assert len(set(counts)) == 1


def test_a_part_of_a_picture_needs_only_itself() -> None:
    asked = params(columns=200, rows=130, iterations=400, antialias=2)
    size = mandelbrot.size(asked)
    assert size == 12
    everything = mandelbrot.run(asked, Span(0, size))
    for cuts in ((5,), (1, 2, 7), range(1, size)):
        edges = [0, *cuts, size]
        parts = [mandelbrot.run(asked, Span(a, b)) for a, b in itertools.pairwise(edges)]
        assert {u: blob for part in parts for u, blob in part.items()} == everything
    boxes = [mandelbrot.decode_tile(asked, unit, everything[unit])[2].shape for unit in (0, 3, 11)]
    assert boxes == [(64, 64), (64, 8), (2, 8)]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"width": 0}, "width", "at least 1e-30"),
    ({"width": -1}, "width", "at least"),
    ({"width": math.nan}, "width", "finite number"),
    ({"width": math.inf}, "width", "finite number"),
    ({"width": 1e-16}, "width", "at least"),
    ({"width": 1e-12, "antialias": 4}, "width", "at least"),
    ({"iterations": 0}, "iterations", "at least 1"),
    ({"iterations": 10**12}, "iterations", "at most 10000000"),
    ({"palette": "no such"}, "palette", "dusk"),
    ({"columns": 200_000, "rows": 200_000}, "columns", "at most 65536"),
    ({"columns": 8192, "rows": 8193}, "rows", str(PIXELS_MAX)),
    ({"antialias": 5}, "antialias", "at most 4"),
    ({"set": "burning ship"}, "set", "julia"),
    ({"bailout": 1}, "bailout", "at least 2"),
]


@pytest.mark.parametrize(("given", "field", "word"), REFUSED)
def test_bad_pictures_are_refused_by_name_and_bound(
    given: dict[str, Any], field: str, word: str
) -> None:
    with pytest.raises((BadParam, TooLarge)) as caught:
        mandelbrot.size(params(**given))
    assert caught.value.field == field
    assert word in caught.value.sentence


@pytest.mark.parametrize("centre", [0.0, 0.5, -0.7436438870371587, 1.999999, -10.0])
def test_the_smallest_width_named_is_the_smallest_possible(centre: float) -> None:
    asked = params(centre_x=centre, columns=1000, rows=3000, width=1e-30)
    if centre == 0:
        assert mandelbrot.size(asked) > 0
        return
    with pytest.raises(Invalid) as caught:
        mandelbrot.size(asked)
    least = float(caught.value.sentence.split("at least ")[1].split()[0])
    assert mandelbrot.size(asked | {"width": least}) > 0
    with pytest.raises(Invalid):
        mandelbrot.size(asked | {"width": math.nextafter(least, 0)})
    view = view_of(asked | {"width": least})
    xs = [view.centre_x + (2.0 * k + 1 - 1000) * view.half_pixel for k in range(1000)]
    assert all(a < b for a, b in itertools.pairwise(xs))


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 5), (2, 2), (3, 2), (4, 5)])
def test_bad_spans_are_refused(start: int, stop: int) -> None:
    with pytest.raises(BadSpan):
        mandelbrot.run(params(columns=128, rows=128), Span(start, stop))


@needs_compiled
def test_select_takes_every_supported_isa() -> None:
    asked, span, blobs = mandelbrot.GOLDEN[0]
    try:
        for isa in ISAS:
            assert compiled.select(isa) == isa
            assert mandelbrot.run(asked, Span(*span)) == blobs
    finally:
        compiled.select(os.environ.get("HYDRA_ISA", ""))


REPORT = """
import sys
if {blocked}:
    sys.modules["hydra.kernels.native.mandelbrot"] = None
from hydra.kernels.builtin import mandelbrot
from hydra.model import Span
asked, span, blobs = mandelbrot.GOLDEN[1]
print(mandelbrot.BACKEND, mandelbrot.run(asked, Span(*span)) == blobs, "numpy" in sys.modules)
"""


@pytest.mark.parametrize(
    ("blocked", "isa", "said"),
    [
        (True, "", ["numpy", "True", "True"]),
        pytest.param(False, "base", ["base", "True", "False"], marks=needs_compiled),
    ],
)
def test_numpy_takes_over_where_nothing_is_compiled(
    blocked: bool, isa: str, said: list[str]
) -> None:
    env = {**os.environ, "HYDRA_ISA": isa, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", REPORT.format(blocked=blocked)],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == said
