"""What a chunk computes: the kernel contract, and the discovery of kernels.

A kernel is a module: any file of the folder `builtin` whose name does not start with `_`, or a
module that an installed package names under the entry point group `hydra.kernels`. Nothing else
names it. The web form, the command line, the API's checks and the contract tests are drawn from
what it declares. What lies beside `builtin` is for kernels to build on, such as `streams`.

`run` must be a pure function of its arguments and give the same bytes on every machine: no state,
no clock, no floating-point sums whose order could matter.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import entry_points
from typing import Any, Protocol, cast

from hydra.errors import BadParam, FieldError, NoSuchKernel
from hydra.kernels import builtin
from hydra.kernels.limbs import Limbs as Limbs
from hydra.kernels.limbs import fixed as fixed
from hydra.model import Params, Partial, Pieces, Span, Sums
from hydra.model.costs import Costs

ENTRY_POINTS = "hydra.kernels"


@dataclass(frozen=True, slots=True)
class Param:
    """One typed, bounded, documented parameter of a kernel.

    `kind` is int, float or str. Numbers are bounded by `low` and `high`, both inclusive; a str
    must be one of `choices`.
    """

    kind: type
    default: int | float | str
    low: int | float | None = None
    high: int | float | None = None
    doc: str = ""
    choices: tuple[str, ...] = ()

    def parse(self, name: str, value: object) -> int | float | str:
        """The value in its type, or BadParam naming the field and the bound.

        Numbers may come as text (a form, a command line). 1e12 and 928.0 are integers; True and
        NaN are not numbers.
        """
        if self.kind is str:
            if value not in self.choices:
                known = ", ".join(self.choices)
                raise BadParam(f"{name} must be one of {known}, not {_show(value)}", field=name)
            return value
        number = _number(self.kind, value)
        if number is None:
            noun = "a whole number" if self.kind is int else "a finite number"
            raise BadParam(f"{name} must be {noun}, not {_show(value)}", field=name)
        if self.low is not None and number < self.low:
            raise BadParam(f"{name} must be at least {self.low}, not {_show(value)}", field=name)
        if self.high is not None and number > self.high:
            raise BadParam(f"{name} must be at most {self.high}, not {_show(value)}", field=name)
        return number


NUMBER_CHARS_MAX = 64
"""Longest text that is read as a number: nothing longer can be inside anyone's bounds."""


def _number(kind: type, value: object) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip().replace("_", "")
        # int() would take the digits of every script; no form or command line writes those.
        if not text.isascii() or not 0 < len(text) <= NUMBER_CHARS_MAX:
            return None
        try:
            value = int(text)
        except ValueError:
            try:
                value = float(text)
            except ValueError:
                return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if kind is float:
        try:
            return float(value)
        except OverflowError:
            return None
    return int(value) if value == int(value) else None


def _show(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= NUMBER_CHARS_MAX else text[:NUMBER_CHARS_MAX] + "..."


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a running job's sums say already: a value and its 95 % interval."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tile:
    """One unit's part of a picture: its place on the canvas, and its pixels row by row."""

    x: int
    y: int
    columns: int
    rows: int
    rgb: bytes
    """Three bytes a pixel, columns * rows * 3 in all."""


class Kernel(Protocol):
    """The contract of a kernel module.

    Besides these, a module declares either `SUMS`, the least and greatest value of each named sum
    for one unit, or `PIECE_BYTES_MAX`, the largest blob of one unit. It may declare
    `unit_cost(params) -> float`, the work in one unit relative to other parameters, or, where units
    differ, `costs(params) -> Sequence[int]`, the expected work of each, never rising;
    `estimate(params, sums, done_units) -> Estimate` for those who watch; `UNIT_HOLDS`, what a unit
    is made of, such as (262144, "points"); `PRESETS`, named sets of parameters worth trying,
    such as {"a trillion": {"samples": 10**12}}; and `bound_units_s() -> float`, the units a second
    that one core of this machine cannot exceed, for `hydra doctor` to compare.

    A kernel of pieces that draws a picture declares how to show it while it grows:
    `canvas(params) -> (columns, rows)`, and `paint(params, unit, blob) -> Tile` for one piece.
    When the job is done, its answer's file `image.png` is shown instead. It may also declare
    `preview(params) -> bytes`, a small PNG of about the same picture within milliseconds.
    """

    __name__: str
    __doc__: str | None
    VERSION: int
    PARAMS: Mapping[str, Param]
    GOLDEN: Sequence[tuple[Params, tuple[int, int], Partial]]
    """Known answers: (parameters, (start, stop), partial). They are part of the version."""

    def size(self, params: Params) -> int:
        """How many units the job has."""

    def run(self, params: Params, span: Span) -> Partial:
        """Compute one span, on a worker."""

    def merge(self, a: Any, b: Any) -> Any:
        """Two partials into one; any order gives the same."""

    def finish(self, params: Params, whole: Any) -> dict[str, Any]:
        """The whole into an answer that JSON can carry; a value of bytes is a file of that name."""


def add_sums(a: Sums, b: Sums) -> Sums:
    """Merge for kernels of named sums."""
    return {name: a[name] + b[name] for name in a}


def join_pieces(a: Pieces, b: Pieces) -> Pieces:
    """Merge for kernels of pieces."""
    return {**a, **b}


def parse_params(kernel: Kernel, given: Mapping[str, object]) -> dict[str, int | float | str]:
    """All parameters of the kernel, checked, with defaults for those not given.

    Raises BadParam naming every field that is unknown, of the wrong type or out of bounds.
    """
    known = ", ".join(kernel.PARAMS)
    unknown = [_show(name) for name in given if name not in kernel.PARAMS]
    wrong = [FieldError(name, f"{name} is not a parameter; known are {known}") for name in unknown]
    found: dict[str, int | float | str] = {}
    for name, param in kernel.PARAMS.items():
        try:
            found[name] = param.parse(name, given.get(name, param.default))
        except BadParam as error:
            wrong += error.errors
    if wrong:
        raise BadParam.of(wrong)
    return found


def name_of(kernel: Kernel) -> str:
    """The kernel's name: the last part of its module's."""
    return kernel.__name__.rpartition(".")[2]


def version_of(kernel: Kernel) -> str:
    """A digest of name, VERSION and golden outputs: editions that agree may serve one job."""
    golden = [
        [sorted(params.items()), list(span), _plain(partial)]
        for params, span, partial in kernel.GOLDEN
    ]
    text = json.dumps([name_of(kernel), kernel.VERSION, golden], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(partial: Partial) -> list[list[object]]:
    return [
        [str(key), value.hex() if isinstance(value, bytes) else value]
        for key, value in sorted(partial.items())
    ]


@cache
def load() -> dict[str, Kernel]:
    """Every kernel of this installation by name: the files of `builtin`, then entry points.

    A file of `builtin` wins over an entry point of the same name.
    """
    found: dict[str, Kernel] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        module = cast(Kernel, entry.load())
        found[name_of(module)] = module
    for info in pkgutil.iter_modules(builtin.__path__):
        if not (info.name.startswith("_") or info.ispkg):
            module = importlib.import_module(f"{builtin.__name__}.{info.name}")
            found[info.name] = cast(Kernel, module)
    return dict(sorted(found.items()))


def find(kernels: Mapping[str, Kernel], name: str) -> Kernel:
    """The kernel of this name, or NoSuchKernel."""
    try:
        return kernels[name]
    except KeyError:
        raise NoSuchKernel(
            f"no kernel {_show(name)!r}; installed are {', '.join(kernels)}", field="kernel"
        ) from None


COSTS_KEPT = 16
"""Jobs whose units' costs a process remembers."""


def units_differ(kernel: Kernel) -> bool:
    """Whether its units are not all the same work: what they cost is foretold, and may be wrong."""
    return hasattr(kernel, "costs")


def costs_of(kernel: Kernel, params: Params) -> Costs:
    """What the units cost; 1.0 each if the kernel says nothing."""
    each, level = getattr(kernel, "costs", None), getattr(kernel, "unit_cost", None)
    if each:
        return _laid_out(each, tuple(sorted(params.items())))
    return Costs(float(level(params)) if level else 1.0)


@lru_cache(COSTS_KEPT)
def _laid_out(
    costs: Callable[[Params], Sequence[int]], params: tuple[tuple[str, int | float | str], ...]
) -> Costs:
    return Costs.of_each(costs(dict(params)))


def estimate_of(
    kernel: Kernel, params: Params, sums: Mapping[str, int], done_units: int
) -> Estimate | None:
    """What the sums say so far; None before the first unit, or if the kernel says nothing."""
    declared = getattr(kernel, "estimate", None)
    if declared is None or not done_units:
        return None
    return cast(Estimate, declared(params, sums, done_units))


def canvas_of(kernel: Kernel | None, params: Params) -> tuple[int, int] | None:
    """Columns and rows of the job's picture; None if it draws none, or if there is no kernel."""
    declared = getattr(kernel, "canvas", None)
    return cast("tuple[int, int]", declared(params)) if declared else None


def paint(kernel: Kernel, params: Params, unit: int, blob: bytes) -> Tile:
    """What one piece shows; only of a kernel with a canvas."""
    return cast(Tile, cast(Any, kernel).paint(params, unit, blob))


def preview_of(kernel: Kernel | None, params: Params) -> bytes | None:
    """A small PNG of the picture to come; None if the kernel offers none, or is not here."""
    declared = getattr(kernel, "preview", None)
    return cast(bytes, declared(params)) if declared else None


def presets_of(kernel: Kernel) -> Mapping[str, Params]:
    """Sets of parameters that the kernel offers by name."""
    return cast("Mapping[str, Params]", getattr(kernel, "PRESETS", {}))


def unit_holds(kernel: Kernel | None) -> tuple[int, str]:
    """How many of what are in one unit, for people; of a kernel that is not here, the unit."""
    return getattr(kernel, "UNIT_HOLDS", (1, "units"))
