"""Kernels for tests: declared in a few words, made as a module's are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hydra.kernels import Kernel, Param, add_sums
from hydra.model import Params, Span


def toy(name: str, **declared: Any) -> Kernel:
    """A kernel of that name: what is declared, and for the rest one that counts its units.

    None takes a declaration away.
    """

    def run(_params: Params, span: Span) -> dict[str, int]:
        return {"value": span.units}

    values: dict[str, Any] = {
        "__name__": name,
        "VERSION": 1,
        "GOLDEN": (),
        "PARAMS": {"units": Param(int, 100, 1, 10**6)},
        "SUMS": None if "PIECE_BYTES_MAX" in declared else {"value": (0, 1_000)},
        "size": lambda params: params["units"],
        "run": run,
        "merge": add_sums,
        "finish": lambda params, whole: whole,
    } | declared
    return Kernel.of(SimpleNamespace(**{n: v for n, v in values.items() if v is not None}))
