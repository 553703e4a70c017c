"""Messages that are wrong as messages, sent to a real scheduler: refused, and nothing is left."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.fleet import Fleet

POST = b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
JOB = b'{"kernel": "pi"}'
CHUNKED = b"Transfer-Encoding: chunked\r\n"

MESSAGES = {
    "a negative length": POST + b"Content-Length: -5\r\n\r\n" + JOB,
    "a length that is no number": POST + b"Content-Length: 1e3\r\n\r\n" + JOB,
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 16\r\n\r\n" + JOB,
    "a length of 100 MB": POST + b"Content-Length: 104857600\r\n\r\n" + JOB,
    "a length and chunks": POST + CHUNKED + b"Content-Length: 16\r\n\r\n0\r\n\r\n" + JOB,
    "chunks twice": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + JOB,
    "a chunk of no size": POST + CHUNKED + b"\r\nzz\r\n" + JOB + b"\r\n0\r\n\r\n",
    "a chunk of negative size": POST + CHUNKED + b"\r\n-1\r\n" + JOB + b"\r\n0\r\n\r\n",
    "a chunk larger than memory": POST + CHUNKED + b"\r\nffffffffffffffff\r\n" + JOB,
    "chunks beyond the limit": POST + CHUNKED + b"\r\n" + (b"400\r\n" + b" " * 1024 + b"\r\n") * 80,
    "a header without a name": GET + b": x\r\n\r\n",
    "a header with a space": GET + b"Bad Name: x\r\n\r\n",
    "a folded header": GET + b"A: b\r\n c\r\n\r\n",
    "a zero in a header": GET + b"A: \0\r\n\r\n",
    "a header of a megabyte": GET + b"A: " + b"x" * (1 << 20) + b"\r\n\r\n",
    "ten thousand headers": GET + b"A: b\r\n" * 10_000 + b"\r\n",
    "no line at all": b"\0\xff\x00\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
    "a path of 70 kB": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a method of our own": b"H\xc3\xa9 / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two hosts": b"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder: Path = tmp_path_factory.mktemp("framing")
    fleet = Fleet(folder)
    yield fleet
    fleet.close()


def status(fleet: Fleet, message: bytes) -> int:
    """What the scheduler answers, 0 if it closes without a word."""
    at = urlsplit(fleet.url)
    with socket.create_connection((at.hostname or "", at.port or 80), timeout=20) as door:
        try:
            door.sendall(message)
            door.shutdown(socket.SHUT_WR)
            line = door.makefile("rb").readline().split()
        except (ConnectionResetError, BrokenPipeError):
            return 0
        return int(line[1]) if len(line) > 1 else 0


@pytest.mark.parametrize("name", MESSAGES)
def test_a_wrong_message_opens_nothing(fleet: Fleet, name: str) -> None:
    before = fleet.part_of("scheduler")
    found = status(fleet, MESSAGES[name])
    assert found == 0 or 400 <= found < 500 or (found, name) == (501, "chunks twice"), found
    assert fleet.client.jobs(5) == []
    assert fleet.part_of("scheduler") == before
