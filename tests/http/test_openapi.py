"""The description and the door are held against each other."""

from __future__ import annotations

import re

import jsonschema
import pytest
from openapi_spec_validator import validate

from tests import drawing
from tests.http.working import bundle

JOBS = "/api/v1/jobs"
PAGES = {
    "/",
    "/new/{kernel}",
    "/jobs",
    "/jobs/{job}",
    "/jobs/{job}/cancel",
    "/workers",
    "/static/{filename}",
}


@pytest.fixture
def h():
    return bundle(load=drawing.kernels)


@pytest.fixture
def document(http):
    return http.get("/api/openapi.json").get_json()


def test_the_document_is_valid(document):
    validate(document)


def test_every_route_is_described_and_nothing_else(app, document):
    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {
        (path, verb)
        for path, item in document["paths"].items()
        for verb in item
        if verb != "parameters"
    }
    assert {route for route in routes if route[0] not in PAGES} == described


def check(document, reply, path, verb):
    responses = document["paths"][path][verb]["responses"]
    assert str(reply.status_code) in responses, (path, verb, reply.status_code)
    described = responses[str(reply.status_code)]
    schema = described["content"][reply.mimetype]["schema"]
    if reply.is_json:
        whole = {**schema, "components": document["components"]}
        jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(
            reply.get_json()
        )
    for name in described.get("headers", {}):
        assert name in reply.headers


def test_replies_are_as_described(http, document, opened, work):
    def one(verb, path, **given):
        reply = http.open(path, method=verb.upper(), **given)
        described = re.sub(r"/[0-9a-f]{32}", "/{job}", path.partition("?")[0])
        check(document, reply, described, verb)
        return reply

    key = {"Idempotency-Key": "once"}
    job = one("post", JOBS, json={"kernel": "pi"}, headers=key).get_json()
    one("post", JOBS, json={"kernel": "pi"}, headers=key)
    one("post", JOBS, json={"kernel": "pi", "priority": 2}, headers=key)
    for body in ({"kernel": "tau"}, {"kernel": "pi", "params": {"seed": -1}}, []):
        one("post", JOBS, json=body)
    one("post", JOBS, data="x")
    one("post", JOBS, json={"kernel": "x" * 70_000})
    links = job["links"]
    work(1)
    one("get", links["self"])
    one("get", links["result"])
    opened()
    work()
    for path in (
        *(links[link] for link in ("self", "result", "story", "profile")),
        f"{links['profile']}.csv",
        f"{links['self']}/chunks",
    ):
        one("get", path)
        one("get", path.replace(job["id"], "0" * 32))
    one("post", links["cancel"])
    for path in (
        f"{JOBS}?limit=1",
        f"{JOBS}?limit=0",
        "/api/v1/kernels",
        "/api/v1/workers",
        "/readyz",
        "/api/openapi.json",
        f"{links['self']}?wait=99",
        f"{links['story']}?after=x",
        f"{links['self']}/chunks?limit=0",
    ):
        one("get", path)


def test_replies_about_pictures_are_as_described(http, h, document, work):
    job = http.post(JOBS, json={"kernel": "drawing"}).get_json()
    own = f"{JOBS}/{job['id']}"
    work(1)
    for state in range(2):
        for path, described in (
            (own, ""),
            (f"{own}/history", "/history"),
            (f"{own}/tiles", "/tiles"),
            (f"{own}/tiles?after=x", "/tiles"),
            (f"{own}/files/image.png", "/files/{name}"),
            (f"{own}/files/none", "/files/{name}"),
            (f"{own}/preview.png", "/preview.png"),
        ):
            check(document, http.get(path), f"{JOBS}/{{job}}{described}", "get")
        if not state:
            work()


def test_the_ancestors_replies_are_as_described(http, document, work):
    new = {"job_id": "a", "task_type": "calculate_pi", "points": 1_000_000}
    for body in (new, {**new, "points": 5}, {**new, "points": 0}, {**new, "job_id": "b/c"}):
        check(document, http.post("/api/create_job", json=body), "/api/create_job", "post")
    for job in ("a", "none"):
        for verb, name in (
            ("get", "job_status"),
            ("get", "job_history"),
            ("post", "mark_job_error"),
            ("get", "job_status"),
        ):
            reply = http.open(f"/api/{name}/{job}", method=verb.upper())
            check(document, reply, f"/api/{name}/{{job_id}}", verb)


def test_what_the_document_takes_the_door_takes(http, document):
    body = {"kernel": "pi", "params": {"samples": 928.0}, "priority": 1}
    schema = {**document["components"]["schemas"]["NewJob"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    assert http.post(JOBS, json=body).status_code == 201
