"""Live events: whole, in order, resumed without a gap, ended in time, bounded."""

from __future__ import annotations

import itertools
import json
import threading

import pytest
import urllib3

from hydra.api.v1.streams import EVENTS_MAX, Streams, Viewer
from hydra.errors import StoreDown, Unavailable
from hydra.services.cancel import cancel
from hydra.services.submit import submit
from hydra.web import create_app
from tests.http.working import UNIT, bundle, work_on
from tests.waiting import until


def events_of(text):
    """(event, id, data) of each event in a stream's text; comments and `retry` left out."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in fields:
            found.append((fields["event"], fields.get("id", ""), json.loads(fields["data"])))
    return found


def story_ids(events):
    return [entry for event, entry, _ in events if event == "story"]


def test_a_stream_tells_the_story_and_ends_with_the_answer(http, h, opened, work):
    job = opened()
    work()
    reply = http.get(job["links"]["events"])
    assert reply.mimetype == "text/event-stream"
    assert reply.headers["Cache-Control"] == "no-cache, no-transform"
    assert reply.headers["X-Accel-Buffering"] == "no"
    assert reply.text.startswith("retry: 2000\n\n")
    events = events_of(reply.text)
    assert story_ids(events) == [entry.id for entry in h.store.views.story(job["id"])]
    assert all(data["id"] == entry for event, entry, data in events if event == "story")
    assert [event for event, _, _ in events].count("end") == 1
    assert events[-1] == ("end", "", http.get(job["links"]["self"]).get_json())
    assert events[-1][2]["answer"]["samples"] == 10 * UNIT


@pytest.mark.parametrize("by", ["header", "query"])
def test_a_stream_resumes_at_every_entry_without_gap_or_double(http, h, opened, work, by):
    job = opened()
    work()
    ids = [entry.id for entry in h.store.views.story(job["id"])]
    for seen, entry in enumerate(ids, 1):
        given = (
            {"headers": {"Last-Event-ID": entry}}
            if by == "header"
            else {"query_string": {"after": entry}}
        )
        assert story_ids(events_of(http.get(job["links"]["events"], **given).text)) == ids[seen:]


def test_the_header_wins_over_the_query(http, opened, work):
    job = opened()
    work()
    reply = http.get(
        job["links"]["events"], query_string={"after": "1"}, headers={"Last-Event-ID": "3"}
    )
    assert story_ids(events_of(reply.text))[0] == "00000000.4"


def test_a_bad_last_event_id_is_named(http, opened):
    reply = http.get(opened()["links"]["events"], headers={"Last-Event-ID": "nonsense"})
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["parameter"] == "Last-Event-ID"


def test_only_looking_at_the_head_takes_no_seat(http, app, opened):
    reply = http.head(opened()["links"]["events"])
    assert reply.status_code == 200
    assert app.extensions["hydra-streams"]._viewers == set()


def collect(viewer, until_event):
    """The events of a viewer up to the first of that name."""
    found = []
    for line in viewer.lines():
        found += events_of(line)
        if found and found[-1][0] == until_event:
            return found
    return found


@pytest.fixture
def streams(h):
    streams = Streams(h)
    yield streams
    streams.close()
    until(lambda: streams._thread is None, what="the thread ends")


def test_a_running_job_is_followed_live(h, streams):
    job = submit(h, "pi", {"samples": 40 * UNIT})
    viewer = streams.open(job.id, "")
    lines = viewer.lines()
    assert next(lines).startswith("retry")
    seen = events_of(next(lines)) + events_of(next(lines))
    assert [event for event, _, _ in seen] == ["story", "progress"]
    for _ in range(3):
        work_on(h, 1)
    work_on(h)
    seen += itertools.chain.from_iterable(map(events_of, lines))
    assert story_ids(seen) == [entry.id for entry in h.store.views.story(job.id)]
    done = [data["done_units"] for event, _, data in seen if event == "progress"]
    assert done == sorted(done)
    assert seen[-1][0] == "end"
    assert seen[-1][2]["state"] == "done"
    streams.leave(viewer)


def test_viewers_with_different_cursors_get_what_each_lacks(h, streams):
    job = submit(h, "pi", {"samples": 10 * UNIT})
    work_on(h, 1)
    ids = [entry.id for entry in h.store.views.story(job.id)]
    viewers = [streams.open(job.id, after) for after in ("", ids[0], ids[-1])]
    work_on(h)
    final = [entry.id for entry in h.store.views.story(job.id)]
    found = [story_ids(collect(viewer, "end")) for viewer in viewers]
    assert found == [final, final[1:], final[len(ids) :]]


def test_a_cancelled_job_ends_its_streams(h, streams):
    job = submit(h, "pi", {})
    viewer = streams.open(job.id, "")
    cancel(h, job.id, "enough")
    assert collect(viewer, "end")[-1][2]["reason"] == "enough"


def test_nothing_is_looked_at_when_nobody_watches(h):
    streams = Streams(h)
    job = submit(h, "pi", {})
    viewer = streams.open(job.id, "")
    collect(viewer, "progress")
    assert streams._thread is not None
    streams.leave(viewer)
    until(lambda: streams._thread is None, what="the thread ends")
    again = streams.open(job.id, "")
    assert collect(again, "progress")
    streams.close()


def test_close_ends_every_stream_and_refuses_new_ones(h):
    streams = Streams(h)
    job = submit(h, "pi", {})
    viewers = [streams.open(job.id, "") for _ in range(3)]
    for viewer in viewers:
        collect(viewer, "progress")
    streams.close()
    assert [list(viewer.lines())[1:] for viewer in viewers] == [[], [], []]
    streams.close()
    with pytest.raises(Unavailable):
        streams.open(job.id, "")


def test_a_viewer_that_lags_is_cut_off(h):
    viewer = Viewer("0" * 32, "")
    for number in range(EVENTS_MAX + 5):
        viewer.tell("story", b"{}", str(number))
    assert viewer.over
    assert list(viewer.lines()) == ["retry: 2000\n\n"]


def test_more_streams_than_seats_are_told_to_come_back():
    h = bundle(web_threads=18)
    app = create_app(h)
    job = submit(h, "pi", {})
    address = f"/api/v1/jobs/{job.id}/events"
    http = app.test_client()
    held = [http.get(address) for _ in range(2)]
    refused = http.get(address)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    held[0].close()
    again = http.get(address)
    assert again.status_code == 200
    for reply in (again, held[1]):
        reply.close()
    app.close_streams()


def test_streams_ride_out_a_silent_store(h, streams, monkeypatch):
    monkeypatch.setattr("hydra.api.v1.streams.OUTAGE_S", 0.01)
    job = submit(h, "pi", {})
    viewer = streams.open(job.id, "")
    collect(viewer, "progress")
    asked = threading.Event()
    job_of = h.store.views.job

    def silent(job):
        asked.set()
        raise StoreDown("Redis does not answer")

    monkeypatch.setattr(h.store.views, "job", silent)
    assert asked.wait(10)
    monkeypatch.setattr(h.store.views, "job", job_of)
    cancel(h, job.id)
    assert collect(viewer, "end")[-1][0] == "end"


def test_a_bug_ends_the_streams_instead_of_silencing_them(h, streams, monkeypatch, caplog):
    job = submit(h, "pi", {})
    viewer = streams.open(job.id, "")
    monkeypatch.setattr(h.store.views, "job", lambda job: 1 / 0)
    assert len(list(viewer.lines())) <= 3
    assert "streams-error" in caplog.text


def test_a_job_that_is_cleared_away_ends_its_streams(h, streams):
    viewer = streams.open("0" * 32, "")
    assert list(viewer.lines()) == ["retry: 2000\n\n"]


def test_over_a_real_server_a_viewer_that_leaves_gives_back_its_seat(h, app, serve):
    url = serve(app)
    job = submit(h, "pi", {})
    pool = urllib3.PoolManager()
    address = f"{url}/api/v1/jobs/{job.id}/events"
    reply = pool.request("GET", address, preload_content=False)
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    text = b""
    while b"event: progress" not in text:
        text += reply.read(1)
    reply.close()
    streams = app.extensions["hydra-streams"]
    assert len(streams._viewers) == 1
    # The server notices at its next write, or when the streams end.
    app.close_streams()
    until(lambda: streams._free._value == streams.seats, what="the seat is free again")
    pool.clear()


def test_closing_ends_a_stream_over_a_real_server(h, app, serve):
    url = serve(app)
    job = submit(h, "pi", {})
    pool = urllib3.PoolManager()
    reply = pool.request("GET", f"{url}/api/v1/jobs/{job.id}/events", preload_content=False)
    app.close_streams()
    reply.read()  # comes to its end
    reply.release_conn()
    pool.clear()
