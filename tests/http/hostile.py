"""Requests that no door may take: seeded, for every route, each wrong in a known way.

A request is built from a right one by one thing that makes it wrong, so a reply of 2xx to a change
is a fault, and so is any 5xx and any trace in the store. `send` hands it to the application as a
server would, without a socket.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from hydra.services import Hydra

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

VALUES: Sequence[str] = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1",
    "-0.5",
    "1" + "0" * 400,
    "true",
    "null",
    "[]",
    "{}",
    '""',
    '"\\ud800"',
    '"\\u0000"',
    '"../../etc/passwd"',
    '"%00"',
    '"-1"',
    '"1e"',
    '"0x10"',
    '"' + "9" * 70 + '"',
    '"hydra:job:*"',
    '"\\u0661"',
    "[[[[1]]]]",
    '{"a": {"b": 1}}',
    "1.5e",
    "\"__import__('os').system('true')\"",
    '"${jndi:ldap://x}"',
    "01",
    "+1",
    "'1'",
    "undefined",
)
"""JSON, and what is none, that fits no whole number, no kernel and no priority."""

IDS: Sequence[str] = (
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%2e%2e",
    "a" * 3000,
    "%c3%a9",
    "%ef%bc%90" * 32,
    "0" * 31,
    "0" * 33,
    "F" * 32,
    "g" * 32,
    "*",
    "hydra:generation",
    "%0d%0aX-Evil:%201",
    "%c0%af",
    "%ff%fe",
    "%20",
    "0" * 32,
    "-1",
    "null",
    "%F0%9F%92%A9",
    "{}",
    "%3Cscript%3E",
    "0" * 32 + "%0a",
    "%25",
)

KINDS = (
    "text/plain",
    FORM,
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/x-python-pickle",
    "x" * 2000,
    "",
    "*/*",
    "json",
)

HEADERS: Sequence[tuple[str, str]] = (
    ("Idempotency-Key", "x" * 300),
    ("Idempotency-Key", "\xff"),
    ("Last-Event-ID", "../1"),
    # What is wrong with the framing of a message is the server's to refuse: see tests/e2e.
    ("Content-Length", "104857600"),
    ("X-HTTP-Method-Override", "DELETE"),
    ("X-Forwarded-Host", "evil"),
    ("Host", "evil"),
    ("Host", "[::1"),
    ("Host", "a:b:c"),
    ("Content-Encoding", "gzip"),
    ("Range", "bytes=0-1,-9"),
    ("If-None-Match", '"' * 99),
    ("Cookie", "hydra-=\x01;;=;a"),
    ("Authorization", "Bearer \xff"),
    ("Authorization", "x" * 9000),
    ("Origin", "http://evil"),
    ("Origin", "null"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Accept", ",;q=z"),
    ("Accept-Encoding", "\x00"),
    ("Expect", "100-continue"),
)

QUERIES = (
    "",
    "?wait=nan",
    "?wait=1e9",
    "?wait=-1",
    "?limit=0",
    "?limit=9e9",
    "?cursor=%00",
    "?after=x",
    "?cursor=" + "A" * 5000,
    "?after=%ff",
    "?limit=" + "9" * 5000,
    "?" + "a=1&" * 500,
    "?%ff=%fe",
    "?wait=0&wait=x",
    "?only=%ff",
    "?samples=%00&seed=-1",
    "?token=%ff",
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it would come over the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


Break = Callable[[Random, bytes], tuple[bytes, str]]
"""A right body -> a wrong one, and its content type."""


def _cut(rng: Random, right: bytes) -> tuple[bytes, str]:
    return right[: rng.randrange(1, len(right) - 1)], JSON


def _noise(rng: Random, right: bytes) -> tuple[bytes, str]:
    return b"\xff" + rng.randbytes(rng.randrange(200)), JSON


def _top(rng: Random, right: bytes) -> tuple[bytes, str]:
    return rng.choice([b"[]", b"1", b"null", b'"x"', b"[" + right + b"]", right + right]), JSON


def _unknown(rng: Random, right: bytes) -> tuple[bytes, str]:
    name = json.dumps(rng.choice(["__proto__", "x" * 99, "a/b~c", "\ud800", "", "Kernel"]))
    return b"{" + name.encode() + b": 1, " + right[1:], JSON


def _value(rng: Random, right: bytes) -> tuple[bytes, str]:
    """One of the right body's values becomes one that fits nothing."""
    fields = json.loads(right)
    name = rng.choice(sorted(fields))
    others = [f"{json.dumps(n)}: {json.dumps(v)}" for n, v in fields.items() if n != name]
    bad = rng.choice(VALUES)
    if name == "params":
        bad = rng.choice(["[]", "null", "1", f'{{"samples": {bad}}}', f'{{"nothing": {bad}}}'])
    elif name in ("reason", "job_id"):  # texts of the caller's choice: few are wrong
        bad = rng.choice(["1", "null", "[]", '"\\ud800"', json.dumps("x" * 300)])
    return f"{{{', '.join([*others, f'{json.dumps(name)}: {bad}'])}}}".encode(), JSON


def _twice(rng: Random, right: bytes) -> tuple[bytes, str]:
    return right[:-1] + b", " + right[1:], JSON


def _deep(rng: Random, right: bytes) -> tuple[bytes, str]:
    start, end = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    depth = rng.choice([17, 100, 1000, 9000])
    return start * depth + b"1" + end * depth, JSON


def _huge(rng: Random, right: bytes) -> tuple[bytes, str]:
    return right + b" " * (1 << 16), JSON


def _pickled(rng: Random, right: bytes) -> tuple[bytes, str]:
    return pickle.dumps(["system", right.decode()], protocol=rng.randrange(6)), JSON


def _coded(rng: Random, right: bytes) -> tuple[bytes, str]:
    return right.decode().encode(rng.choice(["utf-16", "utf-32", "utf-8-sig"])) + b"\xfe", JSON


def _kind(rng: Random, right: bytes) -> tuple[bytes, str]:
    return right, rng.choice([kind for kind in KINDS if not kind.startswith(JSON)])


BREAKS: Sequence[Break] = (
    _cut,
    _noise,
    _top,
    _unknown,
    _value,
    _value,
    _twice,
    _deep,
    _huge,
    _pickled,
    _coded,
    _kind,
)


def request(method: str, rule: str, job: str, rng: Random) -> Request:
    """The next wrong request to a route; `job` is one that runs."""
    right = RIGHT.get(rule, {"points": 9})
    body, kind = rng.choice(BREAKS)(rng, json.dumps(right).encode())
    # A route that reads no body changes a real job, whatever comes with the request.
    tame = method == "GET" or "reason" in right
    real = tame and rng.random() < 0.5
    target = "/".join(
        (job if real and part == "<job>" else rng.choice(IDS)) if part.startswith("<") else part
        for part in rule.split("/")
    )
    headers = [("Content-Type", kind)]
    if (
        method == "POST" and "/api/" not in rule and rng.random() < 0.8
    ):  # a form, as a page sends it
        headers = [("Content-Type", FORM)]
        body = f"_kernel=pi&samples=x{quote(rng.choice(VALUES))}".encode()
        body += rng.choice(
            [b"", b"&seed=%ff%fe", b"&_key=" + b"k" * 999, b"&_kernel=2", b"&" * 999]
        )
    if rng.random() < 0.3:
        headers.append(rng.choice(HEADERS))
    return Request(method, target + rng.choice(QUERIES), tuple(headers), body)


def send(app: Any, asked: Request) -> int:
    """Hand a request to the application as its server does; the status of the reply."""
    path, _, query = asked.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1",
        "CONTENT_LENGTH": str(len(asked.body)),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(asked.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in asked.headers:
        variable = name.upper().replace("-", "_")
        plain = variable in ("CONTENT_TYPE", "CONTENT_LENGTH")
        environ[variable if plain else f"HTTP_{variable}"] = value
    statuses: list[int] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> None:
        statuses.append(int(status.split()[0]))

    reply = app(environ, start)
    try:
        next(iter(reply), b"")  # a stream stays open: its beginning is enough
    finally:
        if hasattr(reply, "close"):
            reply.close()
    return statuses[-1]


def state(h: Hydra) -> object:
    """All that a request could have left behind."""
    jobs, store = h.store.views.jobs(1000), h.store
    told = [(store.vitals.dump(job.id), list(store.views.story(job.id))) for job in jobs]
    return jobs, told, store.vitals.tally(), store.views.workers(), h.queue.waiting()


def routes(app: Any) -> list[tuple[str, str]]:
    """Every (method, rule) of the application but the files it serves as they are."""
    return sorted(
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    )


RIGHT: dict[str, dict[str, Any]] = {
    "/api/v1/jobs": {"kernel": "pi", "params": {"samples": 9}, "priority": 1},
    "/api/v1/jobs/<job>/cancel": {"reason": "no use"},
    "/api/create_job": {"job_id": "a", "task_type": "calculate_pi", "points": 9},
}
"""Bodies that the routes which read JSON would take."""


NOT_READY = ("/readyz", 503)
"""What is right to say after a while, as no reaper passes here."""


def fuzz(app: Any, h: Hydra, route: tuple[str, str], count: int, seed: int) -> dict[int, int]:
    """Send `count` wrong requests to a route; how many replies of each status there were.

    Raises AssertionError with the request and the seed if one is taken, breaks or leaves a trace.
    """
    method, rule = route
    job = h.store.views.jobs(1)[0].id
    rng, found, before = Random(f"{seed} {route}"), dict[int, int](), state(h)
    for number in range(count):
        asked = request(method, rule, job, rng)
        status = send(app, asked)
        found[status] = found.get(status, 0) + 1
        broken = status >= 500 and (rule, status) != NOT_READY
        taken = broken or (method != "GET" and status < 400)
        shown = replace(asked, body=asked.body[:200])
        assert not taken, f"{status} to {shown}, request {number} of seed {seed} on {route}"
    assert state(h) == before, f"seed {seed} on {route} left a trace"
    return found
