"""The ancestor's job endpoints: its fields, right where it was wrong."""

from __future__ import annotations

import json
import uuid

import pytest

from hydra.api.ancestor.jobs import POINTS_MAX, RESOLUTION_MAX
from hydra.kernels import Param, load
from hydra.kernels.pictures.view import PIXELS_MAX
from hydra.web import create_app
from tests import drawing
from tests.http.working import UNIT, bundle, work_on

PI = {"job_id": "monday", "task_type": "calculate_pi", "points": 10 * UNIT}
PICTURE = {"job_id": "view", "task_type": "calculate_mandelbrot", "points": 0, "resolution": 40}
REGION = {name: Param(float, 0.0, -10.0, 10.0) for name in ("centre_x", "centre_y", "width")}
PARAMS = {
    **{name: drawing.PARAMS[name] for name in ("columns", "rows")},
    **REGION,
    "iterations": Param(int, 1000, 1, 10**6),
    "light": Param(float, 0.5, 0.0, 1.0),
    "colour": drawing.PARAMS["colour"],
}


@pytest.fixture
def h():
    stand_in = drawing.kernel(name="mandelbrot", PARAMS=PARAMS)
    found = {**load(), "mandelbrot": stand_in}
    return bundle(load=lambda: found)


def create(http, **over):
    return http.post("/api/create_job", json={**PI, **over})


def status(http, job):
    return http.get(f"/api/job_status/{job}").get_json()


def test_pi_from_its_creation_to_its_result(http, h):
    assert create(http).get_json() == {"job_id": "monday", "status": "created"}
    assert status(http, "monday") == {
        "status": "in-progress",
        "result": "",
        "partial_result": "",
        "percent_complete": 0.0,
    }
    work_on(h, 1)
    half = status(http, "monday")
    assert half["status"] == "in-progress"
    assert 0 < half["percent_complete"] < 100
    assert float(half["partial_result"]) == pytest.approx(3.14, abs=0.05)
    work_on(h)
    done = status(http, "monday")
    assert (done["status"], done["percent_complete"]) == ("finished", 100.0)
    assert done["result"] == done["partial_result"]
    assert len(done["result"].partition(".")[2]) == 6
    way = http.get("/api/job_history/monday").get_json()
    percents = [sample["percent"] for sample in way["samples"]]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert f"{way['samples'][-1]['approx_pi']:.6f}" == done["result"]
    assert way["pixels"] == []


def test_the_callers_id_is_the_job_once(http, h):
    for _ in range(3):
        assert create(http).status_code == 200
    assert len(h.store.views.jobs(10)) == 1
    other = create(http, points=5)
    assert (other.status_code, other.get_json()["code"]) == (409, "key-reused")
    assert create(http, job_id="tuesday", points=5).status_code == 200
    work_on(h)
    assert create(http).status_code == 200
    assert status(http, "monday")["status"] == "finished"


def test_an_id_stays_taken_after_its_key_is_forgotten(http, h):
    create(http)
    h.store.verbs._state.keys.clear()
    assert create(http).status_code == 200
    assert create(http, points=5).status_code == 409
    assert len(h.store.views.jobs(10)) == 1


def test_a_uuid_is_our_id_too(http, h):
    given = str(uuid.UUID(int=7))
    create(http, job_id=given)
    assert h.store.views.jobs(1)[0].id == given.replace("-", "")
    assert status(http, h.store.views.jobs(1)[0].id)["status"] == "in-progress"


def test_an_unknown_job_has_the_same_fields(http):
    reply = http.get("/api/job_status/never")
    assert reply.status_code == 404
    assert reply.get_json() == {
        "status": "error",
        "result": "",
        "partial_result": "job_id not found",
        "percent_complete": 0.0,
    }
    reply = http.get("/api/job_history/never")
    assert (reply.status_code, reply.get_json()) == (404, {"samples": [], "pixels": []})
    assert http.post("/api/mark_job_error/never").status_code == 404


def test_marking_ends_a_job_and_makes_none(http, h):
    create(http)
    work_on(h, 1)
    for _ in range(2):
        reply = http.post("/api/mark_job_error/monday")
        assert reply.get_json() == {"job_id": "monday", "status": "error"}
    found = status(http, "monday")
    assert (found["status"], found["result"]) == ("error", "")
    assert 0 < found["percent_complete"] < 100
    http.post("/api/mark_job_error/never")
    assert len(h.store.views.jobs(10)) == 1


def test_a_finished_job_cannot_be_marked(http, h):
    create(http)
    work_on(h)
    assert http.post("/api/mark_job_error/monday").get_json()["status"] == "finished"
    assert status(http, "monday")["status"] == "finished"


def pixels(http):
    return http.get("/api/job_history/view").get_json()["pixels"]


def test_a_picture_from_its_creation_to_its_pixels(http, h):
    assert create(http, **PICTURE).status_code == 200
    (job,) = h.store.views.jobs(1)
    assert job.spec.params["columns"] == job.spec.params["rows"] == 40
    asked = {name: job.spec.params[name] for name in ("iterations", *REGION)}
    assert asked == {"iterations": 300, "centre_x": -0.5, "centre_y": 0.0, "width": 3.0}
    assert pixels(http) == []
    work_on(h, 1)
    some = pixels(http)
    assert 0 < len(some) < 1600
    work_on(h)
    found = status(http, "view")
    assert (found["status"], found["result"]) == ("finished", "Mandelbrot complete")
    rows = drawing.picture(job.spec.params, dict.fromkeys(range(job.spec.total_units), b""))
    whole = b"".join(rows).hex().upper()
    colours = ["#" + whole[at : at + 6] for at in range(0, len(whole), 6)]
    assert pixels(http) == [{"index": i, "color": c} for i, c in enumerate(colours)]
    assert [pixel for pixel in pixels(http) if pixel in some] == some


def test_a_picture_has_256_pixels_a_side_unless_told(http, h):
    create(http, job_id="view", task_type="calculate_mandelbrot", resolution=0)
    assert h.store.views.jobs(1)[0].spec.params["rows"] == 256


def test_a_history_too_long_is_refused(http, h, monkeypatch):
    create(http, **PICTURE)
    monkeypatch.setattr("hydra.api.ancestor.jobs.PIXELS_MAX", 1599)
    reply = http.get("/api/job_history/view")
    assert (reply.status_code, reply.get_json()["code"]) == (413, "too-large")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("job_id", None),
        ("job_id", 7),
        ("job_id", ""),
        ("job_id", "a/b"),
        ("job_id", "../x"),
        ("job_id", ".."),
        ("job_id", "x" * 129),
        ("job_id", "<script>"),
        ("job_id", "\ud800"),
        ("task_type", None),
        ("task_type", "calculate_tau"),
        ("task_type", ["calculate_pi"]),
        ("points", None),
        ("points", 0),
        ("points", -1),
        ("points", 1.5),
        ("points", True),
        ("points", 10**30),
        ("points", "many"),
        ("colour", 1),
    ],
)
def test_a_bad_field_is_named(http, h, name, value):
    reply = http.post(
        "/api/create_job", data=json.dumps({**PI, name: value}), content_type="application/json"
    )
    assert reply.status_code == 400, reply.text
    assert reply.get_json()["errors"][0]["pointer"] == f"/{name}"
    assert h.store.views.jobs(1) == []


@pytest.mark.parametrize("value", [-1, 10**9, 1.5, "wide", True, None])
def test_a_bad_resolution_is_named(http, h, value):
    reply = create(http, **{**PICTURE, "resolution": value})
    if value is None:  # as good as none
        assert reply.status_code == 200
        return
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["pointer"] == "/resolution"
    assert h.store.views.jobs(1) == []


def test_what_is_described_is_what_the_kernels_take():
    samples = load()["pi"].params["samples"]
    assert (samples.low, samples.high) == (1, POINTS_MAX)
    assert RESOLUTION_MAX**2 == PIXELS_MAX


def test_only_json_is_taken(http):
    assert http.post("/api/create_job", data="x").status_code == 415


def test_a_kernel_that_is_not_here_is_missing():
    only_pi = bundle(load=lambda: {"pi": load()["pi"]})
    reply = create(create_app(only_pi).test_client(), **PICTURE)
    assert (reply.status_code, reply.get_json()["code"]) == (404, "no-such-kernel")


def test_the_real_kernel_draws_the_ancestors_view():
    h = bundle()
    http = create_app(h).test_client()
    assert create(http, **PICTURE).status_code == 200
    work_on(h)
    found = pixels(http)
    assert [pixel["index"] for pixel in found] == list(range(1600))
    colours = [pixel["color"] for pixel in found]
    assert colours[20 * 40 + 20] == "#000000"  # near -0.5, inside the set
    assert len(set(colours)) > 100
