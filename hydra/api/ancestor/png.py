"""Reading our own pictures back: PNG with eight bits a colour, three colours, not interlaced."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from hydra.errors import BadWire

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGB8 = (8, 2, 0, 0, 0)
"""Depth, colour type, compression, filter and interlace of the pictures that are read here."""

STEP = 3
"""Bytes of a pixel."""


def pixels_of(content: bytes) -> Iterator[bytes]:
    """The three bytes of each pixel, row by row; raises BadWire for any other kind of file."""
    header = content[16:29] if content.startswith(SIGNATURE) else b""
    if header[8:] != bytes(RGB8):
        raise BadWire("the picture is not a PNG of eight bits and three colours")
    columns, rows = struct.unpack_from(">II", header)
    lines = zlib.decompress(b"".join(_data(content)))
    width = columns * STEP
    return _pixels(lines, width, rows)


def _pixels(lines: bytes, width: int, rows: int) -> Iterator[bytes]:
    above = bytes(width)
    for row in range(rows):
        start = row * (width + 1)
        above = _unfilter(lines[start], lines[start + 1 : start + 1 + width], above)
        for place in range(0, width, STEP):
            yield above[place : place + STEP]


def _data(content: bytes) -> Iterator[bytes]:
    place = len(SIGNATURE)
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if kind == b"IDAT":
            yield content[place + 8 : place + 8 + length]
        place += length + 12


def _unfilter(kind: int, line: bytes, above: bytes) -> bytes:
    """A row as it was before the filter (PNG specification, section 9)."""
    if kind == 0:
        return line
    found = bytearray(line)
    for i, value in enumerate(line):
        left = found[i - STEP] if i >= STEP else 0
        corner = above[i - STEP] if i >= STEP else 0
        guess = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))[kind]
        found[i] = (value + guess) & 255
    return bytes(found)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
