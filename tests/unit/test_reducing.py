"""The slow worker that hands in a job's last unit lets a faster one put the picture together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.model import JobSpec, JobState, Session
from hydra.model.messages import HandIn, Hint, Pace, Receipt
from hydra.policy.reducing import REDUCTION_WAIT_S, defers_reduction, reduction_wait_s
from hydra.services import Hydra
from hydra.services import reduce as reducing
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.toy import toy

SLOW, FAST = (
    Pace(rate=1.0, fleet_rate=100.0, unassigned_units=0, live_workers=2),
    Pace(rate=99.0, fleet_rate=100.0, unassigned_units=0, live_workers=2),
)


@pytest.mark.parametrize(
    ("pace", "pieces", "lets"),
    [
        (SLOW, True, True),
        (FAST, True, False),
        (SLOW, False, False),  # adding sums up is no work
        (
            Pace(rate=1.0, fleet_rate=1.0, unassigned_units=0, live_workers=1),
            True,
            False,
        ),  # there is nobody else
        (
            Pace(rate=0.0, fleet_rate=100.0, unassigned_units=0, live_workers=2),
            True,
            False,
        ),  # nothing is known of it
    ],
)
def test_only_the_slow_let_others_reduce_a_picture(pace: Pace, pieces: bool, lets: bool) -> None:
    assert defers_reduction(pace, pieces) is lets


@pytest.mark.parametrize("helped", [True, False])
def test_a_faster_worker_comes_first_if_there_is_one(helped: bool) -> None:
    fast, reduced = Session("f", "fast", "there", 2), []

    class Meanwhile(ManualClock):
        def sleep_s(self, seconds: float) -> None:
            super().sleep_s(seconds)
            reduced.append(helped and reducing.reduce(h, fast, job))

    class Slowly(LocalPort):
        def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
            return replace(super().complete(session, seq, hand_in), pace=SLOW)

    h = wiring.in_memory(Settings.read({}, shift_seconds=0), Meanwhile())
    job = submit(h, "mandelbrot", {"columns": 8, "rows": 8, "iterations": 20}).id
    LocalPort(h).enlist(fast)
    slow = Worker(Slowly(h), h.kernels(), h.clock, h.settings, session_here(h), lanes=OneThread)
    slow.shift(Hint())
    assert reduced == [helped]
    assert h.store.views.job(job).state is JobState.DONE
    attempts = [e.fields for e in h.store.views.story(job) if "attempt" in e.fields]
    assert [fields["worker"] == "fast" for fields in attempts] == [helped]


def test_an_idle_slow_worker_leaves_the_picture_to_others_for_a_while() -> None:
    pieces = JobSpec(kernel="k", version="v", params={}, total_units=4, piece_bytes_max=10)
    assert reduction_wait_s(SLOW, pieces) == REDUCTION_WAIT_S
    assert reduction_wait_s(FAST, pieces) == 0.0

    h, asked_s = wiring.in_memory(Settings.read({}, shift_seconds=60), ManualClock()), []
    job = submit(h, "mandelbrot", {"columns": 65, "rows": 64, "iterations": 20}).id

    class Port(LocalPort):
        def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
            """What the service does, for one that is slow."""
            return replace(h.store.verbs.complete(session, seq, hand_in), pace=SLOW)

        def reduce(self, session: Session, job: str = "") -> bool:
            """The one for its own last unit never happens: its process has ended by then."""
            if job:
                return False
            asked_s.append(h.clock.monotonic_s())
            return super().reduce(session)

    slow = Worker(Port(h), h.kernels(), h.clock, h.settings, session_here(h), lanes=OneThread)
    begun_s = h.clock.monotonic_s()
    slow.shift(Hint())
    assert h.store.views.job(job).state is JobState.DONE
    assert asked_s[0] >= begun_s + REDUCTION_WAIT_S


def reduced(finish: Callable[..., dict[str, Any]]) -> tuple[Hydra, str, Worker, Session]:
    """A job whose one unit is in, and a worker that will reduce it, with its session."""
    kernel = toy("toy", finish=finish)
    h = wiring.in_memory(
        Settings.read({}, shift_seconds=0), ManualClock(), load=lambda: {"toy": kernel}
    )
    job = submit(h, "toy", {"units": 1}).id
    session = session_here(h)
    worker = Worker(LocalPort(h), h.kernels(), h.clock, h.settings, session, lanes=OneThread)
    return h, job, worker, session


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"x": object()}, "finish raised TypeError: Object of type object is not JSON"),
        ({"x": float("nan")}, "finish raised ValueError: Out of range float values"),
        (["x"], "finish raised AttributeError"),
    ],
)
def test_an_answer_that_json_does_not_carry_fails_the_job(answer: Any, why: str) -> None:
    h, job, worker, _ = reduced(lambda params, whole: answer)
    worker.shift(Hint())
    found = h.store.views.job(job)
    assert found.state is JobState.FAILED
    assert found.reason.startswith(why)


def test_a_reduction_without_memory_may_be_tried_again() -> None:
    def finish(_params: Any, whole: Any) -> dict[str, Any]:
        if not tried:
            tried.append(True)
            raise MemoryError
        return dict(whole)

    tried: list[bool] = []
    h, job, worker, session = reduced(finish)
    with pytest.raises(MemoryError):
        worker.shift(Hint())
    assert h.store.views.job(job).state is JobState.REDUCING
    h.store.verbs.leave(session.id, "its process ended")
    assert reducing.reduce(h, session_here(h), job)
    attempts = [e.fields["attempt"] for e in h.store.views.story(job) if "attempt" in e.fields]
    assert attempts == [1, 1], "none was lost"
    assert h.store.views.answer(job) == {"value": 1}
