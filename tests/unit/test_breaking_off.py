"""A unit may last long: a slice that nobody wants any more ends at the heartbeat that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.model.messages import Hint
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.reap import reap
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.holding import BrokenOff
from hydra.work.lanes import drive
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.toy import toy

UNIT_S = 10.0
"""Longer than a lease without heartbeats."""


class Bench:
    """A worker on a clock that stands still; `on_run` is called within each unit."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.on_run: Callable[[], None] = lambda: None
        self.units = 0

        def run(_params: Any, span: Any) -> dict[str, int]:
            for _ in range(*span):
                self.on_run()
                self.clock.now_s += UNIT_S
                self.units += 1
            return {"value": span.units}

        kernel = toy("heavy", run=run)
        settings = Settings.read({"HYDRA_SHIFT_SECONDS": "60"})
        self.h: Hydra = wiring.in_memory(settings, self.clock, lambda: {"heavy": kernel})
        self.worker = Worker(
            LocalPort(self.h),
            self.h.kernels(),
            self.clock,
            settings,
            session_here(self.h),
            interrupt=lambda: self.worker.break_off(),
            lanes=OneThread,
        )

    def submit(self, units: int) -> str:
        return submit(self.h, "heavy", {"units": units}).id

    def beat(self) -> None:
        """What the heartbeat's thread does while a slice lasts; here the same thread does it."""
        drive(self.worker.loop.heart.beat(), OneThread(self.clock))


def test_a_slice_of_a_cancelled_job_is_broken_off() -> None:
    bench = Bench()
    job = bench.submit(5)

    def cancelled_meanwhile() -> None:
        bench.beat()  # the job runs: nothing happens
        cancel(bench.h, job)
        bench.beat()

    bench.on_run = cancelled_meanwhile
    bench.worker.shift(Hint())
    assert bench.units == 0
    other = bench.submit(3)
    bench.on_run = bench.beat
    bench.worker.shift(Hint())
    assert bench.h.store.views.answer(other) == {"value": 3}


def test_a_slice_of_a_lost_lease_is_broken_off() -> None:
    bench = Bench()
    job = bench.submit(1)

    tries: list[int] = []

    def slept_through() -> None:
        tries.append(len(tries))
        if len(tries) == 1:
            while not reap(bench.h):
                bench.clock.now_s += 1
        bench.beat()

    bench.on_run = slept_through
    bench.worker.shift(Hint())
    assert bench.h.store.views.answer(job) == {"value": 1}
    assert (len(tries), bench.units) == (2, 1)


def test_an_interrupt_that_nobody_meant_changes_nothing() -> None:
    bench = Bench()
    bench.worker.break_off()
    job = bench.submit(3)
    bench.on_run = bench.worker.break_off
    bench.worker.shift(Hint())
    assert bench.h.store.views.answer(job) == {"value": 3}
    assert bench.units == 3


def test_a_slice_is_broken_off_once() -> None:
    """The second signal would come when the kernel's call is left, and end the whole shift."""
    bench = Bench()
    job = bench.submit(5)
    left: list[str] = []

    def cancelled_meanwhile() -> None:
        cancel(bench.h, job)
        with pytest.raises(BrokenOff):
            bench.beat()
        bench.worker.break_off()
        left.append("the kernel")
        raise BrokenOff

    bench.on_run = cancelled_meanwhile
    bench.worker.shift(Hint())
    assert left == ["the kernel"]
