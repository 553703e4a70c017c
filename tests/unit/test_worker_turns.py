"""Idle workers: how often they ask, and that they count as live."""

from __future__ import annotations

import pytest

from hydra.model import JobState, Session, Span
from hydra.model.invariants import violations
from hydra.model.messages import Hint
from hydra.work.lanes import drive
from hydra.work.local import LocalPort
from hydra.work.one_thread import OneThread
from tests.unit.test_worker import Stage


class Crowd(LocalPort):
    """A port to a store that counts so many live workers; notes when it is asked for work."""

    def __init__(self, stage: Stage, live: int) -> None:
        super().__init__(stage.h)
        self.stage, self.live = stage, live
        self.asked_s: list[float] = []

    def enlist(self, session: Session) -> int:
        super().enlist(session)
        return self.live

    def claim(self, session: Session, seq: int, hint: Hint) -> None:
        self.asked_s.append(self.stage.clock.now_s)
        assert self.stage.h.store.views.live_workers() == 1


@pytest.mark.parametrize(("live", "interval_s"), [(8, 0.25), (2_500, 0.25), (100_000, 10.0)])
def test_idle_workers_of_a_large_fleet_ask_in_turns_and_stay_live(
    live: int, interval_s: float
) -> None:
    stage = Stage()
    crowd = Crowd(stage, live)
    assert stage.worker("a", crowd).shift(Hint()) is False
    others = crowd.asked_s[1:]
    assert len(others) >= 60 / interval_s - 2
    assert {round(after - before, 6) for before, after in zip(crowd.asked_s, others)} == {
        interval_s
    }


def test_each_lease_of_estimated_units_begins_with_a_small_slice() -> None:
    """What proved right for cheap tiles was kept for seven expensive ones, in a single call."""
    firsts: dict[bool, list[int]] = {}
    for estimated in (False, True):
        stage = Stage(costs=(lambda params: [1] * params["units"]) if estimated else None)
        job = stage.submit(4_000)
        stage.worker("a").shift(Hint())
        starts = {chunk.span.start for chunk in stage.h.store.views.timeline(job)}
        firsts[estimated] = [span.units for span in stage.runs if span.start in starts][2:-3]
    assert max(firsts[False]) >= 16, "proven by the first lease"
    assert max(firsts[True]) < 5


@pytest.mark.parametrize("runs_before", [20, 30, 31, 32])
def test_a_worker_gives_way_to_a_new_job_between_two_slices(runs_before: int) -> None:
    """Wherever in its chunk it is: with the next one claimed already, or not yet."""
    stage = Stage(HYDRA_TARGET_SECONDS="3")
    large = stage.submit(1_000_000)
    worker = stage.worker("a")
    small: list[tuple[str, float]] = []

    def meanwhile(_span: Span) -> None:
        if len(stage.runs) == runs_before:
            small.append((stage.submit(3), stage.clock.now_s))
            drive(worker.loop.heart.beat(), OneThread(stage.clock))
        stage.stopped = len(stage.runs) > runs_before + 10

    stage.on_run = meanwhile
    worker.shift(Hint())
    ((job, submitted_s),) = small
    done = stage.h.store.views.job(job)
    assert done.state is JobState.DONE
    assert done.ended_ms is not None
    assert done.ended_ms / 1000 - submitted_s <= 2 * stage.h.settings.slice_seconds
    assert violations(stage.h.store.vitals.dump(large)) == []
