"""A log that a loss of power has torn: half of a script must not come back from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hydra.adapters.redis_renewal import Renewal
from tests.e2e.chaos.server import Server
from tests.waiting import until

BOTH = "redis.call('INCR', 'sum') redis.call('INCR', 'done') redis.call('SET', 'x', 'end')"


@pytest.fixture
def torn(tmp_path: Path, server_path: str) -> Server:
    """A server whose log ends within the third of three scripts, after both of its counts."""
    server = Server(tmp_path, server_path, "always")
    with server.client() as client:
        for _ in range(3):
            client.eval(BOTH, 0)
    server.kill()
    log = server.log_file()
    os.truncate(log, log.read_bytes().rindex(b"end"))
    return server


def counts(server: Server) -> list[bytes | None]:
    with server.client() as client:
        return list(client.mget("sum", "done"))


def restart(server: Server) -> None:
    server.start()
    until(server.answers, what="the server answers")


def test_half_of_a_script_stays_away(torn: Server) -> None:
    """Redis 7.0 once brought it back at the second restart, and units were counted twice."""
    try:
        restart(torn)
        assert counts(torn) == [b"2", b"2"]
        before = torn.log_file()
        with torn.client() as client:
            renewal = Renewal(client)
            assert renewal.look()
            assert not renewal.look(), "once a run"
            until(lambda: not before.exists(), what="the torn file is gone")
            client.eval(BOTH, 0)
        torn.kill()
        restart(torn)
        assert counts(torn) == [b"3", b"3"]
    finally:
        torn.close()
