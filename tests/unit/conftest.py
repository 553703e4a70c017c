"""The command line over an application in memory, without a socket."""

from __future__ import annotations

import pytest
import urllib3
from click.testing import CliRunner

from hydra import client
from hydra.cli import main
from hydra.web import create_app
from tests.http.working import URL, DoorPool, WorkingClock, bundle


@pytest.fixture
def clock():
    return WorkingClock()


@pytest.fixture
def h(clock):
    h = bundle(clock)
    clock.h = h
    return h


@pytest.fixture
def pool(h, clock, monkeypatch):
    pool = DoorPool(create_app(h).test_client())
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_: pool)
    monkeypatch.setattr(client, "SystemClock", lambda: clock)
    monkeypatch.setenv("HYDRA_URL", URL)
    return pool


@pytest.fixture
def hydra(pool):
    return lambda *args: CliRunner().invoke(main, args, catch_exceptions=False)
