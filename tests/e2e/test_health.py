"""Each alarm of the health page on a real server: it rings for its own cause, and stops ringing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from flask.testing import FlaskClient

from hydra.errors import StoreUnsafe
from hydra.server.connection import connect
from hydra.server.process import Server
from hydra.services.reap import reap
from hydra.settings import Settings
from hydra.store.redis import keys
from hydra.store.redis.format import FORMAT
from hydra.web import create_app
from hydra.wiring import live
from tests.e2e.conftest import Start
from tests.waiting import until

ALARMS: dict[str, list[tuple[str, ...]]] = {
    "eviction": [("maxmemory-policy", "allkeys-lru")],
    "log": [("appendonly", "no"), ("appendfsync", "everysec")],
    "memory": [("maxmemory", "1")],
}
"""Check -> settings of the server that must set it off."""


class Ground:
    """A server, a Hydra over it, and a reaper that has just passed."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        settings = Settings.read({}, redis_url=server.url, state_dir=str(folder))
        self.h = live(settings)
        self.http: FlaskClient = create_app(self.h).test_client()
        reap(self.h)

    def failing(self) -> list[str]:
        """The checks that fail; this process is alive whatever they are."""
        assert self.http.get("/healthz").status_code == 200
        reply = self.http.get("/readyz")
        found = [check["name"] for check in reply.get_json()["checks"] if not check["ok"]]
        assert reply.status_code == (503 if found else 200)
        assert reply.get_json()["ready"] is not bool(found)
        return found


@pytest.fixture
def ground(start_server: Start, server_path: str, tmp_path: Path) -> Ground:
    return Ground(start_server(server_path), tmp_path / "state-of-the-scheduler")


@pytest.fixture
def client(ground: Ground) -> Iterator[redis.Redis]:
    with connect(ground.server.url) as client:
        yield client


def test_each_alarm_rings_for_its_cause_alone(ground: Ground, client: redis.Redis) -> None:
    assert ground.failing() == []
    for name, causes in ALARMS.items():
        for option, value in causes:
            before = client.config_get(option)[option]
            client.config_set(option, value)
            assert ground.failing() == [name], option
            client.config_set(option, before)
            assert ground.failing() == [], option
    # A server that writes its first log anew refuses to end.
    until(lambda: not client.info("persistence")["aof_rewrite_in_progress"], what="a whole log")


def test_a_reaper_that_stays_away_is_missed(ground: Ground, client: redis.Redis) -> None:
    seconds, _ = client.time()
    client.hset(keys.CLOCK, "ticked", seconds * 1000 - 20_000)
    assert ground.failing() == ["reaper"]
    reap(ground.h)
    assert ground.failing() == []


@pytest.mark.parametrize("loss", ["empty", "other"])
def test_a_server_that_lost_its_data_gets_no_job(
    ground: Ground, client: redis.Redis, loss: str
) -> None:
    known = client.get(keys.GENERATION)
    assert known
    client.flushall()
    if loss == "other":
        client.mset({keys.GENERATION: "f" * 32, keys.FORMAT: FORMAT})
    assert ground.failing() == ["generation", "reaper"]
    before = client.keys()
    reply = ground.http.post("/api/v1/jobs", json={"kernel": "pi"})
    assert (reply.status_code, reply.get_json()["code"]) == (503, "store-unsafe")
    with pytest.raises(StoreUnsafe, match="empty or holds other data"):
        reap(ground.h)
    assert client.keys() == before, "a stranger was written to"
    client.mset({keys.GENERATION: known, keys.FORMAT: FORMAT})  # as a restore does
    reap(ground.h)
    assert ground.failing() == []
    assert ground.http.post("/api/v1/jobs", json={"kernel": "pi"}).status_code == 201


def test_a_silent_server_is_one_alarm(ground: Ground) -> None:
    ground.server.stop()
    assert ground.failing() == ["store"]
