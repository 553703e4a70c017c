"""A log that a loss of power or a full disk has torn: what is in memory is what comes back."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
import redis

from hydra.server.renewal import Renewal
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


def test_a_full_disk_leaves_no_hole_in_the_log(tmp_path: Path, server_path: str) -> None:
    """Redis and Valkey once refused to start after it: zeros lay where the write was cut short."""
    server = Server(tmp_path, server_path, "everysec")
    try:
        if not server.mounted:
            pytest.skip("this user may not mount a small disk")
        with server.client() as client:
            renewal = Renewal(client)
            first = server.log_file()
            assert renewal.look()
            until(lambda: not first.exists(), what="a log begun by a rewrite")
            client.set("x", b"x" * 1000)
            until(lambda: server.log_file().stat().st_size, what="the log has a page with room")
            server.fill_disk()
            with contextlib.suppress(redis.ResponseError):
                while client.set("x", b"x" * 3000):
                    pass
            assert not renewal.look(), "there is no room yet"
            server.free_disk()
            until(renewal.look, what="the log can be written again")
            second = server.log_file()
            client.set("y", "whole")
            until(
                lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0,
                what=f"{second} is whole",
            )
        server.kill()
        restart(server)
        with server.client() as client:
            assert client.get("y") == b"whole"
    finally:
        server.close()
