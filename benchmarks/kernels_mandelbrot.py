"""Pixels a second of the mandelbrot kernel in three views, beside NumPy and numba.

The counts of all are compared before anything is timed. `tiles` is what a worker hands in: counts
and colours, packed; the other rows are counts alone, which is what the peers compute.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks import peers_numpy
from benchmarks.report import Rows
from benchmarks.timing import in_turn, timed_s
from hydra.kernels import Kernel, parse_params
from hydra.kernels.builtin import mandelbrot
from hydra.kernels.pictures.view import TILE, box_of, view_of

ALL_CHECKS = 3
SAMPLE_S = 0.25
"""CPU time of one sample, at least: a picture that takes less is computed several times, so that
what the implementation before it left in the caches does not count."""
TILES = "tiles"
BATCH_TILES = 4
"""Tiles of one call: their squares, which peers do not give, are dropped while in the cache."""
CHECK_PIXELS = 192
"""Pixels across the picture by which the counts are compared."""

VIEWS = {
    "whole": {"centre_x": -0.75, "width": 2.5, "columns": 2048, "iterations": 1000},
    "seahorse": {
        "centre_x": -0.743643887037151, "centre_y": 0.13182590420533, "width": 1e-5,
        "columns": 1024, "iterations": 5000,
    },
    "interior": {
        "centre_x": -0.12256116688, "centre_y": 0.74486176662, "width": 0.25, "columns": 512,
        "iterations": 5000,
    },
}  # fmt: skip

Work = Callable[[], Any]


@dataclass(frozen=True)
class Picture:
    """A square view as each implementation wants it."""

    params: dict[str, Any]

    @classmethod
    def of(cls, view: str, columns: int = 0) -> Picture:
        """The view, or the same with so many pixels across."""
        given = VIEWS[view] | ({"columns": columns} if columns else {})
        return cls(parse_params(Kernel.of(mandelbrot), given | {"rows": given["columns"]}))

    @property
    def pixels(self) -> int:
        """How many it has."""
        return int(self.params["columns"]) * int(self.params["rows"])

    def points(self) -> tuple[Any, Any]:
        """Real and imaginary part of each pixel's centre, as native/mandel_point.h has them."""
        view = view_of(self.params)
        steps = 2.0 * np.arange(view.columns) + 1 - view.columns
        xs = view.centre_x + steps * view.half_pixel
        ys = view.centre_y - steps * view.half_pixel
        return np.tile(xs, view.rows), np.repeat(ys, view.columns)

    def boxes(self) -> list[Any]:
        """Its tiles."""
        columns, rows = int(self.params["columns"]), int(self.params["rows"])
        return [box_of(columns, rows, unit) for unit in range(mandelbrot.size(self.params))]

    def whole(self, tiles: Any) -> Any:
        """The counts of its tiles, all of full size, as one row after the other."""
        counts = np.empty((int(self.params["rows"]), int(self.params["columns"])), np.uint32)
        for box, tile in zip(self.boxes(), tiles, strict=True):
            counts[box.row : box.row + TILE, box.column : box.column + TILE] = tile
        return counts.ravel()


def measure(rows: Rows, rounds: int, only: str) -> dict[str, float]:
    """The tables; pixels a second by "view: implementation"."""
    medians: dict[str, float] = {}
    for view in VIEWS:
        differ_ppm = _compare(view, only)
        picture = Picture.of(view)
        works = _works(picture, only)
        times = {name: math.ceil(SAMPLE_S / timed_s(work)) for name, work in works.items()}
        runs = in_turn(
            {name: partial(_again, work, times[name]) for name, work in works.items()}, rounds
        )
        pixels = {name: picture.pixels * times[name] for name in works}
        here = {name: pixels[name] / statistics.median(found) for name, found in runs.items()}
        for name, found in runs.items():
            side = picture.params["columns"]
            rows.add(
                f"Mandelbrot, {view}: {side} x {side}, {picture.params['iterations']} iterations",
                implementation=name,
                mpixels_s=here[name] / 1e6,
                best_mpixels_s=pixels[name] / min(found) / 1e6,
                fastest_is_times=max(here.values()) / here[name],
                differ_ppm=differ_ppm.get(name, ""),
                runs=len(found),
            )
        medians |= {f"{view}: {name}": rate for name, rate in here.items()}
    try:
        import hydra.kernels.native.mandelbrot  # noqa: F401
    except ImportError:
        rows.note("the mandelbrot kernel is not compiled here")
    return medians


def _compare(view: str, only: str) -> dict[str, float]:
    """How many counts in a million differ from those in NumPy's reals, in a small picture."""
    picture = Picture.of(view, CHECK_PIXELS)
    right = peers_numpy.counts_in_bursts(*picture.points(), picture.params["iterations"])
    differ_ppm = {}
    for name, work in _works(picture, only).items():
        if name.endswith(TILES):
            continue
        made = work()
        if made.ndim > 1:
            made = picture.whole(made)
        differ_ppm[name] = 1e6 * float((made != right).mean())
    return differ_ppm


def _works(picture: Picture, only: str) -> dict[str, Work]:
    iterations = int(picture.params["iterations"])
    xs, ys = picture.points()
    works = _ours(picture)
    works["NumPy, complex, shrinking"] = lambda: peers_numpy.counts_of_complex(xs, ys, iterations)
    works["NumPy, bursts and shape check"] = lambda: peers_numpy.counts_in_bursts(
        xs, ys, iterations
    )
    try:
        from benchmarks import peers_numba
    except ImportError:
        pass
    else:
        works["numba"] = lambda: peers_numba.plain(xs, ys, iterations)
        works["numba, same checks"] = lambda: peers_numba.with_checks(xs, ys, iterations)
    return {name: work for name, work in works.items() if only.lower() in name.lower()}


def _ours(picture: Picture) -> dict[str, Work]:
    try:
        from hydra.kernels.native import mandelbrot as compiled
    except ImportError:
        return {}
    view, boxes = view_of(picture.params), picture.boxes()
    tiles = np.zeros((len(boxes), TILE, TILE), np.uint32)  # kept: fresh memory would cost a third
    works: dict[str, Work] = {}
    for isa in reversed(compiled.isas()):
        works[f"Hydra, {isa}"] = partial(_counts, isa, view, boxes, tiles)
    works[f"Hydra, {compiled.isas()[-1]}, {TILES}"] = lambda: compiled.render(view, boxes)
    return works


def _again(work: Work, times: int) -> None:
    for _ in range(times):
        work()


def _counts(isa: str, view: Any, boxes: list[Any], tiles: Any) -> Any:
    """The counts of each box, into `tiles`."""
    from hydra.kernels.native import mandelbrot as compiled

    for first in range(0, len(boxes), BATCH_TILES):
        batch = boxes[first : first + BATCH_TILES]
        made = compiled.samples_as(isa, ALL_CHECKS, view, batch, 0.0, 0.0)
        for at, (counts, _) in enumerate(made, first):
            tiles[at] = np.frombuffer(counts, np.uint32).reshape(TILE, TILE)
    return tiles
