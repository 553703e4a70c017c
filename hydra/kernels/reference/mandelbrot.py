"""The mandelbrot kernel in NumPy: what the compiled one must equal, and what runs without it.

Read native/mandel_point.h, mandel_colour.h, mandel_tile.h and mandel_blob.h beside it; this file
says the same with whole arrays. No iteration is left out, and none is done in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from hydra.errors import BadSetting, BadWire
from hydra.kernels.pictures.view import TILE, Box, View

Reals = NDArray[np.float64]
Counts = NDArray[np.uint32]
Ints = NDArray[np.int64]
Colours = NDArray[np.uint8]

COLOURS = 4096
"""Colours in one cycle of a palette; the one behind them is the inside's."""

VERSION, HEADER = 1, 5
TOGETHER = 16
COLOUR_BITS, COUNT_BITS, COUNT_WIDTH = 4, 5, 25
BLOB_BYTES_MAX = HEADER + TILE**2 // TOGETHER * (
    3 * (COLOUR_BITS + 8 * TOGETHER) + COUNT_BITS + COUNT_WIDTH * TOGETHER
) // 8  # fmt: skip

LOG2_E_TWICE = [float.fromhex(text) for text in (
    "0x1.0c9a84994022dp-2", "0x1.484b13d7c02a9p-2", "0x1.a61762a7aded9p-2",
    "0x1.2776c50ef9bfep-1", "0x1.ec709dc3a03fdp-1", "0x1.71547652b82fep+1",
)]  # fmt: skip
"""2 / ln 2 over 11, 9, 7, 5, 3 and 1."""
ONE, ROOT_HALF, FRACTION = 0x3FF0000000000000, 0x3FE6A09E667F3BCD, 0x000FFFFFFFFFFFFF


def select(name: str) -> str:
    """There is one backend here: its name. Raises BadSetting if another one is asked for."""
    if name:
        raise BadSetting(
            f"HYDRA_ISA must be empty where no kernel is compiled, not {name[:64]!r}",
            field="HYDRA_ISA",
        )
    return "numpy"


def render(view: View, boxes: Iterable[Box]) -> list[bytes]:
    """The blob of each box."""
    return [_blob(*_tile(view, box)) for box in boxes]


def samples(view: View, box: Box, a: float, b: float) -> tuple[Counts, Reals]:
    """Counts and squares, of shape (height, width), of the sample at (a, b) of each pixel."""
    columns = 2.0 * np.arange(box.column, box.column + box.width) + 1.0 - view.columns
    rows = 2.0 * np.arange(box.row, box.row + box.height) + 1.0 - view.rows
    x = view.centre_x + (columns + a) * view.half_pixel
    y = view.centre_y - (rows + b) * view.half_pixel
    shape = (box.height, box.width)
    px, py = np.broadcast_to(x, shape).ravel(), np.broadcast_to(y[:, None], shape).ravel()
    counts, squares = np.zeros(px.size, np.uint32), np.zeros(px.size)
    who = np.arange(px.size)
    zero, julia_x, julia_y = (np.full(px.size, v) for v in (0.0, view.julia_x, view.julia_y))
    zx, zy, cx, cy = (px, py, julia_x, julia_y) if view.julia else (zero, zero, px, py)
    x2, y2 = zx * zx, zy * zy
    for n in range(1, view.iterations + 1):
        xy = zx * zy
        zx, zy = (x2 - y2) + cx, (xy + xy) + cy
        x2, y2 = zx * zx, zy * zy
        square = x2 + y2
        stay = square <= view.bailout * view.bailout
        if not stay.all():
            counts[who[~stay]], squares[who[~stay]] = n, square[~stay]
            who, zx, zy, cx, cy, x2, y2 = (each[stay] for each in (who, zx, zy, cx, cy, x2, y2))
            if not who.size:
                break
    return counts.reshape(shape), squares.reshape(shape)


def log2(value: Reals) -> Reals:
    """Within 1e-9 of the logarithm of positive, normal numbers, with the same bits everywhere."""
    bits = value.view(np.int64) + (ONE - ROOT_HALF)
    f = ((bits & FRACTION) + ROOT_HALF).view(np.float64)
    s = (f - 1.0) / (f + 1.0)
    z, series = s * s, np.full_like(f, LOG2_E_TWICE[0])
    for factor in LOG2_E_TWICE[1:]:
        series = series * z + factor
    exponent: Reals = ((bits >> 52) - 1023).astype(np.float64)
    return exponent + s * series


def smooth(view: View, counts: Counts, squares: Reals) -> Reals:
    """The counts without their steps; where nothing escaped, without meaning."""
    scale = 1.0 / log2(np.array([view.bailout * view.bailout]))[0]
    nu = counts - log2(log2(np.where(counts > 0, squares, 4.0)) * scale)
    return np.where(nu > 0.0, nu, 0.0)


def palette(stops: bytes) -> Colours:
    """The palette of shape (COLOURS + 1, 3) in sRGB; the last is the inside's."""
    knots = np.frombuffer(stops, np.uint8).reshape(-1, 3).astype(np.int64)
    stop, t = np.divmod(np.arange(COLOURS) * len(knots), COLOURS)
    before, start, end, after = (knots[(stop + k) % len(knots)] for k in (-1, 0, 1, 2))
    t = t[:, None]
    twice = (
        2 * start * COLOURS**3
        + (end - before) * t * COLOURS**2
        + (2 * before - 5 * start + 4 * end - after) * t**2 * COLOURS
        + (3 * start - before - 3 * end + after) * t**3
    )
    colours = np.clip(twice + COLOURS**3 >> 37, 0, 255)
    return np.vstack([colours, np.zeros((1, 3), np.int64)]).astype(np.uint8)


def _tile(view: View, box: Box) -> tuple[Counts, Colours]:
    """Counts and colours of one tile; of several samples a pixel, the mean in linear light."""
    counts, squares = samples(view, box, 0.0, 0.0)
    colours = palette(view.stops)
    across = view.antialias
    if across == 1:
        return counts, colours[_places(view, counts, squares)]
    linear = np.frombuffer(view.linear, "<u2").astype(np.int64)
    offsets = [(2.0 * i + 1.0 - across) / across for i in range(across)]
    total = np.zeros((*counts.shape, 3), np.int64)
    for b in offsets:
        for a in offsets:
            total += linear[colours[_places(view, *samples(view, box, a, b))]]
    light = (total + across**2 // 2) // across**2
    thresholds = linear[:-1] + linear[1:]
    return counts, np.searchsorted(thresholds, 2 * light, side="right").astype(np.uint8)


def _places(view: View, counts: Counts, squares: Reals) -> Ints:
    pace = view.density * (COLOURS / 8.0)
    places = (pace * np.sqrt(smooth(view, counts, squares))).astype(np.int64) - COLOURS * 3 // 16
    return np.where(counts > 0, places % COLOURS, COLOURS)


def _blob(counts: Counts, rgb: Colours) -> bytes:
    height, width = counts.shape
    green = rgb[..., 1].astype(np.int64)
    planes = [green, (rgb[..., 0] - green) & 255, (rgb[..., 2] - green) & 255]
    colours = _bytes(piece for plane in planes for piece in _pieces(plane, colour=True))
    tail = _bytes(_pieces(counts.astype(np.int64), colour=False))
    return bytes([VERSION, width, height]) + len(colours).to_bytes(2, "little") + colours + tail


def _pieces(plane: Ints, *, colour: bool) -> Iterator[tuple[int, int]]:
    """A plane as numbers and their widths in bits."""
    wide = np.pad(plane, ((1, 0), (1, 0)))
    a, b, c = wide[1:, :-1], wide[:-1, 1:], wide[:-1, :-1]
    promise = np.clip(a + b - c, np.minimum(a, b), np.maximum(a, b))
    promise[0, 1:], promise[1:, 0], promise[0, 0] = plane[0, :-1], plane[:-1, 0], 0
    d = plane - promise
    if colour:
        d = (d + 128 & 255) - 128
    folded = (d << 1 ^ d >> 63).ravel()
    folded = np.pad(folded, (0, -folded.size % TOGETHER)).reshape(-1, TOGETHER)
    for group in folded.tolist():
        width = max(group).bit_length()
        yield width, COLOUR_BITS if colour else COUNT_BITS
        for value in group:
            yield value, width


def _bytes(pieces: Iterable[tuple[int, int]]) -> bytes:
    """Values of so many bits each, one behind the other, the lowest bit first."""
    out, bits, held = bytearray(), 0, 0
    for value, width in pieces:
        bits |= value << held
        held += width
        if held >= 512:
            out += (bits & (1 << 512) - 1).to_bytes(64, "little")
            bits, held = bits >> 512, held - 512
    return bytes(out) + bits.to_bytes(-(-held // 8), "little")


def unpack(blob: bytes) -> tuple[int, int, bytes, bytes]:
    """Width and height of a tile, its counts (uint32) and its colours (RGB), row by row.

    Raises BadWire if the bytes are no blob of this kernel.
    """
    try:
        version, width, height, *_ = blob[:HEADER]
        counts_at = HEADER + int.from_bytes(blob[3:HEADER], "little")
        if version != VERSION or not (1 <= width <= TILE and 1 <= height <= TILE):
            raise ValueError
        planes = _planes(blob[HEADER:counts_at], (width, height), 3, colour=True)
        (counts,) = _planes(blob[counts_at:], (width, height), 1, colour=False)
    except ValueError:
        raise BadWire("these bytes are no tile of the mandelbrot kernel") from None
    green, red, blue = np.array(planes)
    rgb = np.stack([red + green, green, blue + green], axis=-1) & 255
    return width, height, counts.astype("<u4").tobytes(), rgb.astype(np.uint8).tobytes()


def _planes(data: bytes, shape: tuple[int, int], many: int, *, colour: bool) -> list[Ints]:
    """The planes that were packed into `data`, each of shape (height, width).

    Raises ValueError if the bytes are no such planes.
    """
    bits, left = int.from_bytes(data, "little"), 8 * len(data)

    def take(width: int) -> int:
        nonlocal bits, left
        value = bits & (1 << width) - 1
        bits >>= width
        left -= width
        if left < 0:
            raise ValueError
        return value

    width, height = shape
    planes = []
    for _ in range(many):
        folded: list[int] = []
        while len(folded) < width * height:
            each = take(COLOUR_BITS if colour else COUNT_BITS)
            if each > (8 if colour else COUNT_WIDTH):
                raise ValueError
            folded += [take(each) for _ in range(TOGETHER)]
        planes.append(_unfolded(folded, width, height, colour=colour))
    if left >= 8:
        raise ValueError
    return planes


def _unfolded(folded: list[int], width: int, height: int, *, colour: bool) -> Ints:
    """One plane from its differences, whose signs were folded into the lowest bit.

    Raises ValueError if a value is out of range.
    """
    plane: list[int] = []
    for i, value in enumerate(folded[: width * height]):
        a = plane[i - 1] if i % width else 0
        b = plane[i - width] if i >= width else 0
        if i < width:
            promise = a
        elif i % width == 0:
            promise = b
        else:
            promise = min(max(a + b - plane[i - width - 1], min(a, b)), max(a, b))
        now = promise + (value >> 1 ^ -(value & 1))
        plane.append(now & 255 if colour else now)
        if not 0 <= plane[-1] < 1 << (COUNT_WIDTH - 1):
            raise ValueError
    return np.array(plane, np.int64).reshape(height, width)
