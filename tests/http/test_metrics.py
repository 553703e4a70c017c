"""`/metrics` is read as Prometheus reads it, and counts what has happened."""

from __future__ import annotations

import re

import pytest

from hydra.clock import ManualClock
from hydra.errors import StoreDown
from hydra.services.reap import reap
from hydra.web import create_app
from tests.http.working import UNIT, bundle

JOBS = "/api/v1/jobs"
LINE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="[^"\\]*",?)+\})? (\S+)')


def read(http):
    """Every sample by name and labels, with what the format asks for checked on the way."""
    reply = http.get("/metrics")
    assert reply.status_code == 200
    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.text.endswith("\n")
    kinds, found = {}, {}
    for line in reply.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds, "one TYPE a metric"
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            name, labels, value = LINE.fullmatch(line).groups()
            family = re.sub("_(bucket|sum|count)$", "", name) if name not in kinds else name
            assert (kinds[family] == "counter") == name.endswith("_total"), name
            assert (name, labels) not in found, "one sample a label set"
            found[name, labels or ""] = float(value)
    return found


def test_what_has_happened_is_counted(http, h, opened, work):
    before = read(http)
    assert before["hydra_jobs_submitted_total", ""] == 0
    assert ("hydra_build_info", '{version="0.1.0"}') in before
    opened(samples=10 * UNIT)
    assert read(http)["hydra_jobs", '{state="running"}'] == 1
    work()
    gone = opened(seed=2)
    http.post(gone["links"]["cancel"])
    reap(h)
    found = read(http)
    assert found["hydra_jobs", '{state="running"}'] == 0
    assert found["hydra_jobs_submitted_total", ""] == 2
    assert found["hydra_jobs_ended_total", '{state="done"}'] == 1
    assert found["hydra_jobs_ended_total", '{state="cancelled"}'] == 1
    assert found["hydra_units_done_total", ""] == 10
    assert found["hydra_leases_ended_total", '{how="complete"}'] >= 1
    assert found["hydra_leases_ended_total", '{how="expire"}'] == 0
    assert found["hydra_leases", ""] == 0
    assert found["hydra_workers", '{state="live"}'] == 1
    assert found["hydra_check_ok", '{check="reaper"}'] == 1


def test_requests_are_counted_by_route_and_never_by_path(h):
    clock = ManualClock()
    http = create_app(bundle(clock)).test_client()
    for number in range(30):
        http.get(f"{JOBS}/{number:032x}")
        http.get(f"/no/such/{number}")
        http.open(JOBS, method=f"VERB{number}")
    found = read(http)
    route = f'route="{JOBS}/<job>"'
    name = "hydra_http_requests_total"
    assert found[name, f'{{method="GET",{route},status="404"}}'] == 30
    assert found[name, '{method="GET",route="none",status="404"}'] == 30
    assert found[name, '{method="other",route="none",status="405"}'] == 30
    assert sum(key[0] == name for key in found) == 3
    buckets = [
        value
        for (what, labels), value in found.items()
        if what.endswith("_bucket") and route in labels
    ]
    assert buckets == [30] * len(buckets)
    assert found["hydra_http_request_duration_seconds_count", f"{{{route}}}"] == 30


def test_time_is_put_into_its_bucket(h):
    clock = ManualClock()
    h = bundle(clock)
    app = create_app(h)
    app.add_url_rule("/slow", view_func=lambda: clock.sleep_s(0.2) or "")
    http = app.test_client()
    http.get("/slow")
    found = read(http)

    def within(bound):
        label = f'{{le="{bound}",route="/slow"}}'
        return found["hydra_http_request_duration_seconds_bucket", label]

    assert [within(bound) for bound in (0.1, 0.5, "+Inf")] == [0, 1, 1]
    total = found["hydra_http_request_duration_seconds_sum", '{route="/slow"}']
    assert total == pytest.approx(0.2)


def test_without_a_store_the_rest_is_still_told(http, h, monkeypatch):
    def silent(*_):
        raise StoreDown("Redis does not answer")

    monkeypatch.setattr(type(h.store.vitals), "tally", silent)
    monkeypatch.setattr(type(h.store.vitals), "health", silent)
    found = read(http)
    assert found["hydra_check_ok", '{check="store"}'] == 0
    assert ("hydra_units_done_total", "") not in found


def test_only_what_is_ours_is_told(http, opened, work):
    opened()
    work()
    read(http)
    names = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in read(http)}
    assert names == {
        "hydra_build_info",
        "hydra_check_ok",
        "hydra_http_request_duration_seconds",
        "hydra_http_requests_total",
        "hydra_jobs",
        "hydra_jobs_ended_total",
        "hydra_jobs_submitted_total",
        "hydra_leases",
        "hydra_leases_ended_total",
        "hydra_store_calls_total",
        "hydra_store_memory_bytes",
        "hydra_tasks_waiting",
        "hydra_units_done_total",
        "hydra_workers",
    }


def test_strangers_read_no_metrics():
    http = create_app(bundle(token="secret", bind="0.0.0.0")).test_client()
    assert http.get("/metrics").status_code == 401
    bearer = {"Authorization": "Bearer secret"}
    assert http.get("/metrics", headers=bearer).status_code == 200
