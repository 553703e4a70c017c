"""The workers over HTTP and on their page."""

from __future__ import annotations

from hydra.clock import ManualClock
from hydra.model.limits import LIVE_MS
from hydra.model.pauses import Pause
from hydra.services.submit import submit
from hydra.web import create_app
from hydra.work.local import session_here
from tests.http.working import UNIT, bundle, work_on


def test_workers_show_what_they_do(http, opened, work):
    assert http.get("/api/v1/workers").get_json() == {
        "workers": [],
        "live_workers": 0,
        "fresh_workers": 0,
    }
    opened()
    work()
    found = http.get("/api/v1/workers").get_json()
    assert found["live_workers"] == 1
    assert found["workers"][0]["state"] == "idle"
    assert "takes units" in found["workers"][0]["doing"]


def test_workers_that_wait_for_a_task_are_here_though_silent():
    h, drawn = bundle(ManualClock()), "5eed" * 8
    http = create_app(h).test_client()
    h.queue.listening = [drawn, "kitchen"]
    assert http.get("/api/v1/workers").get_json()["fresh_workers"] == 2
    assert "2 workers" in http.get("/").text
    assert "2 here, 2 of them waiting for a first task" in http.get("/workers").text
    submit(h, "pi", {"samples": UNIT})
    work_on(h, rq_name=drawn)
    h.clock.sleep_s(LIVE_MS / 1000 + 1)
    found = http.get("/api/v1/workers").get_json()
    assert found["fresh_workers"] == 1
    assert [worker["state"] for worker in found["workers"]] == ["idle"]
    assert "last:\n" in http.get("/workers").text
    h.queue.listening = []
    assert http.get("/api/v1/workers").get_json()["workers"][0]["state"] == "gone"
    assert "no worker is here" in http.get("/").text


def test_a_paused_worker_says_why_and_until_when():
    h = bundle()
    http, who = create_app(h).test_client(), session_here(h, "w")
    h.store.verbs.pause(who, Pause("hydra pause", 1_700_000_000_000))
    found = http.get("/api/v1/workers").get_json()
    assert (found["live_workers"], found["workers"][0]["state"]) == (0, "paused")
    told = {"why": "hydra pause", "until": "2023-11-14T22:13:20.000Z"}
    assert found["workers"][0]["paused"] == told
    h.store.verbs.pause(who, Pause("the owner uses 80 % of the CPU"))
    assert http.get("/api/v1/workers").get_json()["workers"][0]["paused"]["until"] is None
    page = http.get("/workers").text
    assert ">paused<" in page
    assert "takes no work: the owner uses 80 % of the CPU" in page
    h.store.verbs.enlist(who)
    assert http.get("/api/v1/workers").get_json()["workers"][0]["paused"] is None
