"""Whatever comes in: a problem that names what is wrong, and nothing has changed."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydra.errors import StoreDown
from hydra.http.reply import ERRORS_MAX
from hydra.web import create_app
from tests.http.working import bundle

JOBS = "/api/v1/jobs"

PARAMS = [
    ("samples", 0, "at least 1"),
    ("samples", -1, "at least 1"),
    ("samples", 10**30, "at most 1000000000000000000"),
    ("samples", "abc", "whole number"),
    ("samples", 1.5, "whole number"),
    ("samples", True, "whole number"),
    ("samples", None, "whole number"),
    ("samples", [], "whole number"),
    ("samples", {"a": 1}, "whole number"),
    ("samples", "", "whole number"),
    ("samples", "9" * 5000, "whole number"),
    ("samples", "nan", "whole number"),
    ("samples", "\u0661", "whole number"),
    ("seed", -1, "at least 0"),
    ("seed", 2**64, "at most"),
    ("sample", 1, "not a parameter"),
    ("a/b~c", 1, "not a parameter"),
]

BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"pi"',
    b"7",
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b'{"kernel": "pi", "params": {"samples": NaN}}',
    b'{"kernel": "pi", "params": {"samples": Infinity}}',
    b'{"kernel": "pi", "params": {"samples": -Infinity}}',
    b'{"kernel": "pi", "kernel": "pi"}',
    b'{"kernel": "pi", "params": {"seed": 1, "seed": 2}}',
    b'{"kernel": "pi", "params": {"samples": 1' + b"0" * 5000 + b"}}",
    b'{"kernel": "pi", "params": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    b'{"kernel": "pi", "params": {"samples": ' + b"[" * 900 + b"]" * 900 + b"}}",
    b'{"kernel": "pi", "params": ' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"}",
    b'{"kernel": "pi", "params": {"samples": 1e999}}',
    b'{"kernel": "pi", "priority": 1e999}',
    b'{"kernel": "pi"} {}',
]

FIELDS = [
    ({}, "/kernel"),
    ({"kernel": None}, "/kernel"),
    ({"kernel": ["pi"]}, "/kernel"),
    ({"kernel": "pi", "params": []}, "/params"),
    ({"kernel": "pi", "params": None}, "/params"),
    ({"kernel": "pi", "priority": "1"}, "/priority"),
    ({"kernel": "pi", "priority": True}, "/priority"),
    ({"kernel": "pi", "priority": 0}, "/priority"),
    ({"kernel": "pi", "priority": 1000}, "/priority"),
    ({"kernel": "pi", "priority": -(10**60)}, "/priority"),
    ({"kernel": "pi", "colour": 1}, "/colour"),
    ({"kernel": "pi", "a/b": 1}, "/a~1b"),
    ({"kernel": "half\ud800"}, "/kernel"),
]


def assert_problem(reply, status, h):
    assert reply.status_code == status, reply.text
    assert reply.mimetype == "application/problem+json"
    problem = reply.get_json()
    assert problem["status"] == status
    assert problem["type"].endswith(problem["code"])
    assert len(reply.data) < 2000
    assert h.store.views.jobs(10) == []
    return problem


@pytest.mark.parametrize(("name", "value", "says"), PARAMS)
def test_a_bad_parameter_is_named_with_its_bound(http, h, name, value, says):
    body = json.dumps({"kernel": "pi", "params": {name: value}})
    reply = http.post(JOBS, data=body, content_type="application/json")
    problem = assert_problem(reply, 400, h)
    assert problem["code"] == "bad-param"
    assert says in problem["detail"]
    escaped = name.replace("~", "~0").replace("/", "~1")
    assert problem["errors"][0]["pointer"] == f"/params/{escaped}"


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
def test_a_body_that_is_no_plain_object_is_refused(http, h, body):
    reply = http.post(JOBS, data=body, content_type="application/json")
    assert_problem(reply, 400, h)


@pytest.mark.parametrize(("body", "pointer"), FIELDS)
def test_a_bad_field_is_named(http, h, body, pointer):
    reply = http.post(JOBS, data=json.dumps(body), content_type="application/json")
    assert assert_problem(reply, 400, h)["errors"][0]["pointer"] == pointer


def test_every_wrong_field_is_named_at_once(http, h):
    body = {
        "kernel": "pi",
        "params": {"samples": 0, "seed": "x", "b/c": 1},
        "priority": 0,
        "colour": 1,
    }
    problem = assert_problem(http.post(JOBS, json=body), 400, h)
    assert (problem["code"], problem["detail"]) == ("bad-param", problem["errors"][0]["detail"])
    assert {error["pointer"]: error["detail"].partition(",")[0] for error in problem["errors"]} == {
        "/colour": "colour is not known here; known are kernel",
        "/priority": "priority must be a number from 0.01 to 100",
        "/params/b~1c": "b/c is not a parameter; known are samples",
        "/params/samples": "samples must be at least 1",
        "/params/seed": "seed must be a whole number",
    }


def test_parameters_that_do_not_go_together_are_named(http, h):
    body = {"kernel": "mandelbrot", "params": {"columns": 65_536, "rows": 65_536}}
    problem = assert_problem(http.post(JOBS, json=body), 413, h)
    assert (problem["code"], problem["errors"][0]["pointer"]) == ("too-large", "/params/rows")


def test_a_problem_lists_only_so_many_fields(http, h):
    body = {"kernel": "pi", "params": {f"x{n}": 1 for n in range(3000)}}
    reply = http.post(JOBS, json=body)
    assert len(reply.get_json()["errors"]) == ERRORS_MAX


def test_every_wrong_word_of_the_query_is_named_at_once(http):
    errors = http.get(f"{JOBS}?limit=0&cursor=x").get_json()["errors"]
    assert [error["parameter"] for error in errors] == ["cursor", "limit"]


def test_an_unknown_kernel_is_missing(http, h):
    problem = assert_problem(http.post(JOBS, json={"kernel": "tau"}), 404, h)
    assert problem["code"] == "no-such-kernel"
    assert "pi" in problem["detail"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_only_json_is_taken(http, h, kind):
    assert_problem(http.post(JOBS, data=b'{"kernel": "pi"}', content_type=kind), 415, h)


@pytest.mark.parametrize("key", ["", " ", "é", "x" * 256, "a\tb"])
def test_a_bad_key_is_named(http, h, key):
    reply = http.post(JOBS, json={"kernel": "pi"}, headers={"Idempotency-Key": key})
    problem = assert_problem(reply, 400, h)
    assert problem["errors"][0]["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize(
    "reason", [1, None, "x" * 201, "half \ud800"], ids=["number", "null", "long", "half"]
)
def test_a_bad_reason_is_named_and_the_job_goes_on(http, opened, reason):
    links = opened()["links"]
    reply = http.post(
        links["cancel"], data=json.dumps({"reason": reason}), content_type="application/json"
    )
    assert reply.status_code == 400
    assert reply.get_json()["errors"][0]["pointer"] == "/reason"
    assert http.get(links["self"]).get_json()["state"] == "running"


class Endless(io.RawIOBase):
    """A body of 100 MB that counts how much of it was read."""

    def __init__(self, size):
        self.left = size
        self.taken = 0

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        buffer[:count] = b" " * count
        self.left -= count
        self.taken += count
        return count


@pytest.mark.parametrize("told", [True, False], ids=["with-length", "chunked"])
@pytest.mark.parametrize("path", [JOBS, "/"])
def test_a_huge_body_is_not_read(http, h, told, path):
    body = Endless(100 << 20)
    kind = "application/json" if path == JOBS else "application/x-www-form-urlencoded"
    extra = {"CONTENT_LENGTH": str(100 << 20)} if told else {"HTTP_TRANSFER_ENCODING": "chunked"}
    reply = http.post(
        path,
        content_type=kind,
        environ_overrides={"wsgi.input": body, "wsgi.input_terminated": True, **extra},
    )
    assert reply.status_code == 413
    assert "65536" in reply.text
    assert body.taken <= 2 * h.settings.body_bytes_max
    assert h.store.views.jobs(1) == []


def test_a_body_at_the_limit_is_read(http, h):
    body = json.dumps({"kernel": "pi"}).ljust(h.settings.body_bytes_max)
    assert http.post(JOBS, data=body, content_type="application/json").status_code == 201
    assert http.post(JOBS, data=body + " ", content_type="application/json").status_code == 413


def test_the_wrong_method_says_which_are_right(http, h):
    reply = http.delete(JOBS)
    assert_problem(reply, 405, h)
    assert "POST" in reply.headers["Allow"]


def test_no_such_address_is_a_problem(http, h):
    assert_problem(http.get("/api/v1/nothing"), 404, h)


def test_a_silent_store_is_a_503(h, http, monkeypatch):
    def silent(*_):
        raise StoreDown("Redis does not answer")

    monkeypatch.setattr(type(h.store.views), "job", silent)
    reply = http.get(f"{JOBS}/{'0' * 32}")
    assert (reply.status_code, reply.get_json()["code"]) == (503, "store-down")
    assert reply.headers["Retry-After"] == "1"


def test_a_bug_of_ours_tells_nothing(h, http, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(type(h.store.views), "job", broken)
    reply = http.get(f"{JOBS}/{'0' * 32}")
    assert reply.status_code == 500
    assert reply.mimetype == "application/problem+json"
    assert "secret" not in reply.text
    assert "secret inside" in caplog.text


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
NEAR = st.fixed_dictionaries(
    {"kernel": st.just("pi") | VALUES},
    optional={
        "params": st.dictionaries(st.sampled_from(["samples", "seed", "x"]), VALUES, max_size=3)
        | VALUES,
        "priority": VALUES,
        "more": VALUES,
    },
)


@given(body=NEAR | VALUES | st.binary(max_size=60), key=st.none() | st.text(max_size=10))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=200)
def test_any_body_is_a_job_or_a_problem(body, key):
    h = bundle()
    http = create_app(h).test_client()
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {}
    if key is not None and not set(key) & set("\r\n"):
        headers["Idempotency-Key"] = key.encode().decode("latin-1")
    reply = http.post(JOBS, data=raw, content_type="application/json", headers=headers)
    assert reply.status_code in (201, 400, 404, 413)
    assert len(h.store.views.jobs(2)) == (reply.status_code == 201)
    assert reply.get_json()
