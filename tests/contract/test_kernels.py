"""The contract of a kernel, over every kernel that is installed.

Nothing here names one: a new file in `hydra/kernels/builtin/` is tested by being there. A kernel's
first golden answer must be of a small job, since that job is computed whole, several times.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from hydra import kernels
from hydra.errors import BadParam, BadSpan, NoSuchKernel
from hydra.kernels import Kernel, Param
from hydra.model import Params, Span
from hydra.model.limits import SUM_MAX, UNITS_MAX

SMALL_UNITS_MAX = 64
CUTS = 5

KERNELS = list(kernels.load().values())
PARAMS = [(kernel, name) for kernel in KERNELS for name in kernel.params]


def _kernel_id(value: object) -> str | None:
    return value.name if isinstance(value, Kernel) else None


over_kernels = pytest.mark.parametrize("kernel", KERNELS, ids=_kernel_id)
over_params = pytest.mark.parametrize(("kernel", "name"), PARAMS, ids=_kernel_id)


def _small_job(kernel: Kernel) -> tuple[Params, int]:
    params = kernel.golden[0][0]
    units = kernel.size(params)
    assert 1 <= units <= SMALL_UNITS_MAX, "the first golden answer must be of a small job"
    return params, units


# What it declares


def test_kernels_are_found() -> None:
    assert KERNELS
    for name, kernel in kernels.load().items():
        assert kernels.find(kernels.load(), name) is kernel
    with pytest.raises(NoSuchKernel, match="no kernel"):
        kernels.find(kernels.load(), "no such kernel")


@over_kernels
def test_declares_the_contract(kernel: Kernel) -> None:
    assert kernel.doc
    assert kernel.params
    assert kernel.golden


@over_params
def test_params_are_well_formed(kernel: Kernel, name: str) -> None:
    param = kernel.params[name]
    assert name.isidentifier()
    assert name == name.lower()
    assert param.doc.strip()
    assert param.kind in (int, float, str)
    if param.kind is str:
        assert param.default in param.choices
        assert param.low is None
        assert param.high is None
    else:
        assert not param.choices
        assert param.low is not None, "numbers need both bounds"
        assert param.high is not None, "numbers need both bounds"
        assert param.low <= param.default <= param.high  # type: ignore[operator]
        assert param.low < param.high


@over_kernels
def test_defaults_parse_to_themselves_and_make_a_job(kernel: Kernel) -> None:
    params = kernels.parse_params(kernel, {})
    assert params == {name: param.default for name, param in kernel.params.items()}
    assert all(type(params[name]) is param.kind for name, param in kernel.params.items())
    assert 1 <= kernel.size(params) <= UNITS_MAX


@over_kernels
def test_golden_params_are_complete_and_legal(kernel: Kernel) -> None:
    for params, (start, stop), _ in kernel.golden:
        assert kernels.parse_params(kernel, params) == params
        assert 0 <= start < stop <= kernel.size(params)
    _small_job(kernel)


def _refused(param: Param) -> Iterator[tuple[object, str]]:
    """Values that must be refused, each with a word that the refusal must hold."""
    yield None, ""
    yield [], ""
    if param.kind is str:
        yield "no such choice", param.choices[0]
        return
    assert param.low is not None
    assert param.high is not None
    yield param.low - 1, str(param.low)
    too_much = param.high + 1 if param.kind is int else math.nextafter(param.high, math.inf)
    yield too_much, str(param.high)
    yield "abc", "number"
    yield "", "number"
    yield True, "number"
    yield math.nan, "number"
    yield math.inf, "number"
    if param.kind is int:
        yield param.low + 0.5, "whole"


@over_params
def test_params_out_of_range_are_refused_by_name_and_bound(kernel: Kernel, name: str) -> None:
    for value, word in _refused(kernel.params[name]):
        with pytest.raises(BadParam) as caught:
            kernels.parse_params(kernel, {name: value})
        assert caught.value.field == name
        assert name in caught.value.sentence
        assert word in caught.value.sentence


@over_params
def test_bounds_themselves_are_allowed_also_as_text(kernel: Kernel, name: str) -> None:
    param = kernel.params[name]
    for value in param.choices or (param.low, param.high):
        assert kernels.parse_params(kernel, {name: value})[name] == value
        assert kernels.parse_params(kernel, {name: str(value)})[name] == value


@over_kernels
def test_unknown_params_are_refused(kernel: Kernel) -> None:
    with pytest.raises(BadParam) as caught:
        kernels.parse_params(kernel, {"no_such_parameter": 1})
    assert caught.value.field == "no_such_parameter"


@over_kernels
def test_version_is_a_stable_digest(kernel: Kernel) -> None:
    assert len(kernel.version) == 16
    assert set(kernel.version) <= set("0123456789abcdef")


def test_costs_are_of_each_unit_and_never_rise() -> None:
    declaring = [kernel for kernel in KERNELS if kernel.units_differ]
    assert declaring
    for kernel in declaring:
        jobs = [kernels.parse_params(kernel, {}), *(params for params, _, _ in kernel.golden)]
        for params in jobs:
            sums = kernel.costs(params).sums
            costs = [b - a for a, b in itertools.pairwise(sums)]
            assert len(costs) == kernel.size(params)
            assert all(type(cost) is int for cost in costs)
            assert costs == sorted(costs, reverse=True)
            assert costs[-1] > 0
            assert kernel.costs(params).unit_cost == sum(costs) / len(costs)


def test_versions_differ() -> None:
    assert len({kernel.version for kernel in KERNELS}) == len(KERNELS)


# What it computes


@over_kernels
def test_golden_answers_come_out(kernel: Kernel) -> None:
    for params, (start, stop), partial in kernel.golden:
        assert kernel.run(params, Span(start, stop)) == partial


@over_kernels
def test_spans_outside_the_job_are_refused(kernel: Kernel) -> None:
    params, units = _small_job(kernel)
    for start, stop in ((-1, 1), (0, units + 1), (units, units + 1), (0, 0), (1, 0)):
        with pytest.raises(BadSpan):
            kernel.run(params, Span(start, stop))


@over_kernels
def test_any_cut_merged_in_any_order_gives_the_whole(kernel: Kernel) -> None:
    params, units = _small_job(kernel)
    whole = kernel.run(params, Span(0, units))
    answer = kernel.finish(params, whole)
    rng = random.Random(kernel.name)
    for _ in range(CUTS):
        parts = [kernel.run(params, span) for span in _random_cut(rng, units)]
        merged = _merged_in_random_order(kernel, rng, parts)
        assert merged == whole
        assert _as_json(kernel.finish(params, merged)) == _as_json(answer)


def _random_cut(rng: random.Random, units: int) -> list[Span]:
    inner = rng.sample(range(1, units), rng.randint(0, min(units - 1, 9)))
    edges = [0, *sorted(inner), units]
    return [Span(start, stop) for start, stop in itertools.pairwise(edges)]


def _merged_in_random_order(kernel: Kernel, rng: random.Random, parts: list[Any]) -> Any:
    """Any two neighbours or strangers, either way round, until one is left."""
    parts = list(parts)
    while len(parts) > 1:
        rng.shuffle(parts)
        a, b = parts.pop(), parts.pop()
        parts.append(kernel.merge(a, b))
    return parts[0]


@over_kernels
def test_merge_leaves_its_arguments_alone(kernel: Kernel) -> None:
    params, units = _small_job(kernel)
    middle = max(1, units // 2)
    a = kernel.run(params, Span(0, middle))
    b = kernel.run(params, Span(middle, units)) if middle < units else a
    kept = dict(a), dict(b)
    kernel.merge(a, b)
    assert (a, b) == kept


@over_kernels
def test_partials_keep_their_bounds(kernel: Kernel) -> None:
    params, units = _small_job(kernel)
    for span in (Span(0, units), *(Span(unit, unit + 1) for unit in range(units))):
        partial = kernel.run(params, span)
        if kernel.sums:
            assert partial.keys() == kernel.sums.keys()
            for name, (low, high) in kernel.sums.items():
                value = partial[name]  # type: ignore[index]
                assert type(value) is int
                assert low * span.units <= value <= high * span.units
        else:
            assert set(partial) == set(range(span.start, span.stop))
            for blob in partial.values():
                assert type(blob) is bytes
                assert len(blob) <= kernel.piece_bytes_max


@over_kernels
def test_the_largest_sums_fit_the_counters(kernel: Kernel) -> None:
    for params, _, _ in kernel.golden:
        for low, high in kernel.sums.values():
            assert max(abs(low), abs(high)) * kernel.size(params) <= SUM_MAX


@over_kernels
def test_the_answer_is_plain_json_and_files(kernel: Kernel) -> None:
    params, units = _small_job(kernel)
    answer = kernel.finish(params, kernel.run(params, Span(0, units)))
    assert isinstance(answer, dict)
    plain = {name: value for name, value in answer.items() if not isinstance(value, bytes)}
    assert plain
    assert json.loads(_as_json(plain)) == plain
    for name in answer.keys() - plain.keys():
        assert FILE_NAME.fullmatch(name), "a value of type bytes is the file that its key names"


FILE_NAME = re.compile(r"[a-z][a-z0-9_-]*(\.[a-z0-9]+)+")


def _as_json(answer: dict[str, Any]) -> str:
    return json.dumps(answer, allow_nan=False, sort_keys=True, default=bytes.hex)
