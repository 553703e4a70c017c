"""A Redis that is absent, evicting or too old: one clear line instead of lost work."""

from __future__ import annotations

import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hydra.server.connection import connect
from hydra.server.process import Server
from hydra.settings import Settings
from hydra.wiring import live
from tests.e2e.conftest import Start
from tests.e2e.fleet import clean_env, free_port, hydra
from tests.e2e.test_redis_server import fake_server

COMMANDS = {
    "up": ("up", "--port", "0", "--workers", "0"),
    "scheduler": ("scheduler", "--port", "0"),
    "worker": ("worker",),
    "workers": ("worker", "--cores", "2"),
    "reaper": ("reaper",),
}

WHY = {
    "absent": "does not answer",
    "evicting": "allkeys-lru",
    "too old": "6.2.14",
}


class OldRedis(socketserver.StreamRequestHandler):
    """Answers like Redis 6.2 where a client looks before it trusts."""

    def handle(self) -> None:
        """One command after another, each an array of strings."""
        while count := self.rfile.readline()[1:].strip():
            words = []
            for _ in range(int(count)):
                words.append(self.rfile.read(int(self.rfile.readline()[1:]) + 2)[:-2])
            self.wfile.write(self.reply(words[0].upper()))

    def reply(self, verb: bytes) -> bytes:
        """What it says to a command."""
        if verb == b"HELLO":
            facts = b"$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"
            return b"%2\r\n" + facts
        if verb == b"INFO":
            text = b"redis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\nprocess_id:1\r\n"
            return b"$%d\r\n%s\r\n" % (len(text), text)
        answers = {b"PING": b"+PONG\r\n", b"CONFIG": b"-ERR unknown command\r\n"}
        return answers.get(verb, b"+OK\r\n")


@pytest.fixture(params=WHY)
def fault(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(fault: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a Redis that has the fault."""
    if fault == "absent":
        yield f"redis://127.0.0.1:{free_port()}"
    elif fault == "evicting":
        start: Start = request.getfixturevalue("start_server")
        server: Server = start()
        with connect(server.url) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
        yield server.url
    else:
        with ExitStack() as stack:
            server = stack.enter_context(
                socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis)
            )
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.02,)).start()
            stack.callback(server.shutdown)
            yield f"redis://127.0.0.1:{server.server_address[1]}"


@pytest.fixture
def spoiled(start_server: Start, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Spoil a good server; the environment of who knew it before."""

    def spoil(how: str) -> dict[str, str]:
        server = start_server()
        settings = Settings.read({}, redis_url=server.url, state_dir=str(tmp_path / "own"))
        live(settings)
        with connect(server.url) as client:
            if how == "empty":
                client.flushall()
            else:
                option, value = how.split()
                client.config_set(option, value)
        return clean_env(REDIS_URL=server.url, HYDRA_STATE_DIR=settings.state_dir)

    return spoil


SPOILED = {
    "appendonly no": "set appendonly yes, or HYDRA_FSYNC=no to accept that",
    "appendfsync everysec": "or HYDRA_FSYNC=everysec to accept",
    "empty": "this Redis is empty, but",
}


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("command", ["up", "scheduler", "reaper"])
def test_who_keeps_the_accounts_refuses_a_spoiled_server(
    command: str, how: str, spoiled: Callable[[str], dict[str, str]]
) -> None:
    done = subprocess.run(
        hydra(*COMMANDS[command]),
        env=spoiled(how),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert SPOILED[how] in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_one_line_says_why(command: str, fault: str, url: str, tmp_path: Path) -> None:
    env = clean_env(REDIS_URL=url, HYDRA_STATE_DIR=str(tmp_path / "own"))
    done = subprocess.run(
        hydra(*COMMANDS[command]),
        env=env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout + done.stderr == done.stderr.splitlines()[-1] + "\n"
    assert done.stderr.startswith("hydra: ")
    assert WHY[fault] in done.stderr


def test_too_old_a_program_is_named(tmp_path: Path) -> None:
    """`up` looks at the program before it starts it."""
    old = fake_server(tmp_path, "Redis server v=6.2.14 sha=00000000:0 bits=64")
    env = clean_env(HYDRA_REDIS_SERVER=old, HYDRA_STATE_DIR=str(tmp_path / "own"))
    done = subprocess.run(
        hydra(*COMMANDS["up"]), env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "6.2.14" in done.stderr
    assert old in done.stderr
