"""A kernel for chaos: each unit takes a fixed time and no processor; its sum is easily checked.

One unit may be poisoned. Every call is noted in the file CHAOS_TRACE, so that it can be said how
much was computed for nothing.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import Any

from hydra.kernels import Param, add_sums
from hydra.model import Params, Span, Sums

VERSION = 1

NEVER = -1

PARAMS = {
    "units": Param(int, 100, 1, 10**6, "how many units"),
    "unit_ms": Param(int, 10, 0, 1000, "how long one takes"),
    "seed": Param(int, 0, 0, 2**63, "which sum"),
    "poison": Param(int, NEVER, NEVER, 10**6, "this unit always raises; -1: none does"),
}

SUMS = {"mark": (0, 2**32 - 1), "units": (1, 1)}

merge = add_sums


def size(params: Params) -> int:
    return int(params["units"])


def unit_cost(params: Params) -> float:
    """Work in a unit: its time."""
    return max(float(params["unit_ms"]), 0.01)


def mark(seed: int, unit: int) -> int:
    """Any 32 bits that belong to this unit alone."""
    return int.from_bytes(hashlib.blake2b(b"%d %d" % (seed, unit), digest_size=4).digest())


def run(params: Params, span: Span) -> Sums:
    seed, poison = int(params["seed"]), int(params["poison"])
    if "CHAOS_TRACE" in os.environ:
        # The oracle computes at once; a worker takes the time that it is said to take.
        time.sleep(span.units * int(params["unit_ms"]) / 1000)
        with open(os.environ["CHAOS_TRACE"], "a") as trace:
            trace.write(f"{seed} {span.units}\n")
    if span.start <= poison < span.stop:
        raise ArithmeticError(f"unit {poison} is poisoned")
    return {"mark": sum(mark(seed, unit) for unit in range(*span)), "units": span.units}


def finish(params: Params, whole: Sums) -> dict[str, Any]:
    return {"mark": whole["mark"], "units": whole["units"]}


_TRIAL: Params = {"units": 9, "unit_ms": 0, "seed": 0, "poison": NEVER}
GOLDEN: list[tuple[Params, tuple[int, int], Sums]] = [
    (_TRIAL, (2, 4), {"mark": 4934209449, "units": 2}),
]
