"""A kernel that sleeps: its units take a known time and no processor; its sum is easily checked.

Where computing is not the subject, tests use it in place of real work, so that they take the same
time on every machine and leave its cores to others. The sum is a pure function of parameters and
span: a unit that is lost, counted twice or put in another's place changes it.
"""

from __future__ import annotations

import time
from typing import Any

from hydra.kernels import Param, add_sums
from hydra.model import Params, Span, Sums

VERSION = 1

UNIT_MS = 5
"""What a unit takes unless a test says otherwise: a slice then has about fifty."""

UNITS_MAX = 10**6

PARAMS = {
    "units": Param(int, 100, 1, UNITS_MAX, "how many units"),
    "unit_ms": Param(int, UNIT_MS, 0, 1000, "how long one takes"),
    "seed": Param(int, 0, 0, 2**63, "which sum"),
}

_BITS = (1 << 32) - 1

SUMS = {"mark": (0, _BITS), "units": (1, 1)}

merge = add_sums


def size(params: Params) -> int:
    return int(params["units"])


def unit_cost(params: Params) -> float:
    """Work in a unit: its time."""
    return max(float(params["unit_ms"]), 0.01)


def mark(seed: int, unit: int) -> int:
    """Any 32 bits that belong to this unit alone: one round of splitmix64."""
    z = (seed + (unit + 1) * 0x9E3779B97F4A7C15) & (1 << 64) - 1
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    z = (z ^ z >> 27) * 0x94D049BB133111EB & (1 << 64) - 1
    return (z ^ z >> 31) >> 32


def counted(params: Params, span: Span) -> Sums:
    """The sum of a span, without the sleep."""
    seed = int(params["seed"])
    return {"mark": sum(mark(seed, unit) for unit in range(*span)), "units": span.units}


def run(params: Params, span: Span) -> Sums:
    time.sleep(span.units * int(params["unit_ms"]) / 1000)
    return counted(params, span)


def finish(params: Params, whole: Sums) -> dict[str, Any]:
    return {"mark": whole["mark"], "units": whole["units"]}


GOLDEN: list[tuple[Params, tuple[int, int], Sums]] = [
    ({"units": 9, "unit_ms": 0, "seed": 0}, (0, 3), {"mark": 5760721851, "units": 3}),
]


def lasting(worker_s: float, seed: int = 7) -> dict[str, int]:
    """Parameters of a job that one worker does in so many seconds."""
    return {"units": round(worker_s * 1000 / UNIT_MS), "unit_ms": UNIT_MS, "seed": seed}


def answer(params: Params) -> dict[str, Any]:
    """The one right answer."""
    return finish(params, counted(params, Span(0, size(params))))
