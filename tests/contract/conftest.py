"""One suite over every store: memory, and the Lua in a real server, or in fakeredis without one."""

from __future__ import annotations

import pytest

from hydra.ports import Store
from tests import stores


@pytest.fixture
def wall() -> stores.Wall:
    """The clock of the store under test."""
    return stores.Wall()


@pytest.fixture(params=["memory", pytest.param(stores.home_of_lua(), marks=pytest.mark.e2e)])
def store(request: pytest.FixtureRequest, wall: stores.Wall) -> Store:
    """Each store in turn, empty."""
    if request.param == "memory":
        return stores.memory(wall)
    if request.param == "fake":
        return stores.fake(wall)
    return stores.real(wall, request.getfixturevalue("redis_client"))
