"""Forms of any kernel, lists, pictures and the story's filter, without a browser."""

from __future__ import annotations

import html
import itertools
import re
import shlex
from importlib import import_module
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from hydra.cli import main
from hydra.clock import ManualClock
from hydra.kernels import Estimate
from hydra.services.cancel import cancel
from hydra.services.submit import submit
from hydra.web import create_app, words
from hydra.web.pages import ROWS, thinned
from tests import drawing
from tests.http.test_pages import SCRIPT, Page
from tests.http.working import UNIT, bundle, work_on


@pytest.fixture
def h():
    return bundle(load=drawing.kernels)


def filled(http, path):
    """What the form of this page would send."""
    text = http.get(path).text
    form = {field["name"]: field["value"] for field in Page(text).all("input")}
    chosen = re.findall(r'<select id="in-(\w+)".*?<option selected>(\w+)', text, re.DOTALL)
    return form | dict(chosen)


def test_each_kernel_has_its_form(http, h):
    page = Page(http.get("/").text)
    links = [link["href"] for link in page.all("a")]
    for name, kernel in h.kernels().items():
        assert f"/new/{name}" in links
        form = filled(http, f"/new/{name}")
        assert {field: form[field] for field in kernel.params} == {
            field: str(param.default) for field, param in kernel.params.items()
        }
    assert http.get("/new/tau").status_code == 404


def test_choices_can_be_chosen(http, h):
    form = filled(http, "/new/drawing")
    assert form["colour"] == "warm"
    assert http.post("/", data={**form, "colour": "cold"}).status_code == 303
    assert h.store.views.jobs(1)[0].spec.params["colour"] == "cold"
    reply = http.post("/", data={**form, "colour": "loud"})
    assert reply.status_code == 400
    assert "colour must be one of warm, cold, not loud" in reply.text


def test_a_preset_fills_the_form(http):
    text = html.unescape(http.get("/new/drawing").text)
    address = re.search(r'href="([^"]*preset=[^"]*)"', text)[1]
    form = filled(http, address)
    assert (form["columns"], form["colour"], form["light"]) == ("32", "cold", "0.5")
    for path in ("/new/pi?preset=none", "/?preset=none"):
        reply = http.get(path)
        assert (reply.status_code, reply.mimetype) == (400, "text/html")
        assert "a billion points" in reply.text


@pytest.mark.parametrize("priority", [1, 3, 0.012345678])
def test_running_again_is_a_form_filled_as_the_job_was(http, h, priority):
    given = {"columns": 40, "colour": "cold", "light": 0.25}
    job = submit(h, "drawing", given, priority=priority)
    text = html.unescape(http.get(f"/jobs/{job.id}").text)
    address = re.search(r'href="(/new/drawing\?[^"]*)"', text)[1]
    form = filled(http, address)
    assert {name: form[name] for name in job.spec.params} == {
        name: str(value) for name, value in job.spec.params.items()
    }
    http.post("/", data=form)
    again, first = (found.spec for found in h.store.views.jobs(2))
    assert again == first


def test_an_address_cannot_put_markup_or_a_book_into_a_form(http):
    reply = http.get("/new/pi", query_string={"samples": SCRIPT, "seed": "9" * 10_000, "x": SCRIPT})
    assert "<script>alert" not in reply.text
    assert "9" * 201 not in reply.text


@pytest.mark.parametrize("priority", [1, 2, 0.012345678])
def test_the_command_on_the_page_opens_the_same_job(http, h, monkeypatch, priority):
    job = submit(h, "drawing", {"colour": "cold", "light": 1e-7}, priority=priority)
    text = http.get(f"/jobs/{job.id}").text
    line = html.unescape(re.search(r"<pre[^>]*>(.*?)</pre>", text)[1])
    first, *rest = shlex.split(line)
    sent = {}

    def opened(self, kernel, params, priority):
        sent.update(kernel=kernel, params=params, priority=priority)
        return type("Handle", (), {"shape": {}, "id": "x", "refresh": None})()

    monkeypatch.setattr("hydra.client.Client.open", opened)
    CliRunner().invoke(main, [*rest, "--no-wait", "--json"])
    assert first == "hydra"
    again = submit(h, sent["kernel"], sent["params"], priority=sent["priority"])
    assert again.spec == job.spec


def test_a_page_of_jobs_leads_to_the_older_ones(monkeypatch):
    monkeypatch.setattr(import_module("hydra.web.pages"), "JOBS", 3)
    clock = ManualClock()
    h = bundle(clock)
    http = create_app(h).test_client()
    ids = []
    for seed in range(7):
        ids.append(submit(h, "pi", {"seed": seed}).id)
        clock.now_s += 1
    seen, path = [], "/jobs"
    while path:
        text = http.get(path).text
        seen.append(re.findall(r'href="/jobs/([0-9a-f]{32})"', text))
        older = re.search(r'href="(/jobs\?[^"]*)">Older', text)
        path = older[1] if older else ""
    assert [len(page) for page in seen] == [3, 3, 1]
    assert list(itertools.chain(*seen)) == ids[::-1]
    assert http.get("/jobs?cursor=nonsense").status_code == 400


def test_no_jobs_and_no_workers_are_shown(http):
    assert "No job yet" in http.get("/jobs").text
    assert "No worker has been seen lately" in http.get("/workers").text


def test_a_list_tells_what_sets_a_job_apart(http, h):
    submit(h, "drawing", {"light": 0.125})
    submit(h, "drawing", {})
    text = http.get("/jobs").text
    assert "light 0.125" in text
    assert text.count("columns 64") == 1


def test_workers_show_what_they_do_and_how_fast(http, h):
    submit(h, "pi", {"samples": 2000 * UNIT})
    work_on(h)
    text = http.get("/workers").text
    (worker,) = h.store.views.workers()
    shown = html.unescape(text)
    for told in (worker.id, worker.host, "1 here", "points/s", worker.doing):
        assert told in shown
    assert ("at <a" in text) == bool(worker.job)


def test_a_worker_gone_says_so():
    clock = ManualClock()
    h = bundle(clock)
    submit(h, "pi", {"samples": UNIT})
    work_on(h)
    clock.now_s += 60
    assert ">gone<" in create_app(h).test_client().get("/workers").text


def test_a_picture_grows_on_a_canvas_and_ends_as_a_file(http, h):
    job = submit(h, "drawing", {})
    page = Page(http.get(f"/jobs/{job.id}").text)
    (canvas,) = page.all("canvas")
    assert (canvas["width"], canvas["height"]) == ("64", "48")
    assert canvas["data-tiles"] == f"/api/v1/jobs/{job.id}/tiles"
    work_on(h)
    text = http.get(f"/jobs/{job.id}").text
    page = Page(text)
    assert not page.all("canvas")
    address = f"/api/v1/jobs/{job.id}/files/image.png"
    assert [image["src"] for image in page.all("img")][-1] == address
    assert address in [link["href"] for link in page.all("a") if "download" in link]
    digest = h.store.views.answer(job.id)["files"]["image.png"]["sha256"]
    assert digest[:16] in text


def test_a_picture_that_was_given_up_is_not_shown(http, h):
    job = submit(h, "drawing", {})
    cancel(h, job.id)
    assert not Page(http.get(f"/jobs/{job.id}").text).all("canvas")


def test_the_way_is_a_table_too(http, h):
    job = submit(h, "pi", {"samples": 100 * UNIT})
    work_on(h)
    text = http.get(f"/jobs/{job.id}").text
    samples = http.get(f"/api/v1/jobs/{job.id}/history").get_json()["samples"]
    assert f"{samples[-1]['estimate']['value']:.10f}</td>" in text
    assert f'data-history="/api/v1/jobs/{job.id}/history"' in text


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 65, 256])
def test_a_table_is_thinned_but_keeps_the_end(count):
    samples = [SimpleNamespace(estimate=True, n=n) for n in range(count)]
    kept = thinned(samples)
    assert len(kept) <= ROWS
    assert kept[-1:] == samples[-1:]


def test_the_story_can_be_sifted(http, h):
    job = submit(h, "pi", {"samples": 100 * UNIT})
    work_on(h)
    story = h.store.views.story(job.id)

    def shown(only):
        text = http.get(f"/jobs/{job.id}", query_string={"only": only}).text
        return re.findall(r"<b>(\w+)</b> <span>", text)

    assert shown("") == [entry.verb for entry in story]
    assert set(shown("CLAIM")) == {"claim"}
    assert shown("nothing of the kind") == []
    text = http.get(f"/jobs/{job.id}", query_string={"only": SCRIPT}).text
    assert "<script>alert" not in text


def test_how_things_read():
    assert words.sure(Estimate("pi", 3.14159, 3.1414, 3.1417)) == ("3.141", "590000000")
    assert words.sure(Estimate("x", -0.5, -1.5, 0.5))[0] == ""
    assert words.sure(Estimate("x", 2.0, 2.0, 2.0)) == ("2.000000000000", "")
    assert [words.in_words(n) for n in (0.5, 999, 4.4e9, 2e15)] == [
        "0.5",
        "999",
        "4.4 billion",
        "2 quadrillion",
    ]
    assert [words.size_in_words(n) for n in (7, 2048, 3 << 20)] == [
        "7 bytes",
        "2.0\u202fKiB",
        "3.0\u202fMiB",
    ]
    assert [words.seconds_in_words(s) for s in (0.1, 89, 120, 7200)] == [
        "1 s",
        "89 s",
        "2 min",
        "2.0 h",
    ]
    assert words.grouped({"a": [1000, 2.5]}) == "a 1\u202f000, 2.5"
