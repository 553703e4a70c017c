"""PNG files of sRGB pixels, written as the rows come."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from hydra.kernels.pictures.deflate import ZLIB_WBITS, crc32, packer

UP = 2
"""PNG's filter: the difference from the pixel above."""


class PngWriter:
    """One picture; give it all rows from the top, then close it."""

    def __init__(self, columns: int, rows: int) -> None:
        self._packer = packer(ZLIB_WBITS)
        self._packed = bytearray()
        self._header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
        self._above = np.zeros(3 * columns, np.uint8)

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """The next rows, of shape (rows, columns, 3)."""
        rows = rgb.reshape(len(rgb), -1)
        filtered = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
        filtered[:, 0] = UP
        np.subtract(rows[0], self._above, out=filtered[0, 1:])
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        self._above = rows[-1].copy()
        self._packed += self._packer.compress(filtered.reshape(-1).data)

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
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))
