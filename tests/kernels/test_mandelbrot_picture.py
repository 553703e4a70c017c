"""The mandelbrot kernel's colours, blobs and files; and the same bits from every compiler."""

from __future__ import annotations

import gzip
import hashlib
import random
import struct
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from isal import isal_zlib
from numpy.typing import NDArray

import hydra
from hydra import kernels
from hydra.errors import BadWire
from hydra.kernels.builtin import mandelbrot
from hydra.kernels.pictures import deflate, palette
from hydra.kernels.pictures.view import Box, view_of
from hydra.kernels.reference import mandelbrot as reference
from hydra.model import Span

NATIVE = Path(hydra.__file__).parent / "kernels" / "native"
FLAGS = ["-O2", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]

Params = dict[str, int | float | str]
Image = NDArray[np.uint8]


def params(**given: int | float | str) -> Params:
    return kernels.parse_params(kernels.load()["mandelbrot"], given)


def picture(asked: Params) -> tuple[NDArray[np.uint32], Image]:
    rows, columns = int(asked["rows"]), int(asked["columns"])
    counts, rgb = np.zeros((rows, columns), np.uint32), np.zeros((rows, columns, 3), np.uint8)
    for unit, blob in mandelbrot.run(asked, Span(0, mandelbrot.size(asked))).items():
        column, row, tile, colours = mandelbrot.decode_tile(asked, unit, blob)
        height, width = tile.shape
        counts[row : row + height, column : column + width] = np.asarray(tile)
        rgb[row : row + height, column : column + width] = np.asarray(colours)
    return counts, rgb


def png(data: bytes) -> Image:
    """The pixels of a PNG of 8-bit RGB, by the definition of its filters."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, idat, size = 8, b"", (0, 0)
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(
            kind + body
        )
        if kind == b"IHDR":
            assert body[8:] == bytes([8, 2, 0, 0, 0])
            size = struct.unpack(">II", body[:8])
        idat += body if kind == b"IDAT" else b""
        at += 12 + length
    assert kind == b"IEND"
    lines = np.frombuffer(zlib.decompress(idat), np.uint8).reshape(size[1], 1 + 3 * size[0])
    image = lines[:, 1:].copy()
    for row, filtered in enumerate(lines[:, 0]):
        assert filtered in (0, 2)
        if filtered == 2 and row:
            image[row] += image[row - 1]
    return image.reshape(size[1], size[0], 3)


@pytest.mark.parametrize("packed_by", [isal_zlib, zlib])
def test_the_answer_holds_the_picture_the_counts_and_what_they_add_up_to(
    packed_by: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deflate, "zlib", packed_by)
    asked = params(columns=150, rows=100, iterations=300)
    counts, rgb = picture(asked)
    answer = mandelbrot.finish(asked, mandelbrot.run(asked, Span(0, mandelbrot.size(asked))))
    assert np.array_equal(png(answer.pop("image.png")), rgb)
    raw = gzip.decompress(answer.pop("counts.bin.gz"))
    assert raw == counts.astype("<u4").tobytes()
    escaped = counts[counts > 0].astype(np.int64)
    assert answer == {
        "columns": 150,
        "rows": 100,
        "iterations": 300,
        "interior_pixels": int((counts == 0).sum()),
        "count_min": int(escaped.min()),
        "count_max": int(escaped.max()),
        "count_mean": escaped.sum() / escaped.size,
        "total_iterations": int(escaped.sum() + 300 * (counts == 0).sum()),
        "counts_sha256": hashlib.sha256(raw).hexdigest(),
        "colours_sha256": hashlib.sha256(rgb.tobytes()).hexdigest(),
    }


def test_a_picture_in_which_nothing_escapes_has_no_least_count() -> None:
    asked = params(columns=5, rows=3, centre_x=0.0, width=0.01)
    answer = mandelbrot.finish(asked, mandelbrot.run(asked, Span(0, 1)))
    assert answer["count_min"] is answer["count_max"] is answer["count_mean"] is None
    assert answer["interior_pixels"] == 15
    assert answer["total_iterations"] == 15_000
    assert not png(answer["image.png"]).any()


def test_the_curve_of_linear_light_is_the_published_one() -> None:
    curve = np.frombuffer(palette.linear(), "<u2")
    for level, light in enumerate(curve.tolist()):
        share = level / 255
        true = share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        assert abs(light - 65535 * true) <= 0.5 + 1e-6
    assert (np.diff(curve.astype(int)) > 0).all()


@pytest.mark.parametrize("name", palette.PALETTES)
def test_palettes_go_through_their_stops_without_a_jump(name: str) -> None:
    colours = reference.palette(palette.stops(name)).astype(int)
    stops = np.frombuffer(palette.stops(name), np.uint8).reshape(-1, 3)
    for number, stop in enumerate(stops):
        place = -(-number * reference.COLOURS // len(stops))
        assert abs(colours[place] - stop).max() <= 1
    cycle = colours[:-1]
    assert abs(np.diff(np.vstack([cycle, cycle[:1]]), axis=0)).max() <= 2
    assert not colours[-1].any()
    _, rgb = picture(params(palette=name, columns=64, rows=64, iterations=100))
    assert len(np.unique(rgb.reshape(-1, 3), axis=0)) >= (2 if name == "black-white" else 30)


def test_colours_are_smooth_where_counts_step() -> None:
    """To the right of the set counts step; the smooth counts and the colours do not."""
    asked = params(centre_x=1.5, centre_y=0.3, width=2.0, columns=2000, rows=1)
    view = view_of(asked)
    counts, squares = reference.samples(view, Box(0, 0, 2000, 1), 0.0, 0.0)
    nu = reference.smooth(view, counts, squares)
    assert len(np.unique(counts)) >= 3
    assert abs(np.diff(nu)).max() < 0.03
    assert (nu > counts - 1.01).all()
    assert (nu <= counts).all()
    _, rgb = picture(asked)
    assert abs(np.diff(rgb[0].astype(int), axis=0)).max() <= 2


def test_log2_is_near_the_truth() -> None:
    values = np.geomspace(1e-3, 1e25, 20_000)
    assert abs(reference.log2(values) - np.log2(values)).max() < 1e-9


@pytest.mark.parametrize("across", [2, 3, 4])
def test_antialiasing_is_the_mean_of_a_finer_picture(across: int) -> None:
    asked = params(columns=60, rows=40, iterations=200)
    finer = asked | {"columns": 60 * across, "rows": 40 * across}
    linear = np.frombuffer(palette.linear(), "<u2").astype(np.int64)
    light = linear[picture(finer)[1]].reshape(40, across, 60, across, 3).mean(axis=(1, 3))
    _, rgb = picture(asked | {"antialias": across})
    off = abs(linear[rgb] - light)
    step = np.maximum(np.diff(linear, append=linear[-1] + 600), 20)[rgb]
    share = (off <= step).all(axis=-1).mean()
    assert share > (0.999 if across != 3 else 0.97), "3 has other last bits of its coordinates"
    assert (rgb != picture(asked)[1]).any(axis=-1).mean() > 0.12


def test_one_colour_stays_itself_when_averaged() -> None:
    asked = params(columns=20, rows=20, centre_x=3.0, width=0.01, palette="black-white")
    for across in (1, 2, 3, 4):
        assert (picture(asked | {"antialias": across})[1] == 255).all()


def test_no_blob_is_larger_than_declared() -> None:
    """Noise: neighbours have nothing in common."""
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 2, (64, 64)).astype(np.uint32) * 10**7
    blob = reference._blob(counts, rng.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    assert 0.9 * mandelbrot.PIECE_BYTES_MAX < len(blob) <= mandelbrot.PIECE_BYTES_MAX
    width, height, raw, _ = mandelbrot.unpack(blob)
    assert (width, height, raw) == (64, 64, counts.tobytes())


@pytest.mark.parametrize("unpack", {mandelbrot.unpack, reference.unpack})
def test_bytes_that_are_no_tile_are_refused(unpack: object) -> None:
    (good,) = mandelbrot.run(params(columns=20, rows=20), Span(0, 1)).values()
    bad = [b"", good[:4], good[:-1], good + b"\0", bytes(300)]
    bad += [b"\2" + good[1:], b"\1\x41" + good[2:], b"\1\0" + good[2:]]
    bad += [good[:3] + b"\xff\xff" + good[5:]]
    for blob in bad:
        with pytest.raises(BadWire):
            unpack(blob)  # type: ignore[operator]


@pytest.mark.parametrize("unpack", {mandelbrot.unpack, reference.unpack})
def test_damaged_tiles_are_read_or_refused_but_never_break(unpack: object) -> None:
    rng = random.Random(3)
    (good,) = mandelbrot.run(params(columns=20, rows=20), Span(0, 1)).values()
    for _ in range(200):
        blob = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            blob[rng.randrange(len(blob))] = rng.randrange(256)
        try:
            width, height, counts, rgb = unpack(bytes(blob))  # type: ignore[operator]
        except BadWire:
            continue
        assert (len(counts), len(rgb)) == (4 * width * height, 3 * width * height)


def test_a_tile_of_another_unit_is_refused() -> None:
    asked = params(columns=100, rows=64)
    pieces = mandelbrot.run(asked, Span(0, 2))
    with pytest.raises(BadWire, match="36 x 64"):
        mandelbrot.decode_tile(asked, 1, pieces[0])
