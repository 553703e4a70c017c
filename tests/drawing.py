"""A kernel that draws coloured tiles: what the doors need of a picture, without its mathematics."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from hydra.kernels import Kernel, Param, Tile, join_pieces, load
from hydra.model import Params, Pieces, Span
from tests.toy import toy

TILE = 16

PARAMS = {
    "columns": Param(int, 64, 1, 4096, "pixels across"),
    "rows": Param(int, 48, 1, 4096, "pixels down"),
    "colour": Param(str, "warm", doc="of the tiles", choices=("warm", "cold")),
    "light": Param(float, 0.5, 0.0, 1.0, "how bright"),
}


def tile_of(params: Params, unit: int) -> Tile:
    """A tile's place and colours, each another shade, with a gradient that shows what is up."""
    columns, rows = int(params["columns"]), int(params["rows"])
    down, across = divmod(unit, -(-columns // TILE))
    x, y = across * TILE, down * TILE
    width, height = min(TILE, columns - x), min(TILE, rows - y)
    light = int(255 * float(params["light"]))
    pixels = []
    for row in range(height):
        for column in range(width):
            shade = (light, (x + column) * 255 // columns, (y + row) * 255 // rows)
            pixels.append(bytes(shade if params["colour"] == "warm" else shade[::-1]))
    return Tile(x, y, width, height, b"".join(pixels))


def size(params: Params) -> int:
    """Tiles of the picture."""
    across, down = (-(-int(params[side]) // TILE) for side in ("columns", "rows"))
    return across * down


def picture(params: Params, whole: Pieces) -> list[bytearray]:
    """The rows of the whole picture."""
    found = [bytearray(3 * int(params["columns"])) for _ in range(int(params["rows"]))]
    for unit in whole:
        tile = tile_of(params, unit)
        for row in range(tile.rows):
            line = tile.rgb[3 * row * tile.columns : 3 * (row + 1) * tile.columns]
            found[tile.y + row][3 * tile.x : 3 * (tile.x + tile.columns)] = line
    return found


def png(rows: list[bytearray]) -> bytes:
    """A PNG of rows that takes three filters in turn, so that a reader is put to the test."""
    lines, above = b"", bytes(len(rows[0]))
    for number, row in enumerate(rows):
        kind = number % 3
        before = (bytes(len(row)), bytes(3) + row[:-3], above)[kind]
        lines += bytes([kind]) + bytes((a - b) & 255 for a, b in zip(row, before))
        above = bytes(row)
    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def kernel(run: Callable[[Params, Span], Any] | None = None, **over: Any) -> Kernel:
    """The kernel; `run` may stand in for its own, to hold it up."""

    def draw(params: Params, span: Span) -> Pieces:
        return {unit: bytes([unit % 256]) for unit in range(*span)}

    def finish(params: Params, whole: Pieces) -> dict[str, Any]:
        rows = picture(params, whole)
        return {"image.png": png(rows), "notes.txt": b"drawn\n", "tiles": len(whole)}

    values = {
        "name": "drawing",
        "__doc__": "Draws tiles.",
        "PARAMS": PARAMS,
        "PIECE_BYTES_MAX": 64,
        "UNIT_HOLDS": (TILE**2, "pixels"),
        "size": size,
        "run": run or draw,
        "merge": join_pieces,
        "finish": finish,
        "PRESETS": {"small and cold": {"columns": 32, "rows": 32, "colour": "cold"}},
        "canvas": lambda params: (int(params["columns"]), int(params["rows"])),
        "paint": lambda params, unit, blob: tile_of(params, unit),
    }
    return toy(**{**values, **over})


@cache
def kernels() -> dict[str, Kernel]:
    """The installed kernels, and this one."""
    return {**load(), "drawing": kernel()}
