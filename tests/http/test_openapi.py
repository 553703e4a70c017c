"""The description and the door are held against each other."""

from __future__ import annotations

import re

import jsonschema
import pytest
from openapi_spec_validator import validate

JOBS = "/api/v1/jobs"
PAGES = {"/", "/jobs/{job}", "/jobs/{job}/cancel", "/static/{filename}"}


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
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.FormatChecker()
    ).validate(reply.get_json())
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
    for link in ("self", "result", "story"):
        one("get", links[link])
        one("get", links[link].replace(job["id"], "0" * 32))
    one("post", links["cancel"])
    for path in (f"{JOBS}?limit=1", f"{JOBS}?limit=0", "/api/v1/kernels", "/api/v1/workers",
                 "/readyz", "/api/openapi.json", f"{links['self']}?wait=99",
                 f"{links['story']}?after=x"):
        one("get", path)


def test_what_the_document_takes_the_door_takes(http, document):
    body = {"kernel": "pi", "params": {"samples": 928.0}, "priority": 1}
    schema = {**document["components"]["schemas"]["NewJob"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    assert http.post(JOBS, json=body).status_code == 201
