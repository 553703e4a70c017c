"""The Mandelbrot set and its Julia sets: escape counts of every pixel, and a picture of them.

A unit is a tile of 64 x 64 pixels, numbered row by row from the upper left; those on the right and
lower edge may be smaller. Its partial is a blob with the tile's counts and colours, as laid out in
native/mandel_blob.h. What a count is, to the last bit, is written in native/mandel_point.h; it hangs
on the view, the iterations and the bailout alone, not on colours or antialiasing.
"""

from __future__ import annotations

import os
from typing import Any

from hydra.errors import BadSpan, BadWire
from hydra.kernels import Param, join_pieces
from hydra.kernels._mandelbrot_view import TILE, box_of, check, tiles, view_of
from hydra.kernels._palette import PALETTES
from hydra.model import Params, Pieces, Span

try:
    from hydra.kernels._mandelbrot import BLOB_BYTES_MAX, render, select, unpack
except ImportError:  # not compiled here: the same blobs, slowly
    from hydra.kernels._mandelbrot_reference import BLOB_BYTES_MAX, render, select, unpack

VERSION = 1

PARAMS = {
    "set": Param(
        str, "mandelbrot", choices=("mandelbrot", "julia"),
        doc="mandelbrot: which constants keep 0 from escaping; julia: which starts stay",
    ),
    "centre_x": Param(float, -0.75, -10.0, 10.0, "real part of the middle of the picture"),
    "centre_y": Param(float, 0.0, -10.0, 10.0, "imaginary part of the middle; up is positive"),
    "width": Param(float, 3.0, 1e-30, 100.0, "extent of the picture along the real axis"),
    "columns": Param(int, 1024, 1, 65_536, "pixels across; at most 2^26 in the whole picture"),
    "rows": Param(int, 1024, 1, 65_536, "pixels down; they are square"),
    "iterations": Param(int, 1000, 1, 10**7, "after so many, a point counts as inside"),
    "bailout": Param(float, 256.0, 2.0, 10**6, "a point escapes beyond this distance from 0"),
    "julia_x": Param(float, -0.8, -2.0, 2.0, "real part of the constant of a Julia set"),
    "julia_y": Param(float, 0.156, -2.0, 2.0, "imaginary part of that constant"),
    "palette": Param(str, next(iter(PALETTES)), choices=tuple(PALETTES), doc="the colours"),
    "density": Param(float, 1.0, 0.01, 100.0, "how fast the colours follow the counts"),
    "antialias": Param(int, 1, 1, 4, "samples across a pixel; 2 means 4 of them, averaged"),
}  # fmt: skip

PIECE_BYTES_MAX = BLOB_BYTES_MAX
"""A tile in which no two pixels have anything in common."""

GOLDEN: list[tuple[Params, tuple[int, int], Pieces]] = []

BACKEND = select(os.environ.get("HYDRA_ISA", ""))
"""What computes here: an instruction set, or "numpy"."""

merge = join_pieces


def size(params: Params) -> int:
    """How many tiles the picture has.

    Raises TooLarge if it has too many pixels, BadParam if they lie too close for double precision.
    """
    check(params)
    across, down = tiles(int(params["columns"]), int(params["rows"]))
    return across * down


def unit_cost(params: Params) -> float:
    """Sample iterations of a whole tile at worst: what its work is proportional to."""
    return float(TILE**2 * int(params["antialias"]) ** 2 * int(params["iterations"]))


def run(params: Params, span: Span) -> Pieces:
    """The blobs of a span of tiles.

    Raises BadSpan if the span is empty or reaches outside the picture.
    """
    if not 0 <= span.start < span.stop <= size(params):
        raise BadSpan(f"units {span.start} to {span.stop} are not within 0 to {size(params)}")
    columns, rows = int(params["columns"]), int(params["rows"])
    units = range(span.start, span.stop)
    boxes = [box_of(columns, rows, unit) for unit in units]
    return dict(zip(units, render(view_of(params), boxes)))


def decode_tile(params: Params, unit: int, blob: bytes) -> tuple[int, int, memoryview, memoryview]:
    """Where a unit's tile lies and what is in it: column, row, counts, colours.

    Column and row are of the upper left pixel. Counts are uint32 of shape (height, width), 0 where
    a point did not escape; colours are uint8 of shape (height, width, 3), sRGB.

    Raises BadWire if the blob is not this unit's tile.
    """
    box = box_of(int(params["columns"]), int(params["rows"]), unit)
    width, height, counts, rgb = unpack(blob)
    if (width, height) != (box.width, box.height):
        raise BadWire(f"tile {unit} is {box.width} x {box.height}, not {width} x {height}")
    return (
        box.column,
        box.row,
        memoryview(counts).cast("I", (height, width)),
        memoryview(rgb).cast("B", (height, width, 3)),
    )


def finish(params: Params, whole: Pieces) -> dict[str, Any]:
    """The picture and its counts as files, their digests and statistics.

    A value of type bytes is the content of the file that its key names.
    """
    from hydra.kernels._mandelbrot_picture import assemble  # NumPy, which run does not need

    return assemble(params, whole, unpack)
