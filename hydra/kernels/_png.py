"""PNG files of sRGB pixels, written as the rows come."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

LEVEL = 3
SUB, UP = 1, 2
"""PNG's filters: the difference from the pixel on the left, from the one above."""


class PngWriter:
    """One picture; give it all rows from the top, then close it."""

    def __init__(self, columns: int, rows: int) -> None:
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
        self._packed = bytearray()
        self._header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
        self._above = np.zeros((1, 3 * columns), np.uint8)

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """The next rows, of shape (rows, columns, 3)."""
        rows = rgb.reshape(len(rgb), -1)
        filtered = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
        filtered[:, 0] = UP
        filtered[:, 1:] = rows - np.vstack([self._above, rows[:-1]])
        self._above = rows[-1:].copy()
        self._packed += self._packer.compress(filtered.tobytes())

    def close(self) -> bytes:
        """The file."""
        self._packed += self._packer.flush()
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            [
                _chunk(b"IHDR", self._header),
                _chunk(b"sRGB", b"\0"),
                _chunk(b"IDAT", bytes(self._packed)),
                _chunk(b"IEND", b""),
            ]
        )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
