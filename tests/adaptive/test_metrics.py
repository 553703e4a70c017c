"""The ancestor's metrics of chunks and tiles: figures of a job's own timeline."""

from __future__ import annotations

import pytest

from hydra.services.submit import submit
from tests.http.test_openapi import check
from tests.http.working import bundle, work_on

PICTURE = {"columns": 640, "rows": 512, "iterations": 200}


@pytest.fixture
def h():
    return bundle()


def metrics(http, which, **query):
    path = f"/api/adaptive_{which}_metrics"
    reply = http.get(path, query_string=query)
    assert reply.status_code == 200
    return reply.get_json()


def test_chunks_are_counted_by_size(http, h):
    job = submit(h, "mandelbrot", PICTURE)
    work_on(h)
    said = metrics(http, "chunking")
    chunks = h.store.views.timeline(job.id)
    assert said["job_id"] == job.id
    assert said["total_chunks_processed"] == len(chunks)
    assert said["total_points_processed"] == 80 * 64**2
    assert sum(row["chunks"] for row in said["chunks_by_size"]) == len(chunks)
    for row in said["chunks_by_size"]:
        inside = [c for c in chunks if row["units_from"] <= c.span.units <= row["units_to"]]
        assert len(inside) == row["chunks"]
    worker = chunks[0].worker
    assert said[f"worker_{worker}_points_per_second"] == said["overall_points_per_second"]
    assert said["load_imbalance_seconds"] == pytest.approx(0.0)
    assert 0 <= said["overhead_share"] <= 1


def test_tiles_have_what_was_estimated_and_what_it_took(http, h):
    job = submit(h, "mandelbrot", PICTURE)
    work_on(h)
    said = metrics(http, "tiling", job_id=job.id)
    assert said["enabled"] is True
    assert said["total_tiles"] == 80
    costs = h.costs("mandelbrot", job.spec.params)
    assert sum(tile["estimated_iterations"] for tile in said["tiles"]) == pytest.approx(
        costs.sums[-1]
    )
    first = said["tiles"][0]
    chunk = h.store.views.timeline(job.id)[0]
    assert first["tile_id"] == f"{chunk.span.start}..{chunk.span.stop}"
    assert first["actual_computation_time"] == chunk.busy_s
    assert first["complexity_score"] == pytest.approx(costs.mean(chunk.span) / costs.unit_cost)


def test_a_kernel_of_equal_units_has_tiles_of_score_one(http, h):
    submit(h, "pi", {"samples": 4 * 2**18})
    work_on(h)
    said = metrics(http, "tiling")
    assert said["enabled"] is False
    assert {tile["complexity_score"] for tile in said["tiles"]} == {1.0}


def test_before_any_chunk_there_are_no_figures(http, h):
    assert http.get("/api/adaptive_chunking_metrics").status_code == 404
    submit(h, "pi", {"samples": 4 * 2**18})
    assert metrics(http, "chunking")["total_chunks_processed"] == 0
    assert metrics(http, "tiling")["tiles"] == []
    assert http.get("/api/adaptive_tiling_metrics?job_id=nobody").status_code == 404


def test_replies_are_as_described(http, h):
    document = http.get("/api/openapi.json").get_json()
    submit(h, "mandelbrot", PICTURE)
    work_on(h)
    for which in ("chunking", "tiling"):
        for asked in ("", "?job_id=none"):
            path = f"/api/adaptive_{which}_metrics"
            check(document, http.get(path + asked), path, "get")
