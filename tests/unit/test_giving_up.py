"""A kernel that takes too long or too much: the worker gives its span up, and its process."""

from __future__ import annotations

import pytest

from hydra.model import Span
from hydra.model.messages import Hint
from tests.unit.test_worker import Stage, right


def test_a_call_that_does_not_come_back_is_given_up() -> None:
    """The heartbeat's thread, which a test calls by hand, says so and ends the process."""
    stage = Stage(HYDRA_CALL_SECONDS="100")
    job = stage.submit(10)
    ended: list[bool] = []
    worker = stage.worker("a")
    worker._give_up = lambda: ended.append(True)

    def hang(_span: Span) -> None:
        if not ended:
            for _ in range(3):
                stage.clock.now_s += 40
                worker._beat_if_due()
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
