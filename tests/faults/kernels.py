"""Kernels of known answers, whose units take a process's own virtual time.

`adding` and `drawing` compute, and the latter's answer takes time and has a file; `tripping` raises
on one unit a few times and then comes right; `raising` raises on it for ever, `killing` takes its
process with it, and `hanging` never returns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from hydra.kernels import Kernel, Param, join_pieces
from hydra.model import Span
from tests.faults.loop import Process
from tests.stores import VALUE_MAX, blob_of, value_of
from tests.toy import toy

TRIPS = 2
"""How often `tripping` raises: crashes come on top, and LOSSES_MAX would end the job."""

POISON = ("raising", "killing", "hanging")
PICTURE = "picture.bin"
PIECE_BYTES_MAX = 1 << 10
UNITS_MAX = 1_000
UNIT_S = 0.05

HARD_TIMES = 10
"""A unit of the middle of a job with a hard one takes so many times as long, and nobody said so."""

PREFIX = [0]
for _unit in range(UNITS_MAX):
    PREFIX.append(PREFIX[-1] + value_of(_unit))


def bad_unit(params: Mapping[str, Any]) -> int:
    """The unit on which a kernel that fails does so."""
    return int(params["units"]) * 2 // 3


def hard_units(params: Mapping[str, Any], span: Span) -> int:
    """How many units of the span are hard: a third of the job, if it has a hard middle."""
    third = params["units"] // 3 if params["hard"] else 0
    return max(0, min(span.stop, 2 * third) - max(span.start, third))


def sum_of(span: Span) -> int:
    """What `adding` makes of a span."""
    return PREFIX[span.stop] - PREFIX[span.start]


def piece_of(unit: int) -> bytes:
    """What `drawing` makes of a unit: some 500 bytes."""
    return blob_of(unit) * 50


def picture_of(units: int) -> bytes:
    """The file of the answer of `drawing`, of several parts if there are many units."""
    return b"".join(piece_of(unit) for unit in range(units))


def answer_of(kernel: str, units: int) -> dict[str, Any]:
    """The answer of a run in one process, without Hydra around it."""
    if kernel == "drawing":
        picture = picture_of(units)
        label = {"bytes": len(picture), "sha256": hashlib.sha256(picture).hexdigest()}
        return {"units": units, "files": {PICTURE: label}}
    return {"value": sum_of(Span(0, units))}


def kernels_of(
    process: Process, speed: float, trips: dict[Any, int], finish_s: Callable[[], float]
) -> dict[str, Kernel]:
    """The kernels as one process runs them; `trips` counts for the whole fleet.

    `finish_s` says how long the answer of a picture takes.
    """

    def take_time(params: Mapping[str, Any], span: Span) -> None:
        units = span.units + (HARD_TIMES - 1) * hard_units(params, span)
        process.compute(UNIT_S * units / speed * process.slowness())

    def sums(params: Mapping[str, Any], span: Span) -> dict[str, int]:
        take_time(params, span)
        return {"value": sum_of(span)}

    def pieces(params: Mapping[str, Any], span: Span) -> dict[int, bytes]:
        take_time(params, span)
        return {unit: piece_of(unit) for unit in range(*span)}

    def trip(params: Mapping[str, Any], span: Span) -> dict[str, int]:
        key = params["units"], params["seed"]
        if bad_unit(params) in range(*span) and trips.get(key, 0) < TRIPS:
            trips[key] = trips.get(key, 0) + 1
            raise ValueError("not yet")
        return sums(params, span)

    def fail(params: Mapping[str, Any], span: Span) -> dict[str, int]:
        if bad_unit(params) in range(*span):
            raise ValueError("bad unit")
        return sums(params, span)

    def kill(params: Mapping[str, Any], span: Span) -> dict[str, int]:
        if bad_unit(params) in range(*span):
            process.crash("a kernel killed it")
        return sums(params, span)

    def hang(params: Mapping[str, Any], span: Span) -> dict[str, int]:
        while bad_unit(params) in range(*span):
            process.compute(1_000)
        return sums(params, span)

    def draw(_params: Mapping[str, Any], whole: dict[int, bytes]) -> dict[str, Any]:
        process.compute(finish_s())
        return {"units": len(whole), PICTURE: b"".join(whole[unit] for unit in sorted(whole))}

    runs = {
        "adding": sums,
        "drawing": pieces,
        "tripping": trip,
        "raising": fail,
        "killing": kill,
        "hanging": hang,
    }
    return {name: _kernel(name, run, draw) for name, run in runs.items()}


def _kernel(name: str, run: Any, draw: Any) -> Kernel:
    of_sums: dict[str, Any] = {"SUMS": {"value": (0, VALUE_MAX)}}
    of_pieces: dict[str, Any] = {
        "PIECE_BYTES_MAX": PIECE_BYTES_MAX,
        "merge": join_pieces,
        "finish": draw,
    }
    return toy(
        name,
        run=run,
        PARAMS={
            "units": Param(int, 10, 1, UNITS_MAX),
            "seed": Param(int, 0, 0),
            "hard": Param(int, 0, 0, 1),
        },
        **(of_pieces if name == "drawing" else of_sums),
    )
