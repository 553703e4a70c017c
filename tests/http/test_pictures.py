"""Tiles while they come, files once they are there, and a job's history."""

from __future__ import annotations

import hashlib
import zlib

import numpy as np
import pytest

from hydra.api.ancestor.png import pixels_of, unfiltered
from hydra.api.v1.pictures import HEADER, TileCache
from hydra.errors import BadWire
from hydra.services.cancel import cancel
from hydra.services.submit import submit
from hydra.web import create_app
from tests import drawing
from tests.http.test_events import events_of
from tests.http.working import UNIT, bundle, work_on


@pytest.fixture
def h():
    return bundle(load=drawing.kernels)


def records(reply):
    """The tiles of a reply as ((x, y, columns, rows), rgb)."""
    found, rest = [], reply.data
    while rest:
        *place, length = HEADER.unpack_from(rest)
        packed, rest = rest[HEADER.size :][:length], rest[HEADER.size + length :]
        found.append((tuple(place), zlib.decompress(packed)))
    return found


def tiles(http, job, **query):
    reply = http.get(f"/api/v1/jobs/{job.id}/tiles", query_string=query)
    assert (reply.status_code, reply.mimetype) == (200, "application/octet-stream")
    return records(reply), int(reply.headers["X-Hydra-Arrived"])


def test_tiles_come_once_in_the_order_of_their_arrival(http, h):
    job = submit(h, "drawing", {})
    assert tiles(http, job) == ([], 0)
    seen, cursor = [], 0
    for _ in range(3):
        work_on(h, 1)
        done = h.store.views.job(job.id).done_units
        new, cursor = tiles(http, job, after=cursor)
        seen += new
        assert len(seen) == cursor == done
        assert tiles(http, job, after=cursor) == ([], cursor)
    units = h.store.views.arrivals(job.id, "", 100).units
    whole = [drawing.tile_of(job.spec.params, unit) for unit in units]
    assert seen == [((t.x, t.y, t.columns, t.rows), t.rgb) for t in whole]


def test_a_reply_of_tiles_is_bounded(http, h, monkeypatch):
    job = submit(h, "drawing", {"columns": 640, "rows": 480})
    while h.store.views.job(job.id).done_units < 100:
        work_on(h, 1)
    assert [len(tiles(http, job, limit=limit)[0]) for limit in (1, 7)] == [1, 7]
    assert len(tiles(http, job)[0]) == 64
    monkeypatch.setattr("hydra.api.v1.pictures.TILES_BYTES", 1)
    assert [cursor for _, cursor in (tiles(http, job), tiles(http, job, after=5))] == [1, 6]


def test_tiles_at_the_edge_are_smaller(http, h):
    job = submit(h, "drawing", {"columns": 17, "rows": 40})
    for _ in range(2):
        work_on(h, 1)
    places = [place for place, _ in tiles(http, job)[0]]
    assert (16, 0, 1, 16) in places


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("after", "-1"),
        ("after", "x"),
        ("after", "1.5"),
        ("after", 2**53),
        ("limit", "0"),
        ("limit", "257"),
        ("limit", "nan"),
        ("after", "9" * 5000),
    ],
)
def test_a_bad_cursor_or_limit_is_named(http, h, name, value):
    job = submit(h, "drawing", {})
    reply = http.get(f"/api/v1/jobs/{job.id}/tiles", query_string={name: value})
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == name


def test_a_job_without_a_picture_has_no_tiles(http, h):
    for job in (submit(h, "pi", {}).id, "0" * 32, "none"):
        assert http.get(f"/api/v1/jobs/{job}/tiles").status_code == 404


def test_an_ended_job_has_no_tiles_left(http, h):
    jobs = [submit(h, "drawing", {}) for _ in range(2)]
    cancel(h, jobs[0].id)
    work_on(h)
    assert [tiles(http, job, after=5) for job in jobs] == [([], 5), ([], 5)]


def test_a_tile_is_painted_once_for_all_who_look():
    painted = []

    def paint(params, unit, blob):
        painted.append(unit)
        return drawing.tile_of(params, unit)

    found = {"drawing": drawing.kernel(paint=paint)}
    h = bundle(load=lambda: found)
    http = create_app(h).test_client()
    job = submit(h, "drawing", {})
    work_on(h, 1)
    first, second = tiles(http, job), tiles(http, job)
    assert first == second
    assert len(painted) == first[1]


def test_the_easel_forgets_the_oldest(h, monkeypatch):
    monkeypatch.setattr("hydra.api.v1.pictures.KEPT_BYTES", 1)
    cache, job = TileCache(), submit(h, "drawing", {})
    kernel = h.kernels()["drawing"]
    records = [cache.record(kernel, job, unit, b"") for unit in (0, 1, 0)]
    assert records[0] == records[2]
    assert (len(cache._kept), cache._bytes) == (1, len(records[0]))


def test_a_stream_says_how_many_tiles_there_are(http, h):
    job = submit(h, "drawing", {})
    app = create_app(h)
    reply = app.test_client().get(f"/api/v1/jobs/{job.id}/events")
    lines = iter(reply.response)
    work_on(h, 1)
    seen = []
    while not [data for event, _, data in seen if event == "tiles"]:
        seen += events_of(next(lines).decode())
    (arrived,) = [(entry, data) for event, entry, data in seen if event == "tiles"]
    # No id: where the story goes on after a break is not for tiles to say.
    assert arrived == ("", {"arrived": h.store.views.job(job.id).done_units})
    reply.close()
    app.close_streams()


def test_a_stream_of_sums_says_nothing_of_tiles(http, h):
    job = submit(h, "pi", {"samples": UNIT})
    work_on(h)
    text = http.get(f"/api/v1/jobs/{job.id}/events").text
    assert "tiles" not in [event for event, _, _ in events_of(text)]


def test_files_are_as_the_answer_says_and_never_change(http, h):
    job = submit(h, "drawing", {})
    work_on(h)
    answer = http.get(f"/api/v1/jobs/{job.id}/result").get_json()["answer"]
    kinds = {"image.png": "image/png", "notes.txt": "text/plain"}
    assert answer["files"].keys() == kinds.keys()
    for name, kind in kinds.items():
        address = f"/api/v1/jobs/{job.id}/files/{name}"
        reply = http.get(address)
        label = answer["files"][name]
        assert (reply.status_code, reply.mimetype, len(reply.data)) == (200, kind, label["bytes"])
        assert hashlib.sha256(reply.data).hexdigest() == label["sha256"]
        assert reply.headers["ETag"] == f'"{label["sha256"]}"'
        assert "immutable" in reply.headers["Cache-Control"]
        saved = f"attachment; filename=drawing-{job.id[:8]}-{name}"
        assert reply.headers["Content-Disposition"] == saved
        again = http.get(address, headers={"If-None-Match": reply.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert http.get(address, headers={"If-None-Match": '"x"'}).status_code == 200
        assert http.head(address).status_code == 200


@pytest.mark.parametrize("name", ["none", "image.PNG", "..%2Fpasswd", "%00", "x" * 3000, "files"])
def test_a_file_that_is_not_there_is_missing(http, h, name):
    job = submit(h, "drawing", {})
    work_on(h)
    reply = http.get(f"/api/v1/jobs/{job.id}/files/{name}")
    assert (reply.status_code, reply.mimetype) == (404, "application/problem+json")


def test_a_job_without_an_answer_has_no_files(http, h):
    job = submit(h, "drawing", {})
    for state in ("running", "cancelled"):
        reply = http.get(f"/api/v1/jobs/{job.id}/files/image.png")
        assert (reply.status_code, reply.get_json()["code"]) == (409, "not-finished")
        assert state in reply.get_json()["detail"]
        cancel(h, job.id)
    assert http.get(f"/api/v1/jobs/{'0' * 32}/files/image.png").status_code == 404


def test_history_has_the_estimate_of_each_moment(http, h):
    job = submit(h, "pi", {"samples": 10 * UNIT})
    work_on(h)
    reply = http.get(f"/api/v1/jobs/{job.id}/history")
    samples = reply.get_json()["samples"]
    done = [sample["done_units"] for sample in samples]
    assert done == sorted(set(done))
    assert done[-1] == 10
    for sample in samples:
        said, hits = sample["estimate"], sample["sums"]["hits"]
        assert said["value"] == 4 * hits / (UNIT * sample["done_units"])
        assert said["low"] < said["value"] < said["high"]
    drawn = submit(h, "drawing", {})
    work_on(h)
    (plain, *_) = http.get(f"/api/v1/jobs/{drawn.id}/history").get_json()["samples"]
    assert (plain["sums"], plain["estimate"]) == ({}, None)
    assert http.get(f"/api/v1/jobs/{'0' * 32}/history").status_code == 404


def test_a_picture_reads_back_as_it_was_drawn(h):
    job = submit(h, "drawing", {"columns": 21, "rows": 33})
    work_on(h)
    rows = drawing.picture(job.spec.params, dict.fromkeys(range(job.spec.total_units), b""))
    assert b"".join(pixels_of(h.store.views.file(job.id, "image.png"))) == b"".join(rows)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(50)])
def test_what_is_no_such_picture_is_refused(content):
    with pytest.raises(BadWire):
        pixels_of(content)


def guess(kind, left, up, corner):
    """What the PNG specification (section 9) foretells of a byte, word for word."""
    if kind == 4:
        p = left + up - corner
        to_left, to_up, to_corner = abs(p - left), abs(p - up), abs(p - corner)
        if to_left <= to_up and to_left <= to_corner:
            return left
        return up if to_up <= to_corner else corner
    return (0, left, up, (left + up) // 2)[kind]


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("columns", [1, 2, 101])
def test_each_filter_of_a_row_is_undone(kind, columns):
    rng = np.random.default_rng(columns)
    row, above = rng.integers(0, 256, (2, 3 * columns), np.uint8)
    filtered = bytearray()
    for i, value in enumerate(row.tolist()):
        left, corner = (int(r[i - 3]) if i >= 3 else 0 for r in (row, above))
        filtered.append((value - guess(kind, left, int(above[i]), corner)) & 255)
    found = unfiltered(kind, np.frombuffer(filtered, np.uint8), above)
    assert (found.dtype, found.tolist()) == (np.uint8, row.tolist())


def test_a_filter_that_there_is_not_is_refused():
    with pytest.raises(BadWire, match="filter 5"):
        unfiltered(5, np.zeros(3, np.uint8), np.zeros(3, np.uint8))


def test_a_preview_is_there_before_any_tile_and_never_changes(http, h):
    job = submit(h, "mandelbrot", {"columns": 700, "rows": 300})
    reply = http.get(f"/api/v1/jobs/{job.id}/preview.png")
    assert (reply.status_code, reply.mimetype) == (200, "image/png")
    assert "immutable" in reply.headers["Cache-Control"]
    assert len(set(pixels_of(reply.data))) > 10
    assert b"data-preview=" in http.get(f"/jobs/{job.id}").data
    assert http.get(f"/api/v1/jobs/{job.id}/preview.png").data == reply.data


def test_a_kernel_without_a_preview_has_none(http, h):
    job = submit(h, "drawing", {})
    assert http.get(f"/api/v1/jobs/{job.id}/preview.png").status_code == 404
    assert b"data-preview=" not in http.get(f"/jobs/{job.id}").data
