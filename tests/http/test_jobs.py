"""Jobs over HTTP, as they should go."""

from __future__ import annotations

import re

import pytest

from hydra.clock import ManualClock
from hydra.model.limits import REAPER_LATE_MS
from hydra.services.health import health
from hydra.services.reap import reap
from hydra.web import create_app
from tests.http.working import UNIT, WorkingClock, bundle

JOBS = "/api/v1/jobs"


def test_a_job_is_opened(http):
    reply = http.post(
        JOBS, json={"kernel": "pi", "params": {"samples": 1e6, "seed": "7"}, "priority": 2}
    )
    assert reply.status_code == 201
    job = reply.get_json()
    assert reply.headers["Location"] == f"{JOBS}/{job['id']}" == job["links"]["self"]
    assert job["params"] == {"samples": 1_000_000, "seed": 7, "generator": "shishua"}
    assert (job["state"], job["priority"], job["total_units"]) == ("running", 2.0, 4)
    assert (job["done_units"], job["progress"], job["sums"]) == (0, 0, {})
    assert (job["ended_at"], job["reason"], job["leases"]) == (None, "", 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["created_at"])
    assert "answer" not in job
    assert http.get(reply.headers["Location"]).get_json() == job


def test_defaults_are_the_kernels_own(http, h):
    job = http.post(JOBS, json={"kernel": "pi"}).get_json()
    assert job["params"]["samples"] == h.kernels()["pi"].params["samples"].default


def test_a_job_runs_to_its_answer(http, opened, work):
    job = opened()
    own, result = job["links"]["self"], job["links"]["result"]
    assert http.get(result).get_json()["code"] == "not-finished"
    work(1)
    half = http.get(own).get_json()
    assert 0 < half["progress"] < 1
    assert half["sums"]["hits"] > 0
    work()
    done = http.get(own).get_json()
    assert (done["state"], done["progress"], done["done_units"]) == ("done", 1.0, 10)
    assert done["ended_at"] >= done["created_at"]
    assert done["answer"]["samples"] == 10 * UNIT
    assert done["answer"]["hits"] == done["sums"]["hits"]
    reply = http.get(result)
    assert reply.status_code == 200
    assert reply.get_json() == {"id": job["id"], "answer": done["answer"]}


def test_a_cancelled_job_has_no_result(http, opened):
    links = opened()["links"]
    reply = http.post(links["cancel"], json={"reason": "not needed"})
    job = reply.get_json()
    assert (reply.status_code, job["state"], job["reason"]) == (200, "cancelled", "not needed")
    assert http.post(links["cancel"], json={"reason": "again"}).get_json() == job
    reply = http.get(links["result"])
    assert reply.status_code == 409
    assert "not needed" in reply.get_json()["detail"]


def test_cancel_needs_no_body(http, opened):
    assert http.post(opened()["links"]["cancel"]).get_json()["state"] == "cancelled"


def test_a_done_job_stays_done(http, opened, work):
    links = opened()["links"]
    work()
    assert http.post(links["cancel"]).get_json()["state"] == "done"


def test_a_key_opens_one_job(http, opened, h):
    first = opened(**{"Idempotency-Key": "monday"})
    body = {"kernel": "pi", "params": {"seed": 1, "samples": 10 * UNIT}}
    again = http.post(JOBS, json=body, headers={"Idempotency-Key": "monday"})
    assert again.status_code == 200
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first["links"]["self"]
    assert again.get_json() == first
    other = http.post(JOBS, json={"kernel": "pi"}, headers={"Idempotency-Key": "monday"})
    assert (other.status_code, other.get_json()["code"]) == (409, "key-reused")
    assert len(h.store.views.jobs(10)) == 1
    assert opened(**{"Idempotency-Key": "tuesday"})["id"] != first["id"]


def test_pages_of_jobs_hold_each_job_once(http, opened):
    ids = [opened(seed=seed)["id"] for seed in range(7)]
    found, address = [], f"{JOBS}?limit=3"
    while address:
        page = http.get(address).get_json()
        assert len(page["jobs"]) <= 3
        found += [job["id"] for job in page["jobs"]]
        assert ("cursor" in page) == ("next" in page)
        address = page.get("next")
    assert sorted(found) == sorted(ids)
    assert found == [job["id"] for job in http.get(JOBS).get_json()["jobs"]]


def test_newest_come_first():
    clock = ManualClock()
    http = create_app(bundle(clock)).test_client()
    ids = []
    for _ in range(3):
        ids.append(http.post(JOBS, json={"kernel": "pi"}).get_json()["id"])
        clock.now_s += 1
    assert [job["id"] for job in http.get(JOBS).get_json()["jobs"]] == ids[::-1]


def test_lists_leave_answers_out(http, opened, work):
    opened()
    work()
    (job,) = http.get(JOBS).get_json()["jobs"]
    assert job["state"] == "done"
    assert "answer" not in job


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", "9" * 100, "nan"])
def test_a_bad_limit_is_named(http, limit):
    reply = http.get(f"{JOBS}?limit={limit}")
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("cursor", ["x", "%00", "AAAA", "é", "=" * 30, "A" * 500])
def test_a_bad_cursor_is_named(http, cursor):
    reply = http.get(JOBS, query_string={"cursor": cursor})
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == "cursor"


def test_the_cursor_of_a_job_that_is_gone_ends_the_list(http):
    assert http.get(f"{JOBS}?cursor={'A' * 22}").get_json() == {"jobs": []}


def test_the_story_tells_why(http, opened, work):
    job = opened()
    work()
    story = http.get(job["links"]["story"]).get_json()["story"]
    verbs = [entry["verb"] for entry in story]
    assert (verbs[0], verbs[-1]) == ("submit", "done")
    assert any("learn its speed" in entry["text"] for entry in story)
    rest = http.get(job["links"]["story"], query_string={"after": story[1]["id"]}).get_json()
    assert rest["story"] == story[2:]


@pytest.mark.parametrize("after", ["x", "1-", "-1", "1" * 30, "1-1-1", "("])
def test_a_bad_story_id_is_named(http, opened, after):
    reply = http.get(opened()["links"]["story"], query_string={"after": after})
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == "after"


@pytest.mark.parametrize("what", ["", "/result", "/story", "/events"])
@pytest.mark.parametrize("job", ["0" * 32, "x", "A" * 32, "%2e%2e", "a:free", "é" * 32])
def test_an_unknown_job_is_missing(http, job, what):
    reply = http.get(f"{JOBS}/{job}{what}")
    assert (reply.status_code, reply.get_json()["code"]) == (404, "no-such-job")


def test_an_unknown_job_cannot_be_cancelled(http):
    assert http.post(f"{JOBS}/{'0' * 32}/cancel").status_code == 404


def test_waiting_returns_when_the_job_is_final():
    clock = WorkingClock()
    h = bundle(clock)
    clock.h = h
    http = create_app(h).test_client()
    job = http.post(JOBS, json={"kernel": "pi", "params": {"samples": 3 * UNIT}}).get_json()
    began = clock.now_s
    assert http.get(f"{JOBS}/{job['id']}?wait=25").get_json()["state"] == "done"
    assert clock.now_s - began < 5


def test_waiting_ends_when_the_time_is_up():
    clock = ManualClock()
    http = create_app(bundle(clock)).test_client()
    job = http.post(JOBS, json={"kernel": "pi"}).get_json()
    assert http.get(f"{JOBS}/{job['id']}?wait=12.5").get_json()["state"] == "running"
    assert clock.now_s == pytest.approx(1012.5)


def test_waiting_without_a_seat_answers_at_once():
    clock = ManualClock()
    app = create_app(bundle(clock, web_threads=4))
    http = app.test_client()
    job = http.post(JOBS, json={"kernel": "pi"}).get_json()
    assert app.extensions["hydra-streams"].take_seat()
    assert http.get(f"{JOBS}/{job['id']}?wait=25").get_json()["state"] == "running"
    assert clock.now_s == 1000


@pytest.mark.parametrize("wait", ["-1", "26", "nan", "inf", "x", ""])
def test_a_bad_wait_is_named(http, opened, wait):
    reply = http.get(opened()["links"]["self"], query_string={"wait": wait})
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == "wait"


def test_kernels_tell_their_parameters(http, h):
    found = http.get("/api/v1/kernels").get_json()["kernels"]
    kernels = {kernel["name"]: kernel for kernel in found}
    assert set(kernels) == set(h.kernels())
    samples = kernels["pi"]["params"]["samples"]
    assert (samples["type"], samples["low"], samples["high"]) == ("int", 1, 10**18)
    assert kernels["pi"]["doc"].startswith("Pi by throwing points")
    assert "choices" not in samples


def test_too_many_open_jobs_say_when_to_come_back():
    http = create_app(bundle(jobs_open_max=1)).test_client()
    assert http.post(JOBS, json={"kernel": "pi"}).status_code == 201
    reply = http.post(JOBS, json={"kernel": "pi"})
    assert (reply.status_code, reply.get_json()["code"]) == (429, "too-many")
    assert reply.headers["Retry-After"] == "1"


def test_without_a_reaper_nothing_is_ready():
    h = bundle(ManualClock())
    http = create_app(h).test_client()

    def said():
        reply = http.get("/readyz")
        assert (reply.status_code == 200) == reply.get_json()["ready"]
        return {check["name"]: check["ok"] for check in reply.get_json()["checks"]}

    assert said() == {"store": True, "reaper": False}
    reap(h)
    assert said() == {"store": True, "reaper": True}
    h.clock.sleep_s(REAPER_LATE_MS / 1000)
    assert said()["reaper"]
    h.clock.sleep_s(0.001)
    assert not said()["reaper"]


def test_a_seldom_reaper_is_given_time():
    h = bundle(ManualClock(), reap_seconds=60.0)
    reap(h)
    h.clock.sleep_s(180)
    assert all(check.ok for check in health(h))
    h.clock.sleep_s(1)
    assert not all(check.ok for check in health(h))


def test_health_tells_alive_from_ready(http, h, monkeypatch):
    assert http.get("/healthz").text == "ok\n"
    reap(h)
    assert http.get("/readyz").get_json()["ready"] is True
    from hydra.api.v1 import fleet
    from hydra.model import Check

    bad = [Check("store", True, "fine"), Check("memory", False, "it evicts")]
    monkeypatch.setattr(fleet, "health", lambda h: bad)
    reply = http.get("/readyz")
    assert reply.status_code == 503
    assert reply.get_json()["checks"][1] == {"name": "memory", "ok": False, "detail": "it evicts"}
    assert http.get("/healthz").status_code == 200
