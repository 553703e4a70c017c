"""Pictures and files over HTTP: a preview, tiles as they arrive, then what the answer brought.

A reply of tiles is a row of records, each a header (see HEADER) and the pixels, three bytes each,
as one zlib stream, which browsers read with `DecompressionStream("deflate")`.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import PurePath
from typing import Annotated

from flask import Response, request
from msgspec import Meta, field

from hydra.api.v1.shapes import OWN, files_of, job_of
from hydra.errors import Missing, NoSuchFile
from hydra.http import body
from hydra.http.reply import download
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import Binary, JobId, Place, Wire, says
from hydra.kernels import Kernel, Tile
from hydra.model import Job
from hydra.services import Hydra

HEADER = struct.Struct("<IIHHI")
"""Of one tile: x, y, columns, rows, and the bytes of pixels that follow; little-endian."""

ARRIVED = "X-Hydra-Arrived"
"""Tiles seen so far."""

GO_ON = "X-Hydra-Cursor"
"""What to give as `after` next time; after a restart of Redis the list begins again."""

TILES = 64
TILES_MAX = 256
TILES_BYTES = 1 << 20
"""A reply ends with the tile that passes this."""

BATCH = 16
"""Pieces read at once: each may have PIECE_BYTES_MAX."""

KEPT_BYTES = 32 << 20
"""Painted tiles kept for the next viewer."""

FOREVER = "private, max-age=31536000, immutable"
"""For what never changes."""

BYTES = "application/octet-stream"

TYPES = {".csv": "text/csv", ".json": "application/json", ".png": "image/png", ".txt": "text/plain"}
"""Files that browsers may look into; anything else is only bytes."""


class TileCache:
    """Painted tiles, so that each is painted once for all viewers as long as it is kept here."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0

    def record(self, kernel: Kernel, job: Job, unit: int, blob: bytes) -> bytes:
        """One tile as it goes over the wire."""
        # Painting holds the lock: many viewers ask for the same new tiles at the same moment.
        with self._lock:
            found = self._kept.pop((job.id, unit), b"")
            if not found:
                found = wire_of(kernel.paint(job.spec.params, unit, blob))
                self._bytes += len(found)
            self._kept[job.id, unit] = found
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
            return found


def wire_of(tile: Tile) -> bytes:
    """A tile's record."""
    pixels = zlib.compress(tile.rgb)
    return HEADER.pack(tile.x, tile.y, tile.columns, tile.rows, len(pixels)) + pixels


class Which(Wire, frozen=True):
    """Which tiles."""

    after: Annotated[Place, says("leave out so many, or go on behind this cursor")] = ""
    limit: Annotated[int, Meta(ge=1, le=TILES_MAX, description="at most")] = TILES


class Known(Wire, frozen=True):
    """What the caller has already."""

    digest: Annotated[str, says("the SHA-256 of what the caller has")] = field(
        name="If-None-Match", default=""
    )


class PictureRoutes(Routes):
    """The routes that answer with bytes instead of JSON."""

    def __init__(self, h: Hydra) -> None:
        self._h = h
        self._tile_cache = TileCache()

    @route("GET", f"{OWN}/preview.png", Reply(Binary, what="a small PNG", media=("image/png",)))
    def preview(self, job: JobId) -> Response:
        """A rough view of what the picture will show, at once, if the kernel has one."""
        found = job_of(self._h, job)
        kernel = self._h.kernel_of(found)
        image = kernel.preview(found.spec.params) if kernel else None
        if image is None:
            raise Missing(f"a job of {found.spec.kernel} has no preview here", field="job")
        response = Response(image, mimetype="image/png")
        response.headers["Cache-Control"] = FOREVER
        return response

    @route(
        "GET",
        f"{OWN}/tiles",
        Reply(
            Binary,
            what="tiles: x, y (32 bits), columns, rows (16 bits), length (32 bits), little-endian; "
            "then so many bytes of zlib, which hold three bytes a pixel",
            media=(BYTES,),
            headers={ARRIVED: "tiles seen so far", GO_ON: "give this as `after` next time"},
        ),
        query=Which,
    )
    def tiles(self, job: JobId) -> Response:
        """New tiles of the picture of a job that runs, in the order they came."""
        asked = body.query(Which)
        found = job_of(self._h, job)
        kernel = self._h.kernel_of(found)
        if kernel is None or kernel.canvas(found.spec.params) is None:
            raise Missing(f"a job of {found.spec.kernel} draws no picture here", field="job")
        arrivals = self._h.store.views.arrivals(found.id, asked.after, asked.limit)
        records, seen = self._records(kernel, found, arrivals.units)
        response = Response(b"".join(records), mimetype=BYTES)
        response.headers["Cache-Control"] = "no-store"
        response.headers[ARRIVED] = str(arrivals.start + seen)
        response.headers[GO_ON] = arrivals.cursor(seen)
        return response

    def _records(self, kernel: Kernel, job: Job, units: Sequence[int]) -> tuple[list[bytes], int]:
        """The tiles' records, and how many of the units they stand for."""
        records: list[bytes] = []
        size = seen = 0
        for first in range(0, len(units), BATCH):
            blobs = self._h.store.views.pieces(job.id, units[first : first + BATCH])
            for unit in units[first : first + BATCH]:
                seen += 1
                if unit in blobs:  # else the job has just ended, and its pieces are gone
                    records.append(self._tile_cache.record(kernel, job, unit, blobs[unit]))
                    size += len(records[-1])
                if size > TILES_BYTES:
                    return records, seen
        return records, seen

    @route(
        "GET",
        f"{OWN}/files/<name>",
        Reply(
            Binary, what="the file", media=(*TYPES.values(), BYTES), headers={"ETag": "its SHA-256"}
        ),
        Reply(None, 304, "as before"),
        problems=(409,),
        headers=Known,
    )
    def file(self, job: JobId, name: str) -> Response:
        """A file that the answer names under `files`."""
        found = job_of(self._h, job)
        label = files_of(self._h.store.views.answer(found.id)).get(name)
        if label is None:
            raise NoSuchFile("the answer of this job has no such file", field="name")
        known = request.if_none_match.contains(label["sha256"])
        response = download(
            b"" if known else self._h.store.views.file(found.id, name),
            TYPES.get(PurePath(name).suffix, BYTES),
            f"{found.spec.kernel}-{found.id[:8]}-{name}",
        )
        response.headers["Cache-Control"] = FOREVER
        response.set_etag(label["sha256"])
        if known:
            response.status_code = 304
        return response
