"""The time left of a job, in the API and on its page."""

from __future__ import annotations

import pytest

from hydra.clock import ManualClock
from hydra.model import Rest, Session, Span
from hydra.model.messages import HandIn
from hydra.services.submit import submit
from tests.http.working import UNIT, bundle
from tests.stores import ask

WHO = Session("s", "a", "host-a")


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def h(clock):
    return bundle(clock)


@pytest.fixture
def steady(h, clock):
    """A job of 1000 units that gets one a second, 100 so far."""
    job = submit(h, "pi", {"samples": 1000 * UNIT})
    h.store.verbs.enlist(WHO)
    grant = h.store.verbs.claim(WHO, 1, job.id, ask(1000))
    for at in range(100):
        clock.now_s += 1
        one = HandIn(
            job=job.id,
            token=grant.token,
            span=Span(at, at + 1),
            partial={"hits": 1},
            rest=Rest.KEEP,
        )
        h.store.verbs.complete(WHO, at + 2, one)
    return job.id


def test_a_running_job_tells_its_time_left(http, steady):
    eta_s = http.get(f"/api/v1/jobs/{steady}").get_json()["eta_s"]
    assert eta_s["p50"] == 900
    assert 600 < eta_s["p10"] < 900 < eta_s["p90"] < 1300


def test_the_page_says_it_in_words(http, steady):
    assert "about 15 min left, between 1" in http.get(f"/jobs/{steady}").text


def test_the_fleets_rate_is_asked_too(http, h, clock, steady):
    """Nothing comes for a minute; the worker that is still live lets hope for more."""
    clock.now_s += 60
    silent = http.get(f"/api/v1/jobs/{steady}").get_json()["eta_s"]
    h.store.verbs.tick()
    assert h.store.views.live_workers() == 0
    h.store.verbs.enlist(WHO)
    h.store.verbs.tick()
    again = http.get(f"/api/v1/jobs/{steady}").get_json()["eta_s"]
    assert again["p50"] < silent["p50"]


def test_a_job_that_nobody_has_begun_says_unknown(http, opened):
    job = opened()
    assert job["eta_s"] is None
    assert " left" not in http.get(f"/jobs/{job['id']}").text


def test_lists_and_ended_jobs_have_no_time_left(http, steady):
    (listed,) = http.get("/api/v1/jobs").get_json()["jobs"]
    assert "eta_s" not in listed
    http.post(f"/api/v1/jobs/{steady}/cancel")
    assert http.get(f"/api/v1/jobs/{steady}").get_json()["eta_s"] is None
