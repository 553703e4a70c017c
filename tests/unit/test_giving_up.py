"""A kernel that takes too long or too much: the worker gives its span up, and its process."""

from __future__ import annotations

from typing import Any

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.model import Job, JobState, Span
from hydra.model.messages import Hint
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.lanes import drive
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.toy import toy
from tests.unit.test_worker import Stage, right


def test_a_call_that_does_not_come_back_is_given_up() -> None:
    """The heartbeat's thread, which a test calls by hand, says so and ends the process."""
    stage = Stage(HYDRA_CALL_SECONDS="100")
    job = stage.submit(10)
    ended: list[bool] = []
    worker = stage.worker("a")
    worker.loop.heart._give_up = lambda: ended.append(True)

    def hang(_span: Span) -> None:
        if not ended:
            for _ in range(3):
                stage.clock.now_s += 40
                drive(worker.loop.heart.look(), OneThread(stage.clock))
            raise SystemExit

    stage.on_run = hang
    with pytest.raises(SystemExit):
        worker.shift(Hint())
    assert ended == [True]
    assert [e.text for e in stage.h.store.views.story(job) if e.verb == "expire"] == [
        "a lost units 0..5: one kernel call took longer than 100 s"
    ]
    stage.worker("b").shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(10)}


def test_a_process_without_memory_ends_its_shift() -> None:
    """A kernel that leaks would fail on every unit that comes after."""
    stage = Stage()
    job = stage.submit(100)

    def full(_span: Span) -> None:
        if len(stage.runs) == 3:
            raise MemoryError

    stage.on_run = full
    assert stage.worker("a").shift(Hint()) is True
    assert len(stage.runs) == 3
    (lost,) = [e.text for e in stage.h.store.views.story(job) if e.verb == "expire"]
    assert lost.endswith(": MemoryError")
    stage.worker("a").shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(100)}


def work_alone(**declared: Any) -> tuple[Job, list[str]]:
    """What becomes of a job of 40 units with such a kernel, and what its story says of losses."""
    kernel = toy("toy", **declared)
    h = wiring.in_memory(
        Settings.read({}, shift_seconds=600), ManualClock(), load=lambda: {"toy": kernel}
    )
    job = submit(h, "toy", {"units": 40}).id
    Worker(LocalPort(h), h.kernels(), h.clock, h.settings, session_here(h), lanes=OneThread).shift(
        Hint()
    )
    lost = [entry.text for entry in h.store.views.story(job) if entry.verb == "expire"]
    return h.store.views.job(job), lost


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (lambda params, span: {"value": 1_001 * span.units}, "value must be"),
        (lambda params, span: {"other": span.units}, "value must be"),
        (lambda params, span: {0: b"x"}, "sums"),
        (lambda params, span: {"value": 10**5_000}, "no sum may have more than 64 bits"),
        (lambda params, span: None, "TypeError: run gave NoneType, not a mapping"),
    ],
)
def test_what_cannot_be_right_is_given_up_and_says_why(run: Any, why: str) -> None:
    """It does not go on for ever, and the worker lives."""
    job, lost = work_alone(run=run)
    assert (job.state, job.done_units) == (JobState.FAILED, 0)
    assert lost
    assert all(why in text for text in lost), lost


def test_partials_that_do_not_merge_are_given_up() -> None:
    """Units that come alone need no merging, so the job gets through."""
    job, lost = work_alone(merge=lambda a, b: a["nothing"])
    assert job.state is JobState.DONE
    assert lost
    assert all("merge raised KeyError: 'nothing'" in text for text in lost), lost


def test_a_reduction_without_memory_costs_no_lease() -> None:
    """Its worker is amid another job's lease when it learns that the last unit was its own."""

    def full(_params: Any, _whole: Any) -> dict[str, Any]:
        raise MemoryError

    clock = ManualClock()

    def run(_params: Any, span: Span) -> dict[str, int]:
        clock.now_s += 0.01 * span.units
        return {"value": span.units}

    kernels = {"full": toy("full", run=run, finish=full), "toy": toy("toy", run=run)}
    h = wiring.in_memory(Settings.read({}, shift_seconds=600), clock, load=lambda: kernels)
    sizes = {"full": 300, "toy": 6_000}
    jobs = [submit(h, name, {"units": units}).id for name, units in sizes.items()]
    worker = Worker(
        LocalPort(h), h.kernels(), h.clock, h.settings, session_here(h), lanes=OneThread
    )
    with pytest.raises(MemoryError):
        worker.shift(Hint(jobs[0]))
    assert h.store.views.job(jobs[0]).state is JobState.REDUCING
    found = h.store.views.job(jobs[1])
    assert found.state is JobState.RUNNING
    assert found.leases == 0
    assert not [entry for entry in h.store.views.story(jobs[1]) if entry.verb == "expire"]
