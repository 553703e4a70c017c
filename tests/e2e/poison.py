"""A kernel for tests that fails on one unit, in the way that its job names."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Any

from hydra.kernels import Param, add_sums
from hydra.model import Span

VERSION = 1
GOLDEN: tuple[Any, ...] = ()
PARAMS = {
    "how": Param(
        str,
        "not",
        choices=(
            *("not", "segfault", "loop", "leak", "raise"),
            *("finish by segfault", "finish by loop", "finish by leak"),
        ),
    ),
    "units": Param(int, 40, 1, 1_000),
}
SUMS = {"value": (0, 1)}

BAD_UNIT = 23
"""Of those jobs that fail and have so many."""

UNIT_S = 0.005


def size(params: Mapping[str, Any]) -> int:
    """As asked."""
    return int(params["units"])


def run(params: Mapping[str, Any], span: Span) -> dict[str, int]:
    """Count the units, if they can be."""
    time.sleep(UNIT_S * span.units)
    if min(BAD_UNIT, size(params) - 1) in range(*span):
        fail(params["how"])
    return {"value": span.units}


def fail(how: str) -> None:
    """Do harm."""
    if how == "segfault":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "raise":
        raise ValueError("bad unit")
    hoard = []
    while how == "leak":
        hoard.append(bytearray(16 << 20))
    while how == "loop":
        time.sleep(0.1)


merge = add_sums


def finish(params: Mapping[str, Any], whole: dict[str, int]) -> dict[str, int]:
    """The sum is the answer, if it can be told."""
    _, _, how = params["how"].partition("finish by ")
    fail(how)
    return whole
