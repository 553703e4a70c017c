"""A group of routes that is not ours: installed, checked and described from what it declares."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from flask import Blueprint, Flask
from msgspec import Meta, field
from openapi_spec_validator import validate

from hydra.api.openapi import Description
from hydra.http import body
from hydra.http.reply import handle_errors, reply
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import JobId, Wire, says


class Order(Wire, frozen=True):
    """What somebody wants."""

    name: Annotated[str, Meta(pattern="^[a-z]+$", title="small letters")]
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    weight: Annotated[float, Meta(ge=0.5, le=2)] = 1.0
    note: Annotated[str, Meta(max_length=3)] = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Shape(Wire, frozen=True, tag_field="kind"):
    """A shape."""


class Circle(Shape, frozen=True, tag="circle"):
    """A round one."""

    radius: int


class Square(Shape, frozen=True, tag="square"):
    """A square one."""

    side: int


class Maybe(Wire, frozen=True):
    """A body that may be left out."""

    why: str = ""


class Which(Wire, frozen=True):
    """A query."""

    limit: Annotated[int, Meta(ge=1, le=9, description="at most")] = 3
    word: Annotated[str, Meta(pattern="^x*$", title="some x")] = ""


class Seen(Wire, frozen=True):
    """A header."""

    last: Annotated[str, says("what was seen")] = field(name="X-Last", default="none")


class ToyRoutes(Routes):
    """Some routes."""

    def __init__(self, name):
        self._name = name

    @route("POST", "/orders", Reply(Order, 201), body=Order)
    def order(self):
        """Take an order."""
        return reply(body.read(Order), 201)

    @route("POST", "/shapes", Circle, body=Circle | Square)
    def shape(self):
        """Take a shape."""
        return reply(body.read(Circle, Square))

    @route("POST", "/maybe", Maybe, body=Maybe)
    def maybe(self):
        """Take what there is."""
        return reply(body.read(Maybe))

    @route("GET", "/orders", Which, query=Which, headers=Seen, public=True)
    def orders(self):
        """List them."""
        asked, seen = body.query(Which), body.headers(Seen)
        return reply({"limit": asked.limit, "seen": seen.last, "name": self._name})

    @route("GET", "/jobs/<job>/orders/<name>", Order)
    def one(self, job: JobId, name: str):
        """One of them."""
        return reply(Order(name=f"{body.job_id(job)}{name}"))


@pytest.fixture
def http():
    app, blueprint = Flask("toy"), Blueprint("toy", "toy")
    ToyRoutes("toy").install(blueprint)
    handle_errors(blueprint)
    app.register_blueprint(blueprint)
    return app.test_client()


def wrong(reply):
    assert reply.status_code == 400, reply.text
    problem = reply.get_json()
    assert problem["detail"] == problem["errors"][0]["detail"]
    return {e.get("pointer") or e.get("parameter"): e["detail"] for e in problem["errors"]}


def post(http, path, text):
    return http.post(path, data=text, content_type="application/json")


def test_a_right_body_comes_back_whole(http):
    sent = {"name": "a", "count": 9, "weight": 2, "note": "abc", "extra": {"n": 10**30}}
    reply = http.post("/orders", json=sent)
    assert (reply.status_code, reply.get_json()) == (201, sent)
    assert str(10**30) in reply.text


def test_every_wrong_field_is_named_with_what_it_must_be(http):
    sent = {"name": "A", "count": 0, "weight": "1", "note": "long", "extra": [], "a/b": 1}
    assert wrong(http.post("/orders", json=sent)) == {
        "/a~1b": "a/b is not known here; known are name, count, weight, note, extra",
        "/name": "name must be small letters",
        "/count": "count must be a whole number from 1 to 9",
        "/weight": "weight must be a number from 0.5 to 2",
        "/note": "note must be a text of at most 3 characters",
        "/extra": "extra must be an object",
    }
    assert wrong(http.post("/orders", json={})) == {"/name": "name is missing"}


@pytest.mark.parametrize("name", ["a\n", "\n", "", " a", "a\u0000"])
def test_a_pattern_holds_for_the_whole_text(http, name):
    assert wrong(http.post("/orders", json={"name": name})) == {
        "/name": "name must be small letters"
    }


@pytest.mark.parametrize("value", [True, None, 1.5, "1", [], {}, 10**30, float("1e300")])
def test_only_whole_numbers_are_whole_numbers(http, value):
    assert list(wrong(http.post("/orders", json={"name": "a", "count": value}))) == ["/count"]


def test_half_a_character_is_refused_and_told(http):
    reply = post(http, "/orders", '{"name": "a", "note": "\\ud800", "\\ud801": 1}')
    assert wrong(reply)["/note"] == "note has a broken character"


def test_a_name_that_comes_twice_is_refused(http):
    for text in ('{"name": "a", "name": "b"}', '{"name": "a", "extra": {"x": 1, "x": 2}}'):
        reply = post(http, "/orders", text)
        assert (reply.status_code, reply.get_json()["code"]) == (400, "bad-wire")
        assert "comes twice" in reply.get_json()["detail"]


def test_the_tag_says_which_struct_it_is(http):
    assert http.post("/shapes", json={"kind": "square", "side": 2}).get_json() == {
        "kind": "square",
        "side": 2,
    }
    assert wrong(http.post("/shapes", json={"kind": "square", "radius": 2})) == {
        "/radius": "radius is not known here; known are side",
        "/side": "side is missing",
    }
    for kind in ({}, {"kind": "oval"}, {"kind": ["circle"]}):
        assert wrong(http.post("/shapes", json=kind)) == {"/kind": "kind must be circle or square"}


def test_a_body_that_needs_no_field_may_be_left_out(http):
    assert http.post("/maybe").get_json() == {"why": ""}
    assert http.post("/maybe", json={"why": "so"}).get_json() == {"why": "so"}
    assert http.post("/maybe", data="x").status_code == 415
    assert http.post("/maybe", data="x", content_type="text/plain").status_code == 415
    assert http.post("/orders").status_code == 415


def test_query_and_headers_are_read_as_declared(http):
    assert http.get("/orders").get_json() == {"limit": 3, "seen": "none", "name": "toy"}
    found = http.get("/orders?limit=9&word=xx&other=1", headers={"X-Last": "7"}).get_json()
    assert (found["limit"], found["seen"]) == (9, "7")
    assert wrong(http.get("/orders?limit=10&word=x%0a")) == {
        "limit": "limit must be a whole number from 1 to 9",
        "word": "word must be some x",
    }


def test_a_half_character_from_a_stranger_does_not_break_a_reply(http):
    with http.application.test_request_context():
        assert json.loads(reply({"answer": "\ud800"}).data) == {"answer": "\ud800"}


def test_what_is_declared_is_described():
    document = Description().of(ToyRoutes.declared(), 1000)
    validate(document)
    paths, nouns = document["paths"], document["components"]["schemas"]
    assert set(paths) == {"/orders", "/shapes", "/maybe", "/jobs/{job}/orders/{name}"}
    assert set(nouns) == {"Order", "Circle", "Square", "Maybe", "Which", "Problem", "Fault"}
    assert nouns["Order"]["properties"]["count"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "default": 1,
    }
    take, list_ = paths["/orders"]["post"], paths["/orders"]["get"]
    assert (take["operationId"], take["summary"]) == ("order", "Take an order")
    assert set(take["responses"]) == {"201", "400", "413", "415", "default"}
    assert take["requestBody"]["required"]
    assert not paths["/maybe"]["post"]["requestBody"]["required"]
    assert (list_["security"], set(list_["responses"])) == ([], {"200", "400", "default"})
    assert [(p["in"], p["name"], p["schema"].get("default")) for p in list_["parameters"]] == [
        ("query", "limit", 3),
        ("query", "word", None),
        ("header", "X-Last", "none"),
    ]
    one = paths["/jobs/{job}/orders/{name}"]["get"]
    assert [p["name"] for p in one["parameters"]] == ["job", "name"]
    assert "404" in one["responses"]
