"""What a picture of the mandelbrot kernel shows, as plain numbers, and how it is cut into tiles."""

from __future__ import annotations

import math
from typing import NamedTuple

from hydra.errors import BadParam, TooLarge
from hydra.kernels.pictures import palette
from hydra.model import Params

TILE = 64
"""Pixels across a tile: small enough for a live picture and fair shares, large enough to be cut
without loss."""

PIXELS_MAX = 2**26
"""Most pixels of a picture, 8192 x 8192: the blobs of its tiles take at most 410 MiB."""

STEP_ULPS_MIN = 8
"""Least distance of two samples, in steps of the doubles there: below, rounding would bend it."""


class View(NamedTuple):
    """One picture; native/mandel_point.h says what each number means."""

    centre_x: float
    centre_y: float
    half_pixel: float
    julia: bool
    julia_x: float
    julia_y: float
    bailout: float
    density: float
    columns: int
    rows: int
    iterations: int
    antialias: int
    stops: bytes
    linear: bytes


class Box(NamedTuple):
    """A part of a picture, in pixels; column and row are those of its upper left one."""

    column: int
    row: int
    width: int
    height: int


def view_of(params: Params) -> View:
    """The view that the parameters ask for."""
    columns = int(params["columns"])
    return View(
        centre_x=float(params["centre_x"]),
        centre_y=float(params["centre_y"]),
        half_pixel=float(params["width"]) / (2 * columns),
        julia=params["set"] == "julia",
        julia_x=float(params["julia_x"]),
        julia_y=float(params["julia_y"]),
        bailout=float(params["bailout"]),
        density=float(params["density"]),
        columns=columns,
        rows=int(params["rows"]),
        iterations=int(params["iterations"]),
        antialias=int(params["antialias"]),
        stops=palette.stops(str(params["palette"])),
        linear=palette.linear(),
    )


def tiles(columns: int, rows: int) -> tuple[int, int]:
    """How many tiles lie across a picture, and how many down."""
    return -(-columns // TILE), -(-rows // TILE)


def box_of(columns: int, rows: int, unit: int) -> Box:
    """Where a unit's tile lies.

    They go row by row from the upper left; those on the right and lower edge may be smaller.
    """
    down, across = divmod(unit, tiles(columns, rows)[0])
    column, row = across * TILE, down * TILE
    return Box(column, row, min(TILE, columns - column), min(TILE, rows - row))


def check(params: Params) -> None:
    """Whether the parameters go together.

    Raises TooLarge if the picture has too many pixels, BadParam naming the smallest width if its
    samples lie too close for double precision.
    """
    columns, rows = int(params["columns"]), int(params["rows"])
    if columns * rows > PIXELS_MAX:
        raise TooLarge(
            f"a picture has at most {PIXELS_MAX} pixels, not {columns} x {rows}", field="rows"
        )
    width, least = float(params["width"]), _width_min(params)
    if width < least:
        raise BadParam(
            f"width must be at least {least!r} here, not {width!r}: "
            "double precision cannot tell closer samples apart",
            field="width",
        )


def _width_min(params: Params) -> float:
    """The smallest width at which neighbouring samples are STEP_ULPS_MIN apart everywhere."""
    columns, rows = int(params["columns"]), int(params["rows"])
    samples = columns * int(params["antialias"])
    far = max(abs(float(params["centre_x"])), abs(float(params["centre_y"])))
    least = 0.0
    for _ in range(3):  # the picture's own extent hardly ever counts
        reach = far + least / 2 * max(1.0, rows / columns)
        least = STEP_ULPS_MIN * math.ulp(reach) * samples
    return least
