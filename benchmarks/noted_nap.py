"""A kernel that sleeps, and notes when it begins: who took what, and when, in any system.

Each unit takes UNIT_S and no processor, so that the machine's load decides nothing. A note is one
line in the file BENCH_TRACE; the session of processes tells the worker.
"""

from __future__ import annotations

import os
import time
from typing import Any

from hydra.kernels import Param, add_sums
from hydra.model import Params, Span, Sums

VERSION = 1

UNIT_S = 0.05

PARAMS = {"units": Param(int, 100, 1, 10**6, "how many units")}

SUMS = {"units": (1, 1)}

GOLDEN: list[tuple[Params, tuple[int, int], Sums]] = []

merge = add_sums


def size(params: Params) -> int:
    return int(params["units"])


def run(params: Params, span: Span) -> Sums:
    nap(*span)
    return {"units": span.units}


def finish(params: Params, whole: Sums) -> dict[str, Any]:
    return dict(whole)


def nap(start: int, stop: int) -> None:
    """Begin a span, note it, and sleep through it: what the peers' tasks call."""
    note = f"{os.getsid(0)} {time.time_ns()} {start} {stop}\n"
    with open(os.environ["BENCH_TRACE"], "a") as trace:
        trace.write(note)
    time.sleep((stop - start) * UNIT_S)
