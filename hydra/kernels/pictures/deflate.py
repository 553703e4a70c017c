"""Deflate in a fifth of zlib's time, where ISA-L is installed; files are as small either way.

Their bytes differ between the two, and between zlib's own versions, so nothing may depend on a
packed file's bytes: digests in answers are of what is packed.
"""

from __future__ import annotations

from typing import Protocol

try:
    from isal import isal_zlib as zlib
except ImportError:  # there is none for this machine
    import zlib  # type: ignore[no-redef]

LEVEL = 1
"""Of zlib, 6 would save a fifth of a file and take five times as long; ISA-L's 2 gains nothing."""

ZLIB_WBITS = 15
GZIP_WBITS = 31


class Packer(Protocol):
    """What packs a stream, piece by piece."""

    def compress(self, data: bytes | memoryview, /) -> bytes:
        """The next piece; what of its packed form is ready."""

    def flush(self) -> bytes:
        """The rest."""


def packer(wbits: int) -> Packer:
    """A packer whose stream has the head and tail that `wbits` stands for."""
    return zlib.compressobj(LEVEL, wbits=wbits)


def crc32(data: bytes) -> int:
    """The check sum of PNG's chunks."""
    return zlib.crc32(data)
