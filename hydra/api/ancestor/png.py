"""Reading our own pictures back: PNG with eight bits a colour, three colours, not interlaced."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hydra.errors import BadWire

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB8 = (8, 2, 0, 0, 0)
"""Depth, colour type, compression, filter and interlace of the pictures that are read here."""

STEP = 3
"""Bytes of a pixel."""

NONE, SUB, UP, AVERAGE, PAETH = range(5)
"""The filters of a row (PNG specification, section 9)."""

Bytes = NDArray[np.uint8]


def pixels_of(content: bytes) -> Iterator[bytes]:
    """The three bytes of each pixel, row by row; raises BadWire for any other kind of file."""
    header = content[16:29] if content.startswith(SIGNATURE) else b""
    if header[8:] != bytes(RGB8):
        raise BadWire("the picture is not a PNG of eight bits and three colours")
    columns, rows = struct.unpack_from(">II", header)
    lines = np.frombuffer(zlib.decompress(b"".join(_data(content))), np.uint8)
    if len(lines) != rows * (1 + columns * STEP):
        raise BadWire("the picture has more or less rows than it says")
    return _pixels(lines.reshape(rows, -1), columns * STEP)


def _pixels(table: Bytes, width: int) -> Iterator[bytes]:
    above = np.zeros(width, np.uint8)
    for row in table:
        above = unfiltered(int(row[0]), row[1:], above)
        line = above.tobytes()
        for place in range(0, width, STEP):
            yield line[place : place + STEP]


def _data(content: bytes) -> Iterator[bytes]:
    place = len(SIGNATURE)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IDAT":
            yield content[place + 8 : place + 8 + length]
        place += length + 12


def unfiltered(kind: int, line: Bytes, above: Bytes) -> Bytes:
    """A row as it was before the filter; raises BadWire for an unknown filter.

    `line` and `above`, the row before it as it was, are of the same length, a multiple of STEP.
    """
    if kind == NONE:
        return line
    if kind == SUB:  # each byte is a difference to its left: sums modulo 256 undo it
        return np.add.accumulate(line.reshape(-1, STEP), axis=0, dtype=np.uint8).reshape(-1)
    if kind == UP:
        return line + above
    if kind == AVERAGE:
        return _average(line, above)
    if kind == PAETH:
        return _paeth(line, above)
    raise BadWire(f"a row of the picture has the filter {kind}, which does not exist")


def _average(line: Bytes, above: Bytes) -> Bytes:
    """Each byte needs the one to its left, so each colour goes pixel by pixel."""
    found = bytearray(len(line))
    values, ups = line.tobytes(), above.tobytes()
    for colour in range(STEP):
        left = 0
        for i in range(colour, len(values), STEP):
            left = found[i] = (values[i] + (left + ups[i]) // 2) & 255
    return np.frombuffer(found, np.uint8)


def _paeth(line: Bytes, above: Bytes) -> Bytes:
    """As _average, with whichever of left, up and corner is nearest to left + up - corner."""
    found = bytearray(len(line))
    values, ups = line.tobytes(), above.tobytes()
    for colour in range(STEP):
        left = corner = 0
        for i in range(colour, len(values), STEP):
            up = ups[i]
            to_left, to_up = abs(up - corner), abs(left - corner)
            to_corner = abs(left + up - 2 * corner)
            if to_left <= to_up and to_left <= to_corner:
                guess = left
            else:
                guess = up if to_up <= to_corner else corner
            left = found[i] = (values[i] + guess) & 255
            corner = up
    return np.frombuffer(found, np.uint8)
