"""The worker's loop on a clock that stands still: it sleeps nowhere and computes in no time."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.errors import StoreDown
from hydra.kernels import Kernel, join_pieces
from hydra.model import JobState, Rest, Span
from hydra.model.invariants import violations
from hydra.model.messages import Hint
from hydra.model.pauses import Pause
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.reap import reap
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.stores import ask, blob_of, hand_in, session, value_of
from tests.toy import toy


def toys(
    clock: ManualClock, unit_s: float, on_run: Callable[[Span], None], **more: Any
) -> dict[str, Kernel]:
    """A kernel of sums and one of pieces; each unit takes `unit_s` of the test's clock."""

    def work(span: Span) -> None:
        on_run(span)
        clock.now_s += unit_s * span.units

    def sums(_params: Mapping[str, Any], span: Span) -> dict[str, int]:
        work(span)
        return {"value": sum(map(value_of, range(*span)))}

    def pieces(_params: Mapping[str, Any], span: Span) -> dict[int, bytes]:
        work(span)
        return {unit: blob_of(unit) for unit in range(*span)}

    def finish(_params: Mapping[str, Any], whole: dict[int, bytes]) -> dict[str, Any]:
        return {"whole": len(whole), "all.bin": b"".join(whole.values())}

    return {
        "adding": toy("adding", run=sums, **more),
        "drawing": toy(
            "drawing", PIECE_BYTES_MAX=32, run=pieces, merge=join_pieces, finish=finish, **more
        ),
    }


class Stage:
    """A fleet in memory: `worker(name)` makes one, `runs` says what was computed."""

    def __init__(
        self, unit_s: float = 0.01, *, costs: Callable[[Any], Any] | None = None, **settings: str
    ) -> None:
        self.clock = ManualClock()
        self.runs: list[Span] = []
        self.on_run: Callable[[Span], None] = lambda span: None
        kernels = toys(self.clock, unit_s, self._ran, costs=costs)
        self.h: Hydra = wiring.in_memory(
            Settings.read({"HYDRA_SHIFT_SECONDS": "60", **settings}), self.clock, lambda: kernels
        )
        self.stopped = False
        self.pause: Pause | None = None

    def _ran(self, span: Span) -> None:
        self.runs.append(span)
        self.on_run(span)

    def submit(self, units: int, kernel: str = "adding") -> str:
        return submit(self.h, kernel, {"units": units}).id

    def worker(self, name: str, port: Any = None) -> Worker:
        session = dataclasses.replace(session_here(self.h), worker=name, host=name)
        return Worker(
            port or LocalPort(self.h),
            self.h.kernels(),
            self.clock,
            self.h.settings,
            session,
            stopping=lambda: self.stopped,
            pausing=lambda: self.pause,
            lanes=OneThread,
        )


def right(units: int) -> int:
    return sum(map(value_of, range(units)))


def test_a_worker_reduces_though_its_clock_began_below_zero() -> None:
    """It waited for the time at which it had last put a reduction off: zero."""
    stage = Stage()
    job = stage.submit(1)
    store, other = stage.h.store, session("other")
    store.verbs.enlist(other)
    grant = store.verbs.claim(other, 1, job, ask(1))
    assert grant
    store.verbs.complete(other, 2, hand_in(grant.spec, job, grant.token, grant.span, Rest.RETURN))
    stage.clock.now_s = -86_400.0
    stage.worker("a").shift(Hint())
    assert store.views.job(job).state is JobState.DONE


def test_a_job_whose_last_worker_died_is_reduced_though_all_are_busy() -> None:
    """It waited for as long as any other job had units to lend."""
    stage = Stage(HYDRA_SHIFT_SECONDS="10")
    job = stage.submit(1)
    store, other = stage.h.store, session("other")
    store.verbs.enlist(other)
    grant = store.verbs.claim(other, 1, job, ask(1))
    assert grant
    store.verbs.complete(other, 2, hand_in(grant.spec, job, grant.token, grant.span, Rest.RETURN))
    store.verbs.leave(other.id, "its process ended by SIGKILL")
    long = stage.submit(100_000)
    assert stage.worker("a").shift(Hint())
    assert store.views.job(job).state is JobState.DONE
    assert store.views.job(long).state is JobState.RUNNING


@pytest.mark.parametrize("units", [1, 2, 99, 1_000])
def test_one_worker_finishes_a_job(units: int) -> None:
    stage = Stage()
    job = stage.submit(units)
    stage.worker("a").shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(units)}
    assert sum(span.units for span in stage.runs) == units, "nothing was computed twice"


def test_pieces_come_together() -> None:
    stage = Stage()
    job = stage.submit(50, "drawing")
    stage.worker("a").shift(Hint())
    picture = b"".join(map(blob_of, range(50)))
    assert stage.h.store.views.file(job, "all.bin") == picture
    sha256 = hashlib.sha256(picture).hexdigest()
    label = {"bytes": len(picture), "sha256": sha256}
    assert stage.h.store.views.answer(job) == {"whole": 50, "files": {"all.bin": label}}


def test_a_long_chunk_hands_in_as_it_goes() -> None:
    """With a second a slice and a beat a second, done units rise while the chunk lasts."""
    stage = Stage(unit_s=0.05, HYDRA_TARGET_SECONDS="30")
    job = stage.submit(4_000)
    seen: set[int] = set()
    stage.on_run = lambda span: seen.add(stage.h.store.views.job(job).done_units)
    stage.worker("a").shift(Hint())
    claims = [e for e in stage.h.store.views.story(job) if e.verb == "claim"]
    assert len(seen) > 3 * len(claims)


def test_a_shift_ends_and_gives_the_rest_back() -> None:
    stage = Stage(HYDRA_SHIFT_SECONDS="1")
    job = stage.submit(10_000)
    assert stage.worker("a").shift(Hint()) is True
    dump = stage.h.store.vitals.dump(job)
    assert dump.job.done_units > 0
    assert not dump.leases
    assert violations(dump) == []


def test_a_shift_without_work_ends_idle() -> None:
    stage = Stage()
    began_s = stage.clock.now_s
    assert stage.worker("a").shift(Hint()) is False
    assert stage.clock.now_s - began_s == pytest.approx(60)


def test_stopping_hands_in_at_the_next_slice() -> None:
    stage = Stage()
    job = stage.submit(10_000)

    def stop(_span: Span) -> None:
        stage.stopped = len(stage.runs) == 5

    stage.on_run = stop
    stage.worker("a").shift(Hint())
    assert len(stage.runs) == 5
    assert stage.h.store.views.job(job).done_units == sum(span.units for span in stage.runs)


def test_a_cancelled_job_is_dropped_at_the_next_beat(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(unit_s=0.1)
    job = stage.submit(10_000)
    other = stage.submit(3)

    def enough(_span: Span) -> None:
        if len(stage.runs) == 8:
            cancel(stage.h, job)

    stage.on_run = enough
    stage.worker("a").shift(Hint(job))
    assert stage.h.store.views.job(job).state is JobState.CANCELLED
    assert f"hand-in refused verdict=closed job={job}" in caplog.text
    assert stage.h.store.views.job(other).state is JobState.DONE


def test_a_kernel_that_raises_loses_only_its_slice() -> None:
    stage = Stage()
    job = stage.submit(100)
    failed: list[Span] = []

    def trip(span: Span) -> None:
        if 40 in range(*span) and len(failed) < 2:
            failed.append(span)
            raise ValueError("bad unit")

    stage.on_run = trip
    stage.worker("a").shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(100)}
    lost = [e.text for e in stage.h.store.views.story(job) if e.verb == "expire"]
    assert len(lost) == 2
    assert lost[0].endswith("ValueError: bad unit")


def test_what_was_computed_before_a_kernel_raises_is_counted() -> None:
    stage = Stage()
    job = stage.submit(1_000)
    failed: list[Span] = []

    def trip(span: Span) -> None:
        if 90 in range(*span) and not failed:
            failed.append(span)
            raise ValueError("bad unit")

    stage.on_run = trip
    stage.worker("a").shift(Hint())
    claims = [e.fields["start"] for e in stage.h.store.views.story(job) if e.verb == "claim"]
    assert failed[0].start in claims[1:]
    assert sum(span.units for span in stage.runs) == 1_000 + failed[0].units


def test_a_poisoned_unit_fails_the_job_by_name() -> None:
    """One worker alone: it is the only one there is, so five losses are enough."""
    stage = Stage()
    job = stage.submit(100)

    def trip(span: Span) -> None:
        if 40 in range(*span):
            raise ValueError("bad unit")

    stage.on_run = trip
    stage.worker("a").shift(Hint())
    found = stage.h.store.views.job(job)
    assert found.state is JobState.FAILED
    assert found.reason.startswith("unit 40 was lost")


def test_an_idle_worker_takes_the_far_end() -> None:
    """The holder of everything is cut while it computes: it trims, and nothing counts twice."""
    stage = Stage(HYDRA_SLICE_SECONDS="5")
    job = stage.submit(400)
    taken: list[Span] = []

    def meanwhile(_span: Span) -> None:
        if stage.h.store.views.job(job).done_units and not taken:
            port = LocalPort(stage.h)
            session = dataclasses.replace(session_here(stage.h), worker="b", host="b")
            port.enlist(session)
            grant = port.claim(session, 1, Hint())
            assert grant is not None
            taken.append(grant.span)

    stage.on_run = meanwhile
    stage.worker("a").shift(Hint(job, units=400))
    (split,) = [e.text for e in stage.h.store.views.story(job) if e.verb == "split"]
    assert split.startswith(f"a gives up units {taken[0].start}..400: the fleet is idle")
    dump = stage.h.store.vitals.dump(job)
    assert violations(dump) == []
    assert dump.job.done_units == 400 - taken[0].units
    assert dump.job.sums == {"value": right(400) - sum(map(value_of, range(*taken[0])))}


class Flaky:
    """A port whose replies get lost: every call reaches the store, every other answer does not."""

    def __init__(self, h: Hydra) -> None:
        self._inner = LocalPort(h)
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._inner, name)

        def call(*args: Any) -> Any:
            self._calls += 1
            result = inner(*args)
            if self._calls % 2 and name != "listen":
                raise StoreDown("the reply was lost")
            return result

        return call


def test_lost_replies_change_nothing() -> None:
    stage = Stage()
    job = stage.submit(500)
    stage.worker("a", Flaky(stage.h)).shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(500)}
    assert stage.h.store.views.job(job).done_units == 500


def test_a_silent_store_ends_the_shift_in_the_end() -> None:
    stage = Stage()

    class Silent(Flaky):
        def __getattr__(self, name: str) -> Any:
            def call(*_args: Any) -> Any:
                raise StoreDown("no answer")

            return call

    began_s = stage.clock.now_s
    with pytest.raises(StoreDown):
        stage.worker("a", Silent(stage.h)).shift(Hint())
    outage_s = stage.h.settings.outage_seconds
    assert 0.8 * outage_s < stage.clock.now_s - began_s < 1.2 * outage_s


def test_the_reaper_gives_a_dead_workers_span_to_another() -> None:
    stage = Stage(unit_s=0.1)
    job = stage.submit(100)

    class PowerCut(BaseException):
        pass

    def dies(_span: Span) -> None:
        raise PowerCut

    stage.on_run = dies
    with pytest.raises(PowerCut):
        stage.worker("a").shift(Hint())
    stage.on_run = lambda span: None
    began_s = stage.clock.now_s
    while reap(stage.h) == 0:
        stage.clock.now_s += 1
    assert stage.clock.now_s - began_s <= 4
    stage.worker("b").shift(Hint())
    assert stage.h.store.views.answer(job) == {"value": right(100)}
