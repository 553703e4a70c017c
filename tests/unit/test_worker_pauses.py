"""The worker's loop when its owner wants the machine, on a clock that stands still."""

from __future__ import annotations

from typing import Any

import pytest

from hydra.model import Span
from hydra.model.messages import Hint
from hydra.model.pauses import Pause
from tests.unit.test_worker import Stage, right


def test_a_worker_that_is_to_pause_gives_its_span_back_at_the_next_slice() -> None:
    stage = Stage(HYDRA_SHIFT_SECONDS="10", HYDRA_TARGET_SECONDS="30")
    job, began_s = stage.submit(100_000), stage.clock.now_s
    paused_at_s: list[float] = []

    def owner_comes(_span: Span) -> None:
        if stage.clock.now_s - began_s > 3 and not stage.pause:
            stage.pause = Pause("hydra pause", 5_000)
            paused_at_s.append(stage.clock.now_s)

    stage.on_run = owner_comes
    assert stage.worker("a").shift(Hint()) is False
    dump, (worker,) = stage.h.store.vitals.dump(job), stage.h.store.views.workers()
    assert not dump.leases
    assert dump.job.done_units == sum(span.units for span in stage.runs), "nothing was lost"
    assert (worker.pause, worker.job) == (stage.pause, "")
    last = stage.h.store.views.story(job)[-1]
    assert "it pauses: hydra pause" in last.text
    assert last.at_ms / 1000 - paused_at_s[0] < 0.6, "a slice and no more"
    assert stage.h.store.views.live_workers() == 0


def test_a_worker_goes_on_where_its_pause_ends() -> None:
    stage = Stage()
    job = stage.submit(100)
    stage.pause = Pause("outside its working hours")
    worker = stage.worker("a")
    verbs: Any = stage.h.store.verbs
    verbs.pause = lambda *_: setattr(stage, "pause", None)
    worker.shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(100)}


def test_a_paused_worker_takes_nothing_and_reduces_nothing() -> None:
    stage = Stage(HYDRA_SHIFT_SECONDS="3")
    job, began_s = stage.submit(100), stage.clock.now_s
    stage.pause = Pause("hydra pause")
    assert stage.worker("a").shift(Hint()) is False
    assert stage.clock.now_s - began_s == pytest.approx(3)
    assert not stage.runs
    assert [entry.verb for entry in stage.h.store.views.story(job)] == ["submit"]
    assert [worker.pause for worker in stage.h.store.views.workers()] == [stage.pause]
