"""Spans of the kernels here that last for minutes at least, to be ended from outside."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from hydra import kernels
from hydra.model import Span

SIEGEL = {
    "set": "julia", "julia_x": -0.390540870218400, "julia_y": -0.586787907346969,
    "centre_x": -0.4, "centre_y": -0.25, "width": 0.1, "columns": 64, "rows": 64,
}  # fmt: skip
"""Points of a disc on which orbits neither escape nor come back."""

HEAVY: dict[str, tuple[str, dict[str, Any], Span]] = {
    "pi": ("pi", {"samples": 10**18}, Span(0, 10**8)),
    "pi, philox": ("pi", {"samples": 10**18, "generator": "philox"}, Span(0, 10**7)),
    "option": ("option", {"samples": 10**14}, Span(0, 10**9)),
    "mandelbrot, one tile": (
        "mandelbrot", SIEGEL | {"iterations": 10**7, "antialias": 4}, Span(0, 1)
    ),
}  # fmt: skip


def run(name: str) -> None:
    """Compute one of them."""
    kernel, given, span = HEAVY[name]
    module = kernels.load()[kernel]
    module.run(kernels.parse_params(module, given), span)


def isas(name: str) -> tuple[str, ...]:
    """The instruction sets that its kernel can be told to use here; none if it is not compiled."""
    try:
        return tuple(_compiled(name).isas())
    except ImportError:
        return ()


@contextmanager
def on(name: str, isa: str) -> Iterator[None]:
    """Have its kernel use this instruction set."""
    module = _compiled(name)
    module.select(isa)
    try:
        yield
    finally:
        module.select(os.environ.get("HYDRA_ISA", ""))


def _compiled(name: str) -> Any:
    return import_module(f"hydra.kernels.native.{HEAVY[name][0]}")
