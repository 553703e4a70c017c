"""The pages without a browser: the form, its errors, a job; nothing typed becomes markup."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest

from hydra.errors import StoreDown
from hydra.services.submit import submit
from hydra.web import create_app
from tests.http.working import UNIT, bundle

SCRIPT = '"><script>alert(1)</script>'


class Page(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    def field(self, name):
        fields = [*self.all("input"), *self.all("select")]
        return next(attrs for attrs in fields if attrs.get("id") == f"in-{name}")


def filled(http, **typed):
    """What a browser would send of the form for pi."""
    page = Page(http.get("/new/pi").text)
    form = {attrs["name"]: attrs["value"] for attrs in page.all("input")}
    return {**form, **typed}


def test_the_form_is_drawn_from_the_kernel(http, h):
    reply = http.get("/new/pi")
    page = Page(reply.text)
    assert reply.mimetype == "text/html"
    for name, param in h.kernels()["pi"].params.items():
        field = page.field(name)
        if not param.choices:
            assert field["value"] == str(param.default)
        assert field["id"] in [label["for"] for label in page.all("label")]
        assert html.escape(param.doc) in reply.text


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(http, opened, work):
    job = opened()
    work()
    for path in ("/", f"/jobs/{job['id']}", "/jobs/none", "/jobs", "/workers", "/new/pi"):
        text = http.get(path).text
        page = Page(text)
        for tag, attrs in page.tags:
            assert "style" not in attrs
            assert not any(name.startswith("on") for name in attrs)
            address = attrs.get("src") or attrs.get("href") or "/"
            assert address.startswith(("/", "#")), (tag, attrs)
        assert all("src" in script for script in page.all("script"))
        assert not re.search(r"<style|https?://", text)


def test_the_form_opens_a_job_and_shows_it(http, h):
    reply = http.post("/", data=filled(http, samples="1e6", seed="7"))
    assert reply.status_code == 303
    (job,) = h.store.views.jobs(10)
    assert reply.headers["Location"] == f"/jobs/{job.id}"
    assert dict(job.spec.params) == {"samples": 10**6, "seed": 7, "generator": "shishua"}
    assert http.get(reply.headers["Location"]).status_code == 200


def test_the_same_form_twice_opens_one_job(http, h):
    form = filled(http)
    first, second = (http.post("/", data=form).headers["Location"] for _ in range(2))
    assert first == second
    changed = http.post("/", data={**form, "seed": "99"})
    assert changed.status_code == 303
    assert len(h.store.views.jobs(10)) == 2


def test_a_form_needs_only_the_name_of_its_kernel(http, h):
    assert http.post("/", data={"_kernel": "pi", "samples": "1000"}).status_code == 303
    assert http.post("/", data={"_kernel": "pi"}).status_code == 303
    assert len(h.store.views.jobs(10)) == 2


@pytest.mark.parametrize("sent", [{}, {"data": {"samples": "1000"}}, {"json": {"_kernel": "pi"}}])
def test_what_is_no_form_opens_nothing(http, h, sent):
    reply = http.post("/", **sent)
    assert (reply.status_code, reply.mimetype) == (400, "text/html")
    assert "no form of a kernel" in reply.text
    assert h.store.views.jobs(1) == []


def test_what_is_wrong_is_said_next_to_its_field_and_what_was_typed_is_kept(http, h):
    reply = http.post("/", data=filled(http, samples="-5", seed="many"))
    assert reply.status_code == 400
    page = Page(reply.text)
    for name, typed, says in (
        ("samples", "-5", "samples must be at least 1, not -5"),
        ("seed", "many", "seed must be a whole number, not many"),
    ):
        field = page.field(name)
        assert (field["value"], field["aria-invalid"]) == (typed, "true")
        error = field["aria-describedby"].split()[1]
        assert re.search(rf'id="{error}">{says}<', reply.text)
    assert h.store.views.jobs(1) == []


def test_a_priority_can_be_given_and_is_shown(http, h):
    form = filled(http)
    assert form["_priority"] == "1"
    usual = http.post("/", data=form).headers["Location"]
    favoured = http.post("/", data={**form, "_priority": "2.5"}).headers["Location"]
    assert usual != favoured
    assert sorted(job.spec.priority for job in h.store.views.jobs(9)) == [1.0, 2.5]
    assert "<dt>priority</dt><dd>2.5</dd>" in http.get(favoured).text
    assert "priority" not in http.get(usual).text
    for path in ("/jobs", "/"):
        assert http.get(path).text.count(">priority 2.5<") == 1


@pytest.mark.parametrize("typed", ["0", "101", "nan", "much", ""])
def test_a_wrong_priority_is_said_next_to_its_field(http, h, typed):
    reply = http.post("/", data=filled(http, _priority=typed, samples="0"))
    assert reply.status_code == 400
    page = Page(reply.text)
    field = next(attrs for attrs in page.all("input") if attrs.get("name") == "_priority")
    assert (field["value"], field["aria-invalid"]) == (typed, "true")
    error = field["aria-describedby"].split()[1]
    assert re.search(rf'id="{error}">priority must be ', reply.text)
    assert page.field("samples")["aria-invalid"] == "true"
    assert 'role="alert"' not in reply.text
    assert h.store.views.jobs(1) == []


@pytest.mark.parametrize("name", ["samples", "seed", "_key", "_kernel", "_priority"])
def test_script_typed_anywhere_stays_text(http, name):
    reply = http.post("/", data=filled(http, **{name: SCRIPT}))
    assert "<script>alert" not in reply.text
    assert [script["src"] for script in Page(reply.text).all("script")] in ([], ["/static/live.js"])


def test_script_in_a_jobs_own_words_stays_text(http, h):
    job = submit(h, "pi", {})
    h.store.verbs.cancel(job.id, SCRIPT)
    for path in (f"/jobs/{job.id}", "/"):
        assert "<script>alert" not in http.get(path).text


def test_a_limit_is_said_above_the_form():
    h = bundle(jobs_open_max=1)
    http = create_app(h).test_client()
    http.post("/", data=filled(http))
    reply = http.post("/", data=filled(http))
    assert reply.status_code == 429
    assert "at most 1 jobs" in reply.text
    assert 'role="alert"' in reply.text


def test_the_front_page_lists_jobs_and_workers(http, opened, work):
    assert "No job yet" in http.get("/").text
    assert "no worker is here" in http.get("/").text
    job = opened()
    work()
    text = http.get("/").text
    assert f'href="/jobs/{job["id"]}"' in text
    assert "1 worker<" in text
    assert "3.14" in text


def test_a_running_job_can_be_followed_and_cancelled(http, h, opened, work):
    job = opened()
    work(1)
    text = http.get(f"/jobs/{job['id']}").text
    page = Page(text)
    section = next(attrs for attrs in page.all("section") if attrs.get("id") == "job")
    assert section["data-events"] == job["links"]["events"]
    assert section["data-after"] == h.store.views.story(job["id"])[-1].id
    assert (section["data-unit-holds"], section["data-noun"]) == (str(UNIT), "points")
    shown = http.get(job["links"]["self"]).get_json()
    assert shown["estimate"]["value"] == 4 * shown["sums"]["hits"] / UNIT
    assert f"{shown['estimate']['value']:.6f}" in re.sub(r"<[^>]*>", "", text)
    assert page.all("progress")[0]["value"] == "1"
    (form,) = [form for form in page.all("form") if form.get("method") == "post"]
    reply = http.post(form["action"])
    assert (reply.status_code, reply.headers["Location"]) == (303, f"/jobs/{job['id']}")
    text = http.get(f"/jobs/{job['id']}").text
    assert "cancelled on its page" in text
    assert not [form for form in Page(text).all("form") if form.get("method") == "post"]
    assert "data-events" not in text


def test_a_done_job_shows_its_answer_and_its_story(http, opened, work):
    job = opened()
    work()
    answer = http.get(job["links"]["result"]).get_json()["answer"]
    text = http.get(f"/jobs/{job['id']}").text
    assert f"{answer['pi']:.12f}" in re.sub(r"<[^>]*>", "", text)
    assert f"hydra submit pi samples={10 * UNIT} seed=1 generator=shishua</pre>" in text
    assert "95 % sure" in text
    assert "learn its speed" in text
    assert f"{answer['hits']:,}".replace(",", "\u202f") in text


def test_errors_are_pages_for_people(http):
    for path in ("/jobs/none", f"/jobs/{'0' * 32}"):
        reply = http.get(path)
        assert (reply.status_code, reply.mimetype) == (404, "text/html")
        assert "no job" in reply.text
    reply = http.get("/nowhere", headers={"Accept": "text/html"})
    assert (reply.status_code, reply.mimetype) == (404, "text/html")
    for path, accept in (("/nowhere", "*/*"), ("/api/x", "text/html")):
        assert http.get(path, headers={"Accept": accept}).mimetype == "application/problem+json"
    assert http.delete("/jobs/none", headers={"Accept": "text/html"}).status_code == 405


def test_a_silent_store_is_a_page(http, h, monkeypatch):
    def silent(*_):
        raise StoreDown("Redis does not answer")

    monkeypatch.setattr(type(h.store.views), "jobs", silent)
    reply = http.get("/")
    assert (reply.status_code, reply.mimetype) == (503, "text/html")
    assert "Redis does not answer" in reply.text


def test_a_login_page_says_what_is_needed():
    reply = create_app(bundle(token="secret")).test_client().get("/")
    assert (reply.status_code, reply.mimetype) == (401, "text/html")
    assert "needs its token" in reply.text
