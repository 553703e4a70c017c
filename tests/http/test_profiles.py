"""A job's chunks and its profile over HTTP."""

from __future__ import annotations

import csv
import io
import re

import pytest

from hydra.clock import ManualClock
from hydra.model import Rest, Session
from hydra.model.messages import HandIn
from hydra.services.cancel import cancel
from hydra.services.submit import submit
from tests.http.working import UNIT, bundle
from tests.stores import ask


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def h(clock):
    return bundle(clock)


@pytest.fixture
def job(h, clock):
    """50 units: two workers did two chunks each in 2 s, of which 1.5 s computing; one more runs."""
    job, seq = submit(h, "pi", {"samples": 50 * UNIT}).id, 1
    sessions = [Session(name, name, "host") for name in "ab"]
    for session in sessions:
        h.store.verbs.enlist(session)
    grants = {s: h.store.verbs.claim(s, seq, job, ask(10)) for s in sessions}
    for _ in range(2):
        clock.now_s += 2
        seq += 1
        for session, grant in grants.items():
            said = HandIn(
                job=job,
                token=grant.token,
                span=grant.span,
                partial={"hits": 1},
                rest=Rest.RETURN,
                busy_s=1.5,
            )
            h.store.verbs.complete(session, seq, said)
            if h.store.views.job(job).unassigned_units:
                grants |= {session: h.store.verbs.claim(session, seq, job, ask(10))}
    return f"/api/v1/jobs/{job}"


def test_a_profile_tells_who_did_what_and_how_near_the_bound_that_is(http, job):
    found = http.get(f"{job}/profile").get_json()
    assert found["workers"] == [
        {"worker": name, "chunks": 2, "units": 20, "busy_s": 3.0, "units_s": 20 / 3}
        for name in "ab"
    ]
    assert (found["makespan_s"], found["bound_s"], found["efficiency"]) == (4.0, 3.0, 0.75)
    assert (found["whole"], len(found["chunks"])) == (True, 4)
    assert found["chunks"][0] == {
        "id": "00000000.1",
        "worker": "a",
        "start": 0,
        "stop": 10,
        "busy_s": 1.5,
        "end": "complete",
        "lent_at": "1970-01-01T00:16:40.000Z",
        "ended_at": "1970-01-01T00:16:42.000Z",
    }
    assert [part["units_s"] for part in found["throughput"]] == [5.0, 15.0]


def test_the_table_says_the_same(http, job):
    reply = http.get(f"{job}/profile.csv")
    assert reply.mimetype == "text/csv"
    assert "attachment; filename=pi-" in reply.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    chunks = http.get(f"{job}/profile").get_json()["chunks"]
    wanted = [
        {name: str(value) for name, value in chunk.items() if name != "id"} for chunk in chunks
    ]
    assert rows == wanted


def test_chunks_are_read_on_from_the_last_one(http, job):
    every = http.get(f"{job}/chunks").get_json()["chunks"]
    assert [chunk["start"] for chunk in every] == [0, 10, 20, 30]
    first = http.get(f"{job}/chunks?limit=3").get_json()["chunks"]
    rest = http.get(f"{job}/chunks?limit=3&after={first[-1]['id']}").get_json()["chunks"]
    assert first + rest == every


@pytest.mark.parametrize("query", ["after=x", "limit=0", "limit=20001", "limit=many"])
def test_a_bad_query_is_named(http, job, query):
    reply = http.get(f"{job}/chunks?{query}")
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize("path", ["profile", "profile.csv", "chunks"])
def test_no_job_no_profile(http, path):
    assert http.get(f"/api/v1/jobs/{'0' * 32}/{path}").status_code == 404


def test_a_job_that_nobody_began_has_an_empty_profile(http, opened):
    own = opened()["links"]["self"]
    found = http.get(f"{own}/profile").get_json()
    assert (found["chunks"], found["workers"], found["throughput"]) == ([], [], [])
    assert found["efficiency"] is None
    (line,) = http.get(f"{own}/profile.csv").text.splitlines()
    assert line == "worker,start,stop,lent_at,ended_at,busy_s,end"


def test_the_page_has_the_shares_as_a_table_without_scripts(http, h, job):
    text = http.get(job.removeprefix("/api/v1")).text
    assert f'data-chunks="{job}/chunks"' in text
    cells = re.findall(r"<td>([^<]*)</td>", text.partition('id="timeline"')[2])
    assert [cell.strip() for cell in cells[:5]] == [
        "a",
        "2",
        "20",
        "75.0\N{NARROW NO-BREAK SPACE}%",
        "1.75 million points/s",
    ]
    assert "of the bound" not in text
    cancel(h, job.rpartition("/")[2])
    again = http.get(job.removeprefix("/api/v1")).text
    assert "efficiency 75.0\N{NARROW NO-BREAK SPACE}% of the bound" in again
