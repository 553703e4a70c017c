"""The slow worker that hands in a job's last unit lets a faster one put the picture together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.kernels import load
from hydra.model import JobSpec, JobState, Rest, Session
from hydra.model.messages import Hint, Pace, Receipt, Report
from hydra.policy.reducing import REDUCTION_WAIT_S, defers_reduction, reduction_wait_s
from hydra.services import complete as completing
from hydra.services import reduce as reducing
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.holding import Holding
from hydra.work.local import LocalPort, session_here
from hydra.work.loop import Worker

SLOW, FAST = Pace(1.0, 100.0, 0, 2), Pace(99.0, 100.0, 0, 2)


@pytest.mark.parametrize(
    ("pace", "pieces", "lets"),
    [
        (SLOW, True, True),
        (FAST, True, False),
        (SLOW, False, False),  # adding sums up is no work
        (Pace(1.0, 1.0, 0, 1), True, False),  # there is nobody else
        (Pace(0.0, 100.0, 0, 2), True, False),  # nothing is known of it
    ],
)
def test_only_the_slow_let_others_reduce_a_picture(pace: Pace, pieces: bool, lets: bool) -> None:
    assert defers_reduction(pace, pieces) is lets


@pytest.mark.parametrize("helped", [True, False])
def test_a_faster_worker_comes_first_if_there_is_one(
    helped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    h = wiring.in_memory(Settings.read({}), clock)
    monkeypatch.setattr(completing, "defers_reduction", lambda *_: True)
    slow, fast = Session("s", "slow", "here", 1), Session("f", "fast", "there", 2)
    job = submit(h, "mandelbrot", {"columns": 8, "rows": 8, "iterations": 20}).id
    port = LocalPort(h)
    port.enlist(slow)
    port.enlist(fast)
    grant = port.claim(slow, 1, Hint())
    assert grant is not None
    held, kernel = Holding(grant), load()["mandelbrot"]
    span = held.next_slice()
    held.computed(span, kernel.run(grant.spec.params, span), 0.1, 0.25)
    reduced: list[bool] = []

    class Meanwhile(ManualClock):
        def sleep_s(self, seconds: float) -> None:
            reduced.append(helped and reducing.reduce(h, fast, job))

    report = Report(held.hand_in(kernel.merge, Rest.RETURN), False, grant, grant.pace)
    receipt = completing.complete(replace(h, clock=Meanwhile()), slow, 2, report)
    assert receipt.last
    assert reduced == [helped]
    assert h.store.job(job).state is JobState.DONE


def test_an_idle_slow_worker_leaves_the_picture_to_others_for_a_while() -> None:
    pieces = JobSpec("k", "v", {}, 4, piece_bytes_max=10)
    assert reduction_wait_s(SLOW, pieces) == REDUCTION_WAIT_S
    assert reduction_wait_s(FAST, pieces) == 0.0

    h, asked_s = wiring.in_memory(Settings.read({}, shift_seconds=60), ManualClock()), []
    job = submit(h, "mandelbrot", {"columns": 65, "rows": 64, "iterations": 20}).id

    class Port(LocalPort):
        def complete(self, session: Session, seq: int, report: Report) -> Receipt:
            """What the service does, for one that is slow and whose process ends then."""
            return replace(h.store.complete(session, seq, report.hand_in), pace=SLOW)

        def reduce(self, session: Session) -> bool:
            asked_s.append(h.clock.monotonic_s())
            return super().reduce(session)

    slow = Worker(Port(h), h.kernels(), h.clock, h.settings, session_here(h), beats=False)
    begun_s = h.clock.monotonic_s()
    slow.shift(Hint())
    assert h.store.job(job).state is JobState.DONE
    assert asked_s[0] >= begun_s + REDUCTION_WAIT_S
