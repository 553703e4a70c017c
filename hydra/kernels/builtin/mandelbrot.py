"""The Mandelbrot set and its Julia sets: escape counts of every pixel, and a picture of them.

A unit is a tile of 64 x 64 pixels; those on the right and lower edge may be smaller. They are
numbered from the most expensive to the cheapest (see pictures/plan.py), a few of them row by row
from the upper left. A unit's partial is a blob with the tile's counts and colours, as laid out in
native/mandel_blob.h. What a count is, to the last bit, is written in native/mandel_point.h; it
hangs on the view, the iterations and the bailout alone, not on colours or antialiasing.
"""

from __future__ import annotations

import os
from base64 import b85decode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hydra.errors import BadSpan, BadWire
from hydra.kernels import Param, Tile, join_pieces
from hydra.kernels.pictures.palette import PALETTES
from hydra.kernels.pictures.plan import Plan, plan, preview_sides
from hydra.kernels.pictures.view import TILE, Box, View, box_of, check, tiles, view_of
from hydra.model import Params, Pieces, Span

try:
    from hydra.kernels.native.mandelbrot import BLOB_BYTES_MAX, render, select, survey, unpack
except ImportError:  # not compiled here: the same blobs, slowly
    from hydra.kernels.reference.mandelbrot import BLOB_BYTES_MAX, render, select, unpack
    from hydra.kernels.reference.mandelbrot_survey import survey

VERSION = 3  # 2 numbers the tiles by their cost, 3 surveys that deeper

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

UNIT_HOLDS = (TILE**2, "pixels")

PRESETS: dict[str, Params] = {
    "the whole set": {"columns": 1280, "rows": 1024, "antialias": 2},
    "seahorse valley": {
        "centre_x": -0.7436,
        "centre_y": 0.1318,
        "width": 0.006,
        "columns": 1280,
        "rows": 960,
        "iterations": 5000,
        "palette": "glacier",
        "antialias": 2,
    },
    "the set in the set": {
        "centre_x": -0.743643887037151,
        "centre_y": 0.13182590420533,
        "width": 2e-5,
        "columns": 1280,
        "rows": 960,
        "iterations": 20_000,
        "palette": "ember",
        "antialias": 2,
    },
    "a Julia set": {
        "set": "julia",
        "centre_x": 0.0,
        "width": 3.2,
        "columns": 1280,
        "rows": 800,
        "palette": "orchid",
        "antialias": 2,
    },
}

PIECE_BYTES_MAX = BLOB_BYTES_MAX
"""A tile in which no two pixels have anything in common."""


def _golden(blobs: str, **given: int | float | str) -> tuple[Params, tuple[int, int], Pieces]:
    params = {name: param.default for name, param in PARAMS.items()} | given
    pieces = {unit: b85decode(blob) for unit, blob in enumerate(blobs.split())}
    return params, (0, len(pieces)), pieces


GOLDEN = [
    _golden(
        "0YCy~0H|s~L119OlA$0%tg&1%z;F_7*HjXySlC4a#Q*>R0000u*N`v}5U@ZH5P*lWIRGGV1X&Cc5lA$~MFJQ"
        "A000000H_);5C8zsfH1I7SU{*CFmQ<)ZXy9xHc5x$>jMA)0000+0t5gMgg_9WlnVgB2u2|UfIuKYAl(1}000"
        "00 "
        "0YCyw000L7000000001d%dgHQLce)eH8n94F#rGn2LJ#7000000DN-=ghD}#W<(?=AOt`F000L7000000000"
        "Gc@~60Fa!c5N{|Eq000;O00000000n+Aqav%f&c&j "
        "0RjRp0Ot(=00000000000001RLjeE)00000000000077t0000000000000000001l0RR9100000",
        columns=130,
        rows=2,
        iterations=200,
        width=2.8,
        centre_x=-0.6,
    ),
    _golden(
        "0SE?#0EkimK(TNjfG|LP$o#SVkbuy3c4>5?A+xVUGIVolL_`=e8zQQ-ZuhKk5V8C*acE#45ljpM6u^_O7z`o"
        "!>4fovG}HqIcxJ)2#%A$%BJkrzTNt$k1O$em2nMDm15yNtvmD@$fyrW#5YoVDBjAxz03{^12-px2;71`@EG("
        "{rLIH#XBp^UUd=em;BKH(P4i<`5jk+;m1rPw-ZlnOK1V}j1AZmaB001Ny5CA{`",
        set="julia",
        columns=8,
        rows=6,
        iterations=300,
        width=3.0,
        centre_x=0.0,
        bailout=4.0,
        palette="ocean",
        antialias=2,
    ),
    _golden(
        "0SO1j02r{9hz<adbPE9B1poj5po9ScuK)l500002>9DT=000O80Dukv00000002;=A0U7L00007&@QC`0ssI"
        "-vq%8A3oly^0003G05KE`008iS+o+=e00000024rZc>n+a2mk=UAQ1ro00000a9)FXi2wiq0FyN>3<&`M00^"
        "-(0El3vcn$!dgbPq`l?VU;kc1&!u&)3B0001$>Y)Gt000O80B~FY00000003a(e_MnA00008@GW9;(*OWQc1"
        "Hlpj1eG?8UO%{*dTxaf_NAJ001ZgadyN2000000Bo}8<NyEwAOHXWqyYc`00000fR!J?Km-5)006dQ(B#?*0"
        "D$yj000",
        columns=9,
        rows=7,
        iterations=20000,
        width=0.25,
        centre_x=-0.1225611668766536,
        centre_y=0.7448617666197443,
        palette="rainbow",
        density=0.5,
        bailout=100000.0,
    ),
]
"""Known blobs, in base 85; their counts were made by tests/kernels/golden/make_mandelbrot.c. A
strip of three tiles, colours between samples, an interior."""

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


PLANS_MAX = 16
"""Plans that a process remembers: one of the largest picture takes a megabyte."""


@lru_cache(PLANS_MAX)
def _planned(view: View) -> Plan:
    return plan(view, survey)


def costs(params: Params) -> Sequence[int]:
    """The expected work of each tile, in iterations, from the most expensive to the cheapest."""
    return _planned(view_of(params)).costs


def _boxes(params: Params, span: Span) -> list[Box]:
    """Where the tiles of these units lie."""
    view = view_of(params)
    numbers = _planned(view).tiles[span.start : span.stop]
    return [box_of(view.columns, view.rows, tile) for tile in numbers]


def run(params: Params, span: Span) -> Pieces:
    """The blobs of a span of tiles.

    Raises BadSpan if the span is empty or reaches outside the picture.
    """
    if not 0 <= span.start < span.stop <= size(params):
        raise BadSpan(f"units {span.start} to {span.stop} are not within 0 to {size(params)}")
    units = range(span.start, span.stop)
    return dict(zip(units, render(view_of(params), _boxes(params, span))))


def decode_tile(params: Params, unit: int, blob: bytes) -> tuple[int, int, memoryview, memoryview]:
    """Where a unit's tile lies and what is in it: column, row, counts, colours.

    Column and row are of the upper left pixel. Counts are uint32 of shape (height, width), 0 where
    a point did not escape; colours are uint8 of shape (height, width, 3), sRGB.

    Raises BadWire if the blob is not this unit's tile.
    """
    (box,) = _boxes(params, Span(unit, unit + 1))
    width, height, counts, rgb = unpack(blob)
    if (width, height) != (box.width, box.height):
        raise BadWire(f"tile {unit} is {box.width} x {box.height}, not {width} x {height}")
    return (
        box.column,
        box.row,
        memoryview(counts).cast("I", (height, width)),
        memoryview(rgb).cast("B", (height, width, 3)),
    )


def canvas(params: Params) -> tuple[int, int]:
    """Columns and rows of the picture."""
    return int(params["columns"]), int(params["rows"])


def paint(params: Params, unit: int, blob: bytes) -> Tile:
    """What one tile shows."""
    colours = decode_tile(params, unit, blob)[3]
    (box,) = _boxes(params, Span(unit, unit + 1))
    return Tile(*box, colours.tobytes())


@lru_cache(PLANS_MAX)
def _previewed(params: tuple[tuple[str, int | float | str], ...]) -> bytes:
    """The preview of a job, made once; parameters as sorted pairs, so that they can be a key."""
    from hydra.kernels.pictures.assembly import assemble

    asked: Params = dict(params)
    small: Params = {**asked, **preview_sides(view_of(asked), _planned(view_of(asked)))}
    across, down = tiles(*canvas(small))
    boxes = [box_of(*canvas(small), tile) for tile in range(across * down)]
    whole = dict(enumerate(render(view_of(small), boxes)))
    image: bytes = assemble(small, whole, unpack)["image.png"]
    return image


def preview(params: Params) -> bytes:
    """The picture in few pixels, followed about as far as the survey's samples: a PNG."""
    return _previewed(tuple(sorted(params.items())))


def finish(params: Params, whole: Pieces) -> dict[str, Any]:
    """The picture and its counts as files, their digests and statistics.

    A value of type bytes is the content of the file that its key names.
    """
    from hydra.kernels.pictures.assembly import assemble  # NumPy, which run does not need

    order = _planned(view_of(params)).tiles
    return assemble(params, {tile: whole[unit] for unit, tile in enumerate(order)}, unpack)
