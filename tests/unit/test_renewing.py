"""A worker that makes an answer: it keeps the reduction meanwhile, and stops once it is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.errors import StoreDown, Unavailable
from hydra.kernels import join_pieces
from hydra.model import JobState, Pieces, Span, limits
from hydra.model.messages import Hint, Reduction
from hydra.ports import Store
from hydra.services import Hydra
from hydra.services.reduce import PlainHold, reduce
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work import renewing
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.renewing import RenewedHold
from hydra.work.worker import Worker
from tests.toy import toy

UNITS = 100


def draw(_params: Any, span: Span) -> Pieces:
    """A byte a unit."""
    return {unit: bytes([unit]) for unit in range(*span)}


class Stage:
    """A job of pieces whose units are all in; `finish` makes its answer."""

    def __init__(self, finish: Callable[[Any, Any], Any]) -> None:
        kernel = toy("toy", run=draw, merge=join_pieces, PIECE_BYTES_MAX=1, finish=finish)
        self.clock = ManualClock()
        settings = Settings.read({}, shift_seconds=0, outage_seconds=10)
        self.h = wiring.in_memory(settings, self.clock, load=lambda: {"toy": kernel})
        self.job = submit(self.h, "toy", {"units": UNITS}).id
        self.session = session_here(self.h)
        self.ended: list[str] = []

        class Idle(LocalPort):
            def reduce(self, session: object, job: str = "") -> bool:
                return False

        worker = Worker(
            Idle(self.h), self.h.kernels(), self.clock, settings, self.session, lanes=OneThread
        )
        while self.state is JobState.RUNNING:
            worker.shift(Hint())
        self.h.store.verbs.leave(self.session.id, "the shift is over")
        self.session = session_here(self.h)
        self.h.store.verbs.enlist(self.session)

    @property
    def state(self) -> JobState:
        """Of the job."""
        return self.h.store.views.job(self.job).state

    def hold(self, reduction: Reduction) -> RenewedHold:
        """As the port makes it."""
        return RenewedHold(self.h, self.session, reduction, lambda: self.ended.append("ended"))

    def pass_s(self, seconds: float) -> None:
        """Let Hydra time pass."""
        for _ in range(int(seconds)):
            self.clock.sleep_s(1)
            self.h.store.verbs.tick()

    def over(self, **verbs: Any) -> Hydra:
        """The services, with some verbs in the place of the store's."""

        class Verbs:
            def __getattr__(_, name: str) -> Any:
                return verbs.get(name) or getattr(self.h.store.verbs, name)

        store = Store(Verbs(), self.h.store.views, self.h.store.vitals)  # type: ignore[arg-type]
        return replace(self.h, store=store)


def picture(_params: Any, whole: Pieces) -> dict[str, Any]:
    """A file of a hundred parts and a little more."""
    return {"image": b"".join(whole[unit] for unit in sorted(whole)) * 16_001}


def test_a_finish_of_several_leases_is_one_attempt() -> None:
    """It failed the job: three workers were taken for dead, one after another."""
    holds: list[RenewedHold] = []

    def finish(_params: Any, whole: Pieces) -> dict[str, Any]:
        for _ in range(3 * limits.REDUCE_LEASE_MS // int(1000 * renewing.RENEW_EVERY_S)):
            stage.pass_s(renewing.RENEW_EVERY_S)
            holds[0].renew_or_abandon()
            other = replace(stage.session, id="other")
            assert not reduce(stage.h, other, stage.job)
        return picture(_params, whole)

    stage = Stage(finish)

    class Port(LocalPort):
        def _renewing(self, hold: RenewedHold) -> Any:
            holds.append(hold)
            return renewing.renewing(hold)

    assert Port(stage.h).reduce(stage.session)
    assert stage.state is JobState.DONE
    right = bytes(range(UNITS)) * 16_001
    assert stage.h.store.views.file(stage.job, "image") == right
    attempts = [e for e in stage.h.store.views.story(stage.job) if "attempt" in e.fields]
    assert len(attempts) == 1


def test_the_thread_renews_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    renewed = threading.Event()

    class Held:
        ours = True

        def renew_or_abandon(self) -> None:
            renewed.set()

    monkeypatch.setattr(renewing, "RENEW_EVERY_S", 0.001)
    with renewing.renewing(Held()):  # type: ignore[arg-type]
        assert renewed.wait(20)
    assert not [t for t in threading.enumerate() if t.name == "renewing"]


def test_a_finish_that_does_not_return_is_given_up() -> None:
    stage = Stage(picture)
    reduction = stage.h.store.verbs.reduce(stage.session, stage.job)
    assert reduction is not None
    hold = stage.hold(reduction)

    def finish() -> None:
        stage.pass_s(stage.h.settings.call_seconds)
        hold.renew_or_abandon()
        assert (hold.ours, stage.ended) == (True, [])
        stage.pass_s(1)
        hold.renew_or_abandon()

    hold.compute(finish)
    assert (hold.ours, stage.ended) == (False, ["ended"])
    told = [entry.text for entry in stage.h.store.views.story(stage.job)]
    assert told[-1].endswith(" made no answer: finish took longer than 120 s")
    assert stage.h.store.views.look(replace(stage.session, id="b")).reducible == [stage.job]


def test_a_silent_store_ends_no_hold() -> None:
    stage = Stage(picture)
    reduction = stage.h.store.verbs.reduce(stage.session, stage.job)
    assert reduction is not None

    def silent(*_: object) -> bool:
        raise StoreDown("it is silent")

    hold = RenewedHold(stage.over(renew=silent), stage.session, reduction, lambda: None)
    hold.renew_or_abandon()
    assert hold.ours
    stage.h.store.verbs.cancel(stage.job)
    hold = stage.hold(reduction)
    hold.renew_or_abandon()
    assert not hold.ours


def test_once_a_reduction_is_lost_nothing_more_is_uploaded() -> None:
    stage = Stage(picture)
    sent: list[int] = []

    class Lost(PlainHold):
        @property
        def ours(self) -> bool:  # type: ignore[override]
            return len(sent) < 2

    def upload(job: str, token: str, name: str, first: int, parts: Sequence[bytes]) -> bool:
        sent.append(len(parts))
        return stage.h.store.verbs.upload(job, token, name, first, parts)

    def finish(*_: object) -> None:
        raise AssertionError("it is lost")

    h = stage.over(upload=upload, finish=finish)
    assert not reduce(h, stage.session, stage.job, lambda _: nullcontext(Lost()))
    assert sent == [4, 8]
    stage.h.store.verbs.leave(stage.session.id, "gone")
    refused = stage.over(upload=lambda *_: False, finish=finish)
    other = session_here(stage.h)
    assert not reduce(refused, other, stage.job)
    assert stage.state is JobState.REDUCING


def test_an_upload_fits_the_link_and_bears_an_outage() -> None:
    """Each call was a megabyte: over 5 Mbit/s longer than its time-out, for ever."""
    stage = Stage(picture)
    sent: list[int] = []
    down = [True, True]

    def upload(job: str, token: str, name: str, first: int, parts: Sequence[bytes]) -> bool:
        sent.append(len(parts))
        stage.clock.sleep_s(0.026 * len(parts))  # 5 Mbit/s
        if len(parts) > 38 or (len(sent) > 4 and down and down.pop()):
            raise StoreDown("its time-out is over")
        return stage.h.store.verbs.upload(job, token, name, first, parts)

    port = LocalPort(stage.over(upload=upload))
    assert port.reduce(stage.session)
    assert sent[:4] == [4, 8, 16, 19]
    assert sent[4:8] == [19, 9, 4, 8], "after a call without an answer the next is smaller"
    assert stage.h.store.views.file(stage.job, "image") == bytes(range(UNITS)) * 16_001


def test_an_outage_that_is_too_long_is_told() -> None:
    stage = Stage(picture)

    def upload(*_: object) -> bool:
        raise StoreDown("it is silent")

    with pytest.raises(Unavailable):
        LocalPort(stage.over(upload=upload)).reduce(stage.session)
    assert stage.state is JobState.REDUCING


def test_pieces_that_are_gone_end_the_job() -> None:
    """A kernel might make an answer of those that are left."""
    stage = Stage(picture)
    views = stage.h.store.views

    class Views:
        def __getattr__(self, name: str) -> Any:
            return getattr(views, name)

        def pieces(self, job: str, units: Any) -> Pieces:
            return {unit: b"" for unit in units if unit}

    store = Store(stage.h.store.verbs, Views(), stage.h.store.vitals)  # type: ignore[arg-type]
    assert not reduce(replace(stage.h, store=store), stage.session, stage.job)
    assert stage.h.store.views.job(stage.job).reason == "1 pieces are gone"
