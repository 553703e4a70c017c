"""What is unsafe ground, from facts and clocks alone; tests/e2e has real servers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hydra.server.connection import ServerFacts, requirements
from hydra.settings import FSYNC
from hydra.store.redis import health
from hydra.store.redis.health import Health, memory

GOOD = ServerFacts("redis", (7, 0, 15), "noeviction", True, "always", 1, memory_bytes_max=1 << 30)

UNSAFE = [
    ("redis", "7.0 or newer", {"version": (6, 2, 14)}, "always"),
    ("eviction", "allkeys-lru", {"maxmemory_policy": "allkeys-lru"}, "always"),
    ("log", "keeps no log", {"aof_enabled": False}, "always"),
    ("log", "keeps no log", {"aof_enabled": False}, "everysec"),
    ("log", "at everysec, not always", {"fsync": "everysec"}, "always"),
    ("log", "at no, not everysec", {"fsync": "no"}, "everysec"),
    ("log", "make room", {"log_fails": True}, "no"),
]

SAFE = [
    ({}, "always"),
    ({"flavour": "valkey", "version": (7, 2, 4)}, "always"),
    ({"maxmemory_policy": ""}, "always"),  # managed servers tell less
    ({"fsync": ""}, "always"),
    ({"fsync": "everysec"}, "everysec"),
    ({"fsync": "no"}, "no"),
    ({"aof_enabled": False}, "no"),
    ({"aof_enabled": False}, ""),  # a worker's view
]


@pytest.mark.parametrize(("name", "says", "facts", "fsync"), UNSAFE)
def test_unsafe_ground_is_named(name, says, facts, fsync):
    bad = [check for check in requirements(replace(GOOD, **facts), fsync) if not check.ok]
    assert [check.name for check in bad] == [name]
    assert says in bad[0].detail


@pytest.mark.parametrize(("facts", "fsync"), SAFE)
def test_safe_ground_is_taken(facts, fsync):
    assert all(check.ok for check in requirements(replace(GOOD, **facts), fsync))


def test_a_safer_log_than_promised_is_taken():
    for fsync in FSYNC:
        assert all(check.ok for check in requirements(GOOD, fsync))


@pytest.mark.parametrize(("used", "ok"), [(0, True), (972, True), (973, False), (2000, False)])
def test_memory_is_full_a_little_before_it_is(used, ok):
    assert memory(replace(GOOD, memory_bytes=used << 20)).ok is ok
    assert memory(replace(GOOD, memory_bytes=used << 20, memory_bytes_max=0)).ok


class Clocks:
    """A server whose clock a test sets, beside our own."""

    own_s = 0.0
    ahead_s = 1e9

    def get(self, key):
        return b"known"

    def time(self):
        seconds, part = divmod(self.own_s + self.ahead_s, 1)
        return int(seconds), int(part * 1e6)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0, 6.0])
def test_a_clock_that_jumps_is_told_for_a_minute(monkeypatch, jump_s):
    monkeypatch.setattr(health, "inspect", lambda client: GOOD)
    clocks = Clocks()
    looked = Health(clocks, lambda: clocks.own_s, "known", "always")

    def failing():
        return [check.name for check in looked.checks() if not check.ok]

    seen = [failing()]
    for own_s, by_s in ((100, 0.5), (1, jump_s), (30, 0.0), (29.9, 0.0), (0.2, 0.0), (9999, 0.0)):
        clocks.own_s += own_s
        clocks.ahead_s += by_s
        seen.append(failing())
    assert seen == [[], [], ["clock"], ["clock"], ["clock"], [], []]
