"""What a module declares becomes one object, or an error that names the module and the field."""

from __future__ import annotations

from typing import Any

import pytest

from hydra.errors import BadKernel
from hydra.kernels import Estimate, Kernel, Param, Tile, load
from hydra.model import Params
from tests.toy import toy

VERSIONS = {
    "mandelbrot": "a491eb67f98610f4",
    "option": "e9d829dc0d8c8baa",
    "pi": "75ca06adf1b947b4",
}
"""A change of these is a change of answers: fleets of two editions would not share a job."""


def test_the_versions_of_our_kernels_stay() -> None:
    assert {name: kernel.version for name, kernel in load().items()} == VERSIONS


def test_what_is_not_declared_has_a_default() -> None:
    kernel = toy("plain")
    assert kernel.unit_holds == (1, "units")
    assert (kernel.presets, kernel.backend, kernel.piece_bytes_max) == ({}, "", 0)
    assert [kernel.units_differ, kernel.has_estimate, kernel.has_preview] == [False] * 3
    assert kernel.costs({}).unit_cost == 1.0
    assert kernel.estimate({}, {"value": 1}, 1) is None
    assert (kernel.canvas({}), kernel.preview({}), kernel.bound_units_s()) == (None, None, 0.0)


def test_what_is_declared_is_used() -> None:
    said = Estimate("x", 0.5, 0.0, 1.0)
    tile = Tile(0, 0, 1, 1, b"rgb")
    kernel = toy(
        "full",
        __doc__="Draws.\n\nMore of it.",
        PIECE_BYTES_MAX=8,
        UNIT_HOLDS=(64, "pixels"),
        PRESETS={"small": {"units": 3}},
        BACKEND="base",
        unit_cost=lambda params: 2 * params["units"],
        estimate=lambda params, sums, done: said,
        canvas=lambda params: (4, 3),
        paint=lambda params, unit, blob: tile,
        preview=lambda params: b"png",
        bound_units_s=lambda: 7.0,
    )
    params: Params = {"units": 5}
    assert (kernel.doc, kernel.backend) == ("Draws.", "base")
    assert (kernel.unit_holds, kernel.presets) == ((64, "pixels"), {"small": {"units": 3}})
    assert kernel.costs(params).unit_cost == 10.0
    assert kernel.has_estimate
    assert kernel.estimate(params, {}, 1) is said
    assert kernel.estimate(params, {}, 0) is None, "before the first unit"
    assert (kernel.canvas(params), kernel.paint(params, 0, b"")) == ((4, 3), tile)
    assert kernel.has_preview
    assert (kernel.preview(params), kernel.bound_units_s()) == (b"png", 7.0)


def test_the_costs_of_a_job_are_asked_for_once() -> None:
    asked = []

    def costs(params: Params) -> list[int]:
        asked.append(dict(params))
        return [3, 2, 1]

    kernel = toy("uneven", costs=costs)
    assert kernel.units_differ
    assert kernel.costs({"units": 3}) is kernel.costs({"units": 3})
    assert kernel.costs({"units": 3}).sums == [0, 3, 5, 6]
    assert asked == [{"units": 3}]


@pytest.mark.parametrize(
    ("declared", "field", "sentence"),
    [
        ({"VERSION": None}, "VERSION", "is missing"),
        ({"VERSION": "1"}, "VERSION", "must be a whole number, not '1'"),
        ({"GOLDEN": None}, "GOLDEN", "is missing"),
        ({"GOLDEN": "none"}, "GOLDEN", "must be a list"),
        ({"GOLDEN": [({}, (0, 1))]}, "GOLDEN", "must be of entries (parameters, (start, stop), "),
        ({"GOLDEN": [({}, (0, 1), {"value": 1j})]}, "GOLDEN", "has what JSON does not: "),
        ({"PARAMS": None}, "PARAMS", "is missing"),
        ({"PARAMS": [Param(int, 1)]}, "PARAMS", "must be a mapping of names to Param"),
        ({"PARAMS": {"n": 5}}, "PARAMS", "has 'n', which is not a name with a Param"),
        ({"size": None}, "size", "is missing"),
        ({"run": 5}, "run", "must be a function, not int"),
        ({"finish": "later"}, "finish", "must be a function, not str"),
        ({"SUMS": None}, "SUMS", "or PIECE_BYTES_MAX must be declared, not both"),
        ({"SUMS": {"n": (0, 1)}, "PIECE_BYTES_MAX": 5}, "SUMS", "or PIECE_BYTES_MAX must be "),
        ({"SUMS": {"n": 5}}, "SUMS", "must give n as (least, greatest), whole numbers"),
        ({"SUMS": {"in side": (0, 1)}}, "SUMS", "has 'in side', which is not a name without"),
        ({"SUMS": {"": (0, 1)}}, "SUMS", "has '', which is not a name without spaces"),
        ({"SUMS": {7: (0, 1)}}, "SUMS", "has 7, which is not a name without spaces"),
        ({"SUMS": {"n": (1, 0)}}, "SUMS", "must give n as (least, greatest), whole numbers"),
        ({"SUMS": {"n": (0, 0.5)}}, "SUMS", "must give n as (least, greatest), whole numbers"),
        ({"SUMS": {f"n{i}": (0, 1) for i in range(65)}}, "SUMS", "must have at most 64 names"),
        ({"PIECE_BYTES_MAX": 2**18 + 1}, "PIECE_BYTES_MAX", "must be from 1 to 262144"),
        ({"costs": len, "unit_cost": len}, "costs", "must not stand beside unit_cost"),
        ({"estimate": 0.5}, "estimate", "must be a function, not float"),
        ({"canvas": len}, "paint", "is missing, and canvas is there"),
        ({"UNIT_HOLDS": 64}, "UNIT_HOLDS", "must be a count and a noun"),
        ({"UNIT_HOLDS": ("pixels", 64)}, "UNIT_HOLDS", "must be a count and a noun"),
        ({"PRESETS": {"small": 5}}, "PRESETS", "must be a mapping of names to parameters"),
    ],
)
def test_a_wrong_declaration_names_module_and_field(
    declared: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(BadKernel) as caught:
        toy("package.wrong", **declared)
    assert caught.value.field == field
    assert caught.value.sentence.startswith(f"kernel module package.wrong: {field} {sentence}")


def test_what_is_no_module_is_refused() -> None:
    with pytest.raises(BadKernel, match="is no module"):
        Kernel.of(5)
