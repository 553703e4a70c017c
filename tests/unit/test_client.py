"""The Python door against the real API, without a socket and without waiting."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
import urllib3

import hydra
from hydra import client, errors
from hydra.client import Client, address, as_completed
from hydra.model import FINAL
from hydra.web import create_app
from tests.http.working import UNIT, URL, DoorPool, Reply, bundle


@pytest.fixture
def pool(h):
    return DoorPool(create_app(h).test_client())


@pytest.fixture
def door(pool, clock, monkeypatch):
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_: pool)
    with Client(URL, clock=clock) as door:
        yield door


def test_the_door_loads_nothing_of_the_server():
    heavy = "{'flask', 'msgspec', 'numpy', 'prometheus_client', 'redis', 'rq'}"
    code = f"import sys, hydra.client; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_job_is_submitted_and_answered(door):
    job = door.submit("pi", samples=20 * UNIT, seed=3)
    assert re.fullmatch("[0-9a-f]{32}", job.id)
    assert (job.state, job.is_final) == ("running", False)
    answer = job.result()
    assert (answer["samples"], answer["seed"]) == (20 * UNIT, 3)
    assert (job.state, job.is_final, job.progress()) == ("done", True, 1.0)
    assert door.job(job.id).result() == answer
    assert repr(job) == f"<job {job.id} pi done>"


def test_a_job_has_the_priority_it_was_given(door):
    assert door.submit("pi").shape["priority"] == 1.0
    assert door.submit("pi", priority=3, seed=3).shape["priority"] == 3.0
    for wrong in (0, 101, "3"):
        with pytest.raises(
            errors.BadParam, match=r"^priority must be a number from 0\.01 to 100$"
        ) as no:
            door.submit("pi", priority=wrong)
        assert no.value.field == "/priority"


def test_every_submit_carries_a_key_of_its_own(door, pool):
    door.submit("pi")
    door.submit("pi")
    keys = [headers["Idempotency-Key"] for _, _, headers in pool.requests]
    assert len(set(keys)) == 2


def test_a_submit_whose_reply_was_lost_opens_one_job(door, pool, h, monkeypatch):
    """The pool repeats the very same request, key included."""
    send = pool.request

    def twice(*args, **given):
        send(*args, **given)
        return send(*args, **given)

    monkeypatch.setattr(pool, "request", twice)
    job = door.submit("pi", samples=UNIT)
    assert [found.id for found in h.store.views.jobs(10)] == [job.id]


def test_retries_cover_what_is_safe_to_repeat():
    assert client.RETRIES.allowed_methods is None
    assert {429, 503} <= set(client.RETRIES.status_forcelist)
    assert not client.RETRIES.raise_on_status


def test_watching_shows_progress_up_to_the_end(door):
    job = door.submit("pi", samples=40 * UNIT)
    shown = [shape["done_units"] for shape in job.watch()]
    assert shown == sorted(shown)
    assert shown[-1] == 40
    assert len(shown) > 2


def test_a_cancelled_job_has_no_result(door):
    job = door.submit("pi").cancel("enough")
    assert job.state == "cancelled"
    with pytest.raises(errors.JobCancelled, match=r"was cancelled: enough"):
        job.result()
    assert door.cancel(job.id).state == "cancelled"


def test_result_waits_no_longer_than_told(door, clock):
    clock.slices = 0
    job = door.submit("pi")
    began = clock.now_s
    with pytest.raises(TimeoutError, match="not done after 40 s"):
        job.result(timeout=40)
    assert 40 <= clock.now_s - began < 41
    with pytest.raises(TimeoutError):
        job.result(timeout=0)


def test_as_completed_gives_each_job_once_as_it_ends(door, clock):
    clock.slices = 2
    jobs = [door.submit("pi", samples=count * UNIT) for count in (30, 10, 1)]
    jobs[1].cancel()
    ended = list(as_completed([*jobs, jobs[0]]))
    assert sorted(job.id for job in ended) == sorted(job.id for job in jobs)
    assert ended[0].state == "cancelled"
    assert all(job.is_final for job in ended)
    assert list(as_completed([])) == []


def test_as_completed_waits_no_longer_than_told(door, clock):
    clock.slices = 0
    jobs = [door.submit("pi"), door.submit("pi").cancel()]
    found = as_completed(jobs, timeout=3)
    assert next(found).id == jobs[1].id
    with pytest.raises(TimeoutError, match="1 jobs"):
        next(found)


def test_lists_and_stories(door, clock):
    ids = []
    for seed in range(5):
        ids.append(door.submit("pi", seed=seed, samples=UNIT).id)
        clock.now_s += 1
    assert [job.id for job in door.jobs()] == ids[::-1]
    assert [job.id for job in door.jobs(2)] == ids[:2:-1]
    job = door.jobs(1)[0]
    job.result()
    story = job.story()
    assert (story[0]["verb"], story[-1]["verb"]) == ("submit", "done")
    assert job.story(after=story[0]["id"]) == story[1:]
    assert door.workers()[0]["state"] == "idle"
    assert "pi" in [kernel["name"] for kernel in door.kernels()]


def test_a_done_job_from_a_list_fetches_its_answer(door):
    door.submit("pi", samples=UNIT).result()
    assert door.jobs()[0].result()["samples"] == UNIT


@pytest.mark.parametrize(
    ("call", "kind", "field"),
    [
        (lambda door: door.submit("pi", samples=0), errors.BadParam, "/params/samples"),
        (lambda door: door.submit("tau"), errors.NoSuchKernel, "/kernel"),
        (lambda door: door.job("0" * 32), errors.NoSuchJob, "job"),
        (lambda door: door.job("../workers"), errors.Invalid, "job"),
        (lambda door: door.job(""), errors.Invalid, "job"),
        (lambda door: door.submit("pi", samples=float("nan")), errors.Invalid, None),
        (lambda door: door.submit("pi", samples={1}), errors.Invalid, None),
        (lambda door: door.submit("pi", x="x" * 70_000), errors.TooLarge, None),
    ],
)
def test_problems_come_back_as_the_errors_they_were(door, call, kind, field):
    with pytest.raises(kind) as caught:
        call(door)
    assert type(caught.value) is kind
    assert caught.value.field == field
    assert caught.value.sentence


def test_every_wrong_parameter_comes_back(door):
    with pytest.raises(errors.BadParam) as caught:
        door.submit("pi", samples=0, seed=-1)
    assert [error.field for error in caught.value.errors] == ["/params/samples", "/params/seed"]


@pytest.mark.parametrize(
    ("status", "problem", "kind"),
    [
        (400, {"code": "from-the-future", "detail": "no"}, errors.Invalid),
        (403, {"code": "forbidden", "detail": "no"}, errors.Denied),
        (404, {"title": "Not Found"}, errors.Missing),
        (500, {}, errors.HydraError),
        (502, {}, errors.Unavailable),
        (409, {"code": "key-reused"}, errors.KeyReused),
    ],
)
def test_problems_of_other_versions_still_say_what_they_can(status, problem, kind):
    assert isinstance(errors.from_problem(status, problem), kind)


def test_what_is_no_scheduler_is_called_so(door, pool, monkeypatch):
    monkeypatch.setattr(pool, "request", lambda *_, **__: Reply(200, b"<html>"))
    with pytest.raises(errors.Unavailable, match="no scheduler of Hydra"):
        door.workers()


def test_nobody_there_is_one_clear_sentence(door, pool):
    pool.down = True
    with pytest.raises(errors.Unavailable, match=f"no scheduler answers at {URL}; start one with"):
        door.jobs()


def test_a_wait_rides_out_a_short_outage_but_not_a_long_one(door, pool, clock):
    clock.slices = 0
    job = door.submit("pi", samples=UNIT)
    watching = job.watch(every_s=1)
    next(watching)
    pool.down = True
    for _ in range(5):
        next(watching)
    pool.down, clock.slices = False, 5
    assert job.result()["samples"] == UNIT
    clock.slices = 0
    job = door.submit("pi")
    pool.down = True
    began = clock.now_s
    with pytest.raises(errors.Unavailable):
        job.result()
    assert clock.now_s - began == pytest.approx(client.OUTAGE_S, abs=1)


def test_a_token_is_sent_as_bearer(monkeypatch):
    pool = DoorPool(create_app(bundle(token="secret")).test_client())
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_: pool)
    assert Client(URL, "secret").jobs() == []
    with pytest.raises(errors.BadCredential):
        Client(URL, "wrong").jobs()


@pytest.mark.parametrize(
    "url",
    ["x", "ftp://x", "localhost:8080", "http://", "http://[::1", "http://x:y", "http://x:99999"],
)
def test_an_address_that_is_none_is_said_so(url):
    with pytest.raises(errors.BadSetting, match="HOST:PORT"):
        Client(url)


def test_the_final_states_are_the_models():
    assert {state.value for state in FINAL} == client.FINAL


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setenv("HYDRA_STATE_DIR", str(tmp_path))
    return tmp_path


def up(state, pid=None, url="http://10.1.2.3:9999"):
    (state / "up.json").write_text(json.dumps({"url": url, "pid": pid or os.getpid()}))


def test_the_scheduler_is_found_by_argument_variable_state_folder_default(state, monkeypatch):
    assert Client().url == "http://127.0.0.1:8080"
    up(state)
    assert Client().url == "http://10.1.2.3:9999"
    monkeypatch.setenv("HYDRA_URL", "http://10.0.0.1:1/")
    assert Client().url == "http://10.0.0.1:1"
    assert Client("http://10.0.0.2").url == "http://10.0.0.2"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pid": "x", "url": "y"}', '{"pid": null}'])
def test_a_broken_record_is_passed_over(state, content):
    (state / "up.json").write_text(content)
    assert Client().url == address.DEFAULT_URL


def test_the_record_of_a_dead_process_is_passed_over(state, monkeypatch):
    def dead(pid, number):
        raise ProcessLookupError

    up(state)
    monkeypatch.setattr(os, "kill", dead)
    assert Client().url == address.DEFAULT_URL


def test_the_state_folders_token_is_shown_to_this_machine_only(state, monkeypatch):
    (state / "token").write_text("secret\n")
    up(state)
    assert address.find_token("http://127.0.0.1:8080") == "secret"
    assert address.find_token("http://10.1.2.3:9999") == "secret"
    assert address.find_token("http://elsewhere.example") == ""
    monkeypatch.setenv("HYDRA_TOKEN", "other")
    assert address.find_token("http://elsewhere.example") == "other"


def test_the_package_offers_the_door_by_name():
    assert hydra.Client is Client
    assert hydra.as_completed is as_completed
