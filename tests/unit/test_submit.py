"""A request is checked whole before anything exists."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hydra import wiring
from hydra.adapters.memory_queue import MemoryQueue
from hydra.errors import BadKernel, BadParam, HydraError, KeyReused, NoSuchKernel, TooLarge, TooMany
from hydra.kernels import Param
from hydra.services import Hydra
from hydra.services.submit import submit
from hydra.settings import Settings
from tests.toy import toy


@pytest.fixture
def h() -> Hydra:
    return wiring.in_memory(Settings.read({"HYDRA_JOBS_OPEN_MAX": "2"}))


def with_kernel(**declared: Any) -> Hydra:
    kernel = toy("toy", PARAMS={"units": Param(int, 1, 0, 10**18)}, **declared)
    return wiring.in_memory(load=lambda: {"toy": kernel})


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (0, "samples must be at least 1, not 0"),
        (-5, "samples must be at least 1, not -5"),
        (10**30, "samples must be at most 1000000000000000000"),
        ("abc", "samples must be a whole number, not abc"),
        (float("nan"), "samples must be a whole number, not nan"),
        (float("inf"), "samples must be a whole number, not inf"),
        (1.5, "samples must be a whole number, not 1.5"),
        (True, "samples must be a whole number, not True"),
        (None, "samples must be a whole number, not None"),
        ([1], "samples must be a whole number"),
        ("9" * 5_000, "samples must be a whole number, not 999"),
    ],
)
def test_a_bad_number_names_field_and_bound(h: Hydra, samples: object, sentence: str) -> None:
    with pytest.raises(BadParam) as caught:
        submit(h, "pi", {"samples": samples})
    assert caught.value.sentence.startswith(sentence)
    assert caught.value.field == "samples"
    assert list(h.store.views.jobs(9)) == []


def test_every_wrong_parameter_is_named_at_once(h: Hydra) -> None:
    with pytest.raises(BadParam) as caught:
        submit(h, "pi", {"colour": 1, "seed": -1, "samples": 0, "generator": "dice"})
    assert [error.field for error in caught.value.errors] == [
        "colour",
        "samples",
        "seed",
        "generator",
    ]
    assert caught.value.sentence == caught.value.errors[0].sentence
    assert caught.value.field == "colour"
    assert list(h.store.views.jobs(9)) == []


@pytest.mark.parametrize("samples", [10**12, 1e12, "1e12", " 1_000_000_000_000 ", "1000000000000"])
def test_a_number_may_be_written_as_people_do(h: Hydra, samples: object) -> None:
    assert submit(h, "pi", {"samples": samples}).spec.params["samples"] == 10**12


def test_an_unknown_kernel_or_parameter_is_named(h: Hydra) -> None:
    with pytest.raises(NoSuchKernel, match=r"no kernel 'tau'; installed are .*pi"):
        submit(h, "tau", {})
    with pytest.raises(BadParam, match="points is not a parameter; known are samples, seed"):
        submit(h, "pi", {"points": 1})


@pytest.mark.parametrize(
    ("priority", "says"),
    [
        (0.0, "at least 0.01, not 0.0"),
        (-1.0, "at least 0.01, not -1.0"),
        (101.0, "at most 100, not 101.0"),
        (float("nan"), "a finite number, not nan"),
        (float("inf"), "a finite number, not inf"),
        ("1e3", "at most 100, not 1e3"),
        ("much", "a finite number, not much"),
        ("", "a finite number"),
        (True, "a finite number, not True"),
    ],
)
def test_a_bad_priority_is_named_and_nothing_is_opened(
    h: Hydra, priority: float | str, says: str
) -> None:
    with pytest.raises(BadParam, match=f"^priority must be {re.escape(says)}") as caught:
        submit(h, "pi", {}, priority=priority)
    assert caught.value.field == "priority"
    assert list(h.store.views.jobs(9)) == []


@pytest.mark.parametrize("priority", [3, 3.0, "3", " 3.0 ", "0.3e1"])
def test_a_priority_may_be_written_as_people_do(h: Hydra, priority: float | str) -> None:
    assert submit(h, "pi", {}, priority=priority).spec.priority == 3.0


def test_a_bad_priority_and_bad_parameters_are_named_together(h: Hydra) -> None:
    with pytest.raises(BadParam) as caught:
        submit(h, "pi", {"samples": 0}, priority=0)
    assert [error.field for error in caught.value.errors] == ["samples", "priority"]


def test_too_many_unfinished_jobs_are_refused(h: Hydra) -> None:
    submit(h, "pi", {})
    submit(h, "pi", {})
    with pytest.raises(TooMany, match="at most 2 jobs"):
        submit(h, "pi", {})


def test_a_key_is_one_request(h: Hydra) -> None:
    first = submit(h, "pi", {"seed": 1}, key="k")
    assert submit(h, "pi", {"seed": 1}, key="k").id == first.id
    with pytest.raises(KeyReused):
        submit(h, "pi", {"seed": 2}, key="k")


@pytest.mark.parametrize(
    ("declared", "units", "error"),
    [
        ({"SUMS": {"n": (0, 1)}}, 0, TooLarge),
        ({"SUMS": {"n": (0, 1)}}, 2**53, TooLarge),
        ({"SUMS": {"n": (0, 2**40)}}, 2**30, TooLarge),
        ({"SUMS": {"n": (-(2**40), 0)}}, 2**30, TooLarge),
        ({"PIECE_BYTES_MAX": 2**18}, 2**12, TooLarge),
    ],
)
def test_what_could_not_be_counted_is_refused(
    declared: dict[str, Any], units: int, error: type[HydraError]
) -> None:
    with pytest.raises(error):
        submit(with_kernel(**declared), "toy", {"units": units})


def test_submitting_calls_every_worker_and_two_more(h: Hydra) -> None:
    assert isinstance(h.queue, MemoryQueue)
    h.queue.listening = ["a", "b", "c"]
    job = submit(h, "pi", {})
    assert h.queue.tasks == [(job.id, 0)] * 5


@pytest.mark.parametrize("unit_cost", [0.0, -1.0, float("nan"), float("inf")])
def test_a_unit_must_be_some_work(unit_cost: float) -> None:
    h = with_kernel(unit_cost=lambda params: unit_cost)
    with pytest.raises(BadKernel, match="unit_cost must be above 0") as caught:
        submit(h, "toy", {})
    assert caught.value.field == "unit_cost"
    assert list(h.store.views.jobs(9)) == []
