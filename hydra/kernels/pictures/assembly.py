"""The answer of the mandelbrot kernel: tiles put together into files and numbers.

Memory holds two strips of 64 rows and the compressed files, never the whole picture. The two files
are packed in threads of their own: packing releases the GIL, the job's other workers are idle by
now, and whoever waits for the answer waits for this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hydra.kernels.pictures.deflate import GZIP_WBITS, packer
from hydra.kernels.pictures.png import PngWriter
from hydra.kernels.pictures.view import TILE, box_of, tiles
from hydra.model import Params, Pieces

Unpack = Callable[[bytes], tuple[int, int, bytes, bytes]]
Strip = tuple[NDArray[np.uint32], NDArray[np.uint8]]


class CountsWriter:
    """The counts as one compressed file; give it all rows from the top, then close it."""

    def __init__(self) -> None:
        self._packer = packer(GZIP_WBITS)
        self._packed = bytearray()
        self.digest = hashlib.sha256()
        """Of what the file holds."""

    def add(self, counts: NDArray[np.uint32]) -> None:
        """The next rows."""
        raw = counts.astype("<u4", copy=False).reshape(-1).data
        self.digest.update(raw)
        self._packed += self._packer.compress(raw)

    def close(self) -> bytes:
        """The file."""
        return bytes(self._packed + self._packer.flush())


class Statistics:
    """What the counts of a picture add up to; 0 stands for points that did not escape."""

    def __init__(self) -> None:
        self.pixels = self.escaped = self.total = self.max = 0
        self.min = 2**32

    def add(self, counts: NDArray[np.uint32]) -> None:
        """Take in some more pixels."""
        escaped = counts[counts > 0]
        self.pixels += counts.size
        self.escaped += escaped.size
        self.total += int(escaped.sum(dtype=np.uint64))
        if escaped.size:
            self.min = min(self.min, int(escaped.min()))
            self.max = max(self.max, int(escaped.max()))

    def answer(self, iterations: int) -> dict[str, Any]:
        """The numbers, by name; None for what no pixel has."""
        some = self.escaped > 0
        return {
            "interior_pixels": self.pixels - self.escaped,
            "count_min": self.min if some else None,
            "count_max": self.max if some else None,
            "count_mean": self.total / self.escaped if some else None,
            "total_iterations": self.total + (self.pixels - self.escaped) * iterations,
        }


def assemble(params: Params, whole: Pieces, unpack: Unpack) -> dict[str, Any]:
    """The picture and its counts as files, their digests and statistics.

    The digests are of the raw counts, little-endian uint32 row by row, and of the raw colours:
    files may differ between zlib's editions, these do not.
    """
    columns, rows = int(params["columns"]), int(params["rows"])
    png, counts_file, statistics = PngWriter(columns, rows), CountsWriter(), Statistics()
    colours_digest = hashlib.sha256()
    with ThreadPoolExecutor(1) as drawing, ThreadPoolExecutor(1) as packing:
        begun: list[Future[None]] = []
        for counts, rgb in _strips(columns, rows, whole, unpack):
            for strip_before in begun:
                strip_before.result()
            begun = [drawing.submit(png.add, rgb), packing.submit(counts_file.add, counts)]
            colours_digest.update(rgb.reshape(-1).data)
            statistics.add(counts)
        for last in begun:
            last.result()
    return {
        "columns": columns,
        "rows": rows,
        "iterations": int(params["iterations"]),
        **statistics.answer(int(params["iterations"])),
        "counts_sha256": counts_file.digest.hexdigest(),
        "colours_sha256": colours_digest.hexdigest(),
        "image.png": png.close(),
        "counts.bin.gz": counts_file.close(),
    }


def _strips(columns: int, rows: int, whole: Pieces, unpack: Unpack) -> Iterator[Strip]:
    """Rows of tiles from the top down, each as counts and colours of the picture's full width."""
    across, down = tiles(columns, rows)
    for strip in range(down):
        height = min(TILE, rows - strip * TILE)
        counts = np.empty((height, columns), np.uint32)
        rgb = np.empty((height, columns, 3), np.uint8)
        for unit in range(strip * across, (strip + 1) * across):
            width, _, tile_counts, tile_rgb = unpack(whole[unit])
            column = box_of(columns, rows, unit).column
            where = np.s_[:, column : column + width]
            counts[where] = np.frombuffer(tile_counts, np.uint32).reshape(height, width)
            rgb[where] = np.frombuffer(tile_rgb, np.uint8).reshape(height, width, 3)
        yield counts, rgb
