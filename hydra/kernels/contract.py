"""The kernel contract: what a kernel module declares, read once into one object.

A module declares

- `VERSION`, a whole number; `PARAMS`, a `Param` for each parameter; `GOLDEN`, known answers as
  (parameters, (start, stop), partial), which are part of the version;
- `size(params)`, how many units the job has; `run(params, span)`, one span's partial;
  `merge(a, b)`, two partials into one, the same in any order; `finish(params, whole)`, the whole
  into an answer that JSON can carry, where a value of bytes is a file of that name;
- either `SUMS`, the least and greatest value of each named sum for one unit, or
  `PIECE_BYTES_MAX`, the largest blob of one unit.

It may declare

- `unit_cost(params) -> float`, the work in one unit relative to other parameters, or, where units
  differ, `costs(params) -> Sequence[int]`, the expected work of each, never rising;
- `estimate(params, sums, done_units) -> Estimate`, for those who watch;
- `canvas(params) -> (columns, rows)` and `paint(params, unit, blob) -> Tile`, to show a picture of
  pieces while it grows; when the job is done, its answer's file `image.png` is shown instead. And
  `preview(params) -> bytes`, a small PNG of about the same picture within milliseconds;
- `UNIT_HOLDS`, what a unit is made of, such as (262144, "points"); `PRESETS`, named sets of
  parameters worth trying, such as {"a trillion": {"samples": 10**12}}; `BACKEND`, what computes
  here, an instruction set or "numpy"; `bound_units_s() -> float`, the units a second that one core
  of this machine cannot exceed, for `hydra doctor` to compare.

`run` must be a pure function of its arguments and give the same bytes on every machine: no state,
no clock, no floating-point sums whose order could matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from hydra.errors import BadKernel
from hydra.kernels.params import Param
from hydra.model import Params, Partial, Pieces, Span, Sums, limits
from hydra.model.costs import Costs

Golden = tuple[Params, tuple[int, int], Partial]

UNITS = (1, "units")
"""What a unit holds, for people, where nothing is known of it."""

COSTS_KEPT = 16
"""Jobs whose units' costs a process remembers."""


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


def add_sums(a: Sums, b: Sums) -> Sums:
    """Merge for kernels of named sums."""
    return {name: a[name] + b[name] for name in a}


def join_pieces(a: Pieces, b: Pieces) -> Pieces:
    """Merge for kernels of pieces."""
    return {**a, **b}


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """A kernel module's declarations, checked, with a default for each that it may leave out.

    `Kernel.of(module)` makes one; two are equal only if they are the same object.
    """

    name: str
    """The last part of the module's name."""
    doc: str
    """The first paragraph of the module's docstring."""
    version: str
    """A digest of name, VERSION and golden answers: editions that agree may serve one job."""
    params: Mapping[str, Param]
    golden: Sequence[Golden]
    size: Callable[[Params], int]
    """How many units the job has."""
    run: Callable[[Params, Span], Partial]
    """Compute one span, on a worker."""
    merge: Callable[[Any, Any], Any]
    """Two partials into one; any order gives the same."""
    finish: Callable[[Params, Any], dict[str, Any]]
    """The whole into an answer that JSON can carry; a value of bytes is a file of that name."""
    sums: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Least and greatest value of each named sum for one unit; empty for kernels of pieces."""
    piece_bytes_max: int = 0
    """Largest blob of one unit; 0 for kernels of sums."""
    unit_holds: tuple[int, str] = UNITS
    """How many of what are in one unit, for people."""
    presets: Mapping[str, Params] = field(default_factory=dict)
    """Sets of parameters worth trying, by name."""
    backend: str = ""
    """What computes here; empty if the module does not say."""
    _unit_cost: Callable[[Params], float] | None = None
    _costs: Callable[[Params], Sequence[int]] | None = None
    _estimate: Callable[[Params, Mapping[str, int], int], Estimate] | None = None
    _canvas: Callable[[Params], tuple[int, int]] | None = None
    _paint: Callable[[Params, int, bytes], Tile] | None = None
    _preview: Callable[[Params], bytes] | None = None
    _bound_units_s: Callable[[], float] | None = None

    @staticmethod
    def of(module: Any) -> Kernel:
        """What the module declares. Raises BadKernel naming the module and the declaration."""
        return _Reader(module).kernel()

    @property
    def units_differ(self) -> bool:
        """Whether its units are not all the same work: their costs are estimates, and may err."""
        return self._costs is not None

    def costs(self, params: Params) -> Costs:
        """What the units of such a job cost; 1.0 each if the kernel says nothing."""
        if self._costs:
            return _laid_out(self._costs, tuple(sorted(params.items())))
        return Costs(float(self._unit_cost(params)) if self._unit_cost else 1.0)

    @property
    def has_estimate(self) -> bool:
        """Whether it says anything of a job that still runs."""
        return self._estimate is not None

    def estimate(self, params: Params, sums: Mapping[str, int], done_units: int) -> Estimate | None:
        """What the sums say so far; None before the first unit, or if the kernel says nothing."""
        if self._estimate is None or not done_units:
            return None
        return self._estimate(params, sums, done_units)

    def canvas(self, params: Params) -> tuple[int, int] | None:
        """Columns and rows of the job's picture; None if the kernel draws none."""
        return self._canvas(params) if self._canvas else None

    def paint(self, params: Params, unit: int, blob: bytes) -> Tile:
        """What one piece shows; only of a kernel with a canvas."""
        assert self._paint, f"{self.name} draws no picture"
        return self._paint(params, unit, blob)

    @property
    def has_preview(self) -> bool:
        """Whether it offers a small picture before any of the job is computed."""
        return self._preview is not None

    def preview(self, params: Params) -> bytes | None:
        """A small PNG of the picture to come; None if the kernel offers none."""
        return self._preview(params) if self._preview else None

    def bound_units_s(self) -> float:
        """Units a second that one core of this machine cannot exceed; 0.0 if not known."""
        return self._bound_units_s() if self._bound_units_s else 0.0


@lru_cache(COSTS_KEPT)
def _laid_out(
    costs: Callable[[Params], Sequence[int]], params: tuple[tuple[str, int | float | str], ...]
) -> Costs:
    return Costs.of_each(costs(dict(params)))


_NEEDED = object()


class _Reader:
    """Reads one module's declarations; each refusal names the module and the declaration."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._path = str(getattr(module, "__name__", ""))
        self._name = self._path.rpartition(".")[2]

    def kernel(self) -> Kernel:
        """All of them, checked."""
        if not self._name:
            raise BadKernel(f"{self._module!r} is no module: it has no __name__", field="__name__")
        if self._has("costs") and self._has("unit_cost"):
            raise self._wrong("costs", "must not stand beside unit_cost")
        if self._has("canvas") and not self._has("paint"):
            raise self._wrong("paint", "is missing, and canvas is there")
        sums, piece_bytes_max = self._sums(), self._piece_bytes_max()
        if bool(sums) == bool(piece_bytes_max):
            raise self._wrong("SUMS", "or PIECE_BYTES_MAX must be declared, not both")
        golden = self._golden()
        return Kernel(
            name=self._name,
            doc=str(self._read("__doc__", "") or "").partition("\n\n")[0].strip(),
            version=self._version(golden),
            params=self._params(),
            golden=golden,
            size=self._function("size"),
            run=self._function("run"),
            merge=self._function("merge"),
            finish=self._function("finish"),
            sums=sums,
            piece_bytes_max=piece_bytes_max,
            unit_holds=self._unit_holds(),
            presets=self._presets(),
            backend=str(self._read("BACKEND", "")),
            _unit_cost=self._function("unit_cost", None),
            _costs=self._function("costs", None),
            _estimate=self._function("estimate", None),
            _canvas=self._function("canvas", None),
            _paint=self._function("paint", None),
            _preview=self._function("preview", None),
            _bound_units_s=self._function("bound_units_s", None),
        )

    def _has(self, name: str) -> bool:
        return hasattr(self._module, name)

    def _read(self, name: str, default: Any = _NEEDED) -> Any:
        value = getattr(self._module, name, default)
        if value is _NEEDED:
            raise self._wrong(name, "is missing")
        return value

    def _wrong(self, name: str, what: str) -> BadKernel:
        return BadKernel(f"kernel module {self._path}: {name} {what}", field=name)

    def _function(self, name: str, default: Any = _NEEDED) -> Any:
        value = self._read(name, default)
        if not (callable(value) or value is default):
            raise self._wrong(name, f"must be a function, not {type(value).__name__}")
        return value

    def _params(self) -> dict[str, Param]:
        declared = self._read("PARAMS")
        if not isinstance(declared, Mapping):
            raise self._wrong("PARAMS", "must be a mapping of names to Param")
        for name, param in declared.items():
            if not (isinstance(name, str) and isinstance(param, Param)):
                raise self._wrong("PARAMS", f"has {name!r}, which is not a name with a Param")
        return dict(declared)

    def _golden(self) -> list[Golden]:
        declared = self._read("GOLDEN")
        golden: list[Golden] = []
        if isinstance(declared, str | bytes) or not isinstance(declared, Sequence):
            raise self._wrong("GOLDEN", "must be a list")
        for entry in declared:
            try:
                params, (start, stop), partial = entry
                golden.append((dict(params), (start, stop), dict(partial)))
            except (TypeError, ValueError):
                shape = "(parameters, (start, stop), partial)"
                raise self._wrong("GOLDEN", f"must be of entries {shape}") from None
        return golden

    def _version(self, golden: Sequence[Golden]) -> str:
        version = self._read("VERSION")
        if not _is_whole(version):
            raise self._wrong("VERSION", f"must be a whole number, not {version!r}")
        answers = [
            [sorted(params.items()), list(span), _plain(partial)]
            for params, span, partial in golden
        ]
        try:
            text = json.dumps([self._name, version, answers], sort_keys=True)
        except TypeError as error:
            raise self._wrong("GOLDEN", f"has what JSON does not: {error}") from None
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _sums(self) -> dict[str, tuple[int, int]]:
        declared, found = self._read("SUMS", {}), {}
        if not isinstance(declared, Mapping):
            raise self._wrong("SUMS", "must be a mapping of names to (least, greatest)")
        for name, bounds in declared.items():
            if not (isinstance(name, str) and name.split() == [name]):
                raise self._wrong("SUMS", f"has {name!r}, which is not a name without spaces")
            try:
                low, high = bounds
            except (TypeError, ValueError):
                low = high = None
            if not (_is_whole(low) and _is_whole(high) and low <= high):
                raise self._wrong("SUMS", f"must give {name} as (least, greatest), whole numbers")
            found[name] = (low, high)
        if len(found) > limits.SUM_NAMES_MAX:
            raise self._wrong("SUMS", f"must have at most {limits.SUM_NAMES_MAX} names")
        return found

    def _piece_bytes_max(self) -> int:
        most = self._read("PIECE_BYTES_MAX", 0)
        if not (_is_whole(most) and 0 <= most <= limits.PIECE_BYTES_MAX):
            raise self._wrong("PIECE_BYTES_MAX", f"must be from 1 to {limits.PIECE_BYTES_MAX}")
        return int(most)

    def _unit_holds(self) -> tuple[int, str]:
        try:
            count, noun = self._read("UNIT_HOLDS", UNITS)
        except (TypeError, ValueError):
            count = noun = None
        if not (_is_whole(count) and count >= 1 and isinstance(noun, str)):
            raise self._wrong("UNIT_HOLDS", 'must be a count and a noun, such as (64, "pixels")')
        return count, noun

    def _presets(self) -> dict[str, Params]:
        declared = self._read("PRESETS", {})
        if not (
            isinstance(declared, Mapping)
            and all(isinstance(params, Mapping) for params in declared.values())
        ):
            raise self._wrong("PRESETS", "must be a mapping of names to parameters")
        return dict(declared)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _plain(partial: Partial) -> list[list[object]]:
    """A partial as JSON has it, the same for the same answer."""
    return [
        [str(key), value.hex() if isinstance(value, bytes) else value]
        for key, value in sorted(partial.items())
    ]
