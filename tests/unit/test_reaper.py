"""The reaper's loop: regular, patient in an outage, ended by its event."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import pytest

from hydra.clock import ManualClock
from hydra.errors import StoreDown
from hydra.workers import reaper


class StopAfter:
    """An event whose waits only move the clock, and which is set after some of them."""

    def __init__(self, clock: ManualClock, waits: int) -> None:
        self.clock = clock
        self.left = waits
        self.pauses_s: list[float] = []

    def is_set(self) -> bool:
        return self.left <= 0

    def wait(self, timeout: float) -> bool:
        self.left -= 1
        self.pauses_s.append(timeout)
        self.clock.sleep_s(timeout)
        return self.is_set()


def run(pass_once: Callable[[], float], waits: int, every_s: float = 1.0) -> list[float]:
    clock = ManualClock()
    stop = StopAfter(clock, waits)
    reaper.run(pass_once, every_s, clock, stop)
    return stop.pauses_s


def test_passes_come_at_their_interval_give_or_take_a_tenth() -> None:
    passes: list[int] = []
    pauses_s = run(lambda: passes.append(1) or math.inf, waits=50, every_s=2.0)
    assert len(passes) == 50
    assert all(1.8 <= pause_s <= 2.2 for pause_s in pauses_s)


def test_a_pass_comes_when_the_next_lease_ends() -> None:
    """But not in a rush, and not later than it would anyway."""
    due_s = iter([math.inf, 0.3, -1.0, 5.0])
    pauses_s = run(lambda: next(due_s), waits=4)
    assert pauses_s[1:3] == [0.3, reaper.PAUSE_S_MIN]
    assert min(pauses_s[0], pauses_s[3]) >= 0.9


def test_an_outage_is_waited_for_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    passes = iter([True] * 2 + [False] * 8 + [True] * 2)

    def pass_once() -> float:
        if not next(passes):
            raise StoreDown("Redis is away")
        return math.inf

    pauses_s = run(pass_once, waits=12)

    assert [record.getMessage().split()[:2] for record in caplog.records] == [
        ["outage", "begins"],
        ["outage", "ends"],
    ]
    assert "Redis is away" in caplog.text
    assert max(pauses_s) <= reaper.BACKOFF_MAX_S * 1.1
    assert pauses_s[-1] <= 1.1, "the old rhythm is back"


def test_a_fault_is_not_hidden() -> None:
    def pass_once() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(pass_once, waits=3)


def test_no_pass_once_it_is_stopped() -> None:
    def pass_once() -> float:
        raise AssertionError("must not be called")

    assert run(pass_once, waits=0) == []
