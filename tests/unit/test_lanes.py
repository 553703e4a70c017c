"""What the loop and its lanes leave to each other, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hydra.errors import StoreDown
from hydra.model import LeaseId, Session, Span
from hydra.model.messages import HandIn, Hint, Receipt, Standing
from hydra.work import link
from hydra.work.lanes import drive
from hydra.work.local import LocalPort
from hydra.work.one_thread import OneThread
from tests.unit.test_worker import Stage


class Port(LocalPort):
    """Hand-ins are not answered before `up_s`; beats are noted."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.h)
        self._clock = stage.clock
        self.up_s = 0.0
        self.named: list[int] = []

    def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
        if self._clock.now_s < self.up_s:
            raise StoreDown("no answer")
        return super().complete(session, seq, hand_in)

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        self.named.append(len(held))
        return super().beat(session, held)


def test_a_beat_names_no_lease_that_was_handed_in() -> None:
    """While the kernel waits for the hand-in before last, the third lease comes with its answer."""
    stage = Stage()
    stage.submit(6_000)
    port = Port(stage)
    worker = stage.worker("a", port)

    def beat(_span: Span) -> None:
        if len(stage.runs) == 50:
            port.up_s = stage.clock.now_s + 6
        drive(worker.loop.heart.beat(), OneThread(stage.clock))

    stage.on_run = beat
    worker.shift(Hint())
    assert max(port.named) == 2


def test_a_job_does_not_give_way_to_itself() -> None:
    """A beat asked for its turn while the lease before was computed, and it was claimed since."""
    stage = Stage()
    job = stage.submit(2_000)
    worker = stage.worker("a")

    def ask_for_turn(_span: Span) -> None:
        worker.loop.heart.turn = job

    stage.on_run = ask_for_turn
    worker.shift(Hint())
    texts = [entry.text for entry in stage.h.store.views.story(job)]
    assert not [text for text in texts if "turn has come" in text]


def test_no_kernel_waits_for_a_hand_in_to_give_way() -> None:
    """The next claim waits for the hand-in before, which a slow link holds up."""
    stage = Stage()
    jobs = stage.submit(6_000), stage.submit(6_000)
    port = Port(stage)
    worker = stage.worker("a", port)
    began_s: list[float] = []

    def wait_for_turn(_span: Span) -> None:
        began_s.append(stage.clock.now_s)
        if len(stage.runs) == 20:
            port.up_s = stage.clock.now_s + 6
        if len(stage.runs) == 33:
            worker.loop.heart.turn = jobs[1]

    stage.on_run = wait_for_turn
    worker.shift(Hint(jobs[0]))
    claims = [entry for job in jobs for entry in stage.h.store.views.story(job)]
    waited = [
        span.stop
        for span, one_s, next_s in zip(stage.runs, began_s, began_s[1:], strict=False)
        if next_s - one_s - 0.01 * span.units > 1
    ]
    assert waited
    assert set(waited) <= {entry.fields.get("stop") for entry in claims}


def test_a_lease_is_kept_alive_while_its_parts_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All parts together take longer than an outage may, each of them a second."""
    for bound in ("PART_BYTES_FIRST", "PART_BYTES_MIN", "PART_BYTES_MAX"):
        monkeypatch.setattr(link, bound, 16)
    stage = Stage(HYDRA_OUTAGE_SECONDS="10")
    job = stage.submit(100, "drawing")
    sent: list[Span] = []

    class Slow(Port):
        def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
            sent.append(hand_in.span)
            stage.clock.now_s += 1
            drive(worker.loop.heart.beat(), OneThread(stage.clock))
            return super().complete(session, seq, hand_in)

    port = Slow(stage)
    worker = stage.worker("a", port)
    worker.shift(Hint(job, units=100))
    assert len(sent) > 10
    assert len(port.named) == len(sent), "it beat each time"


def test_nothing_is_claimed_to_be_given_back() -> None:
    """The next claim waits for its moment when the kernel raises."""
    stage = Stage()
    job = stage.submit(1_000)
    failed: list[Span] = []

    def trip(span: Span) -> None:
        if 215 in range(*span) and not failed:
            failed.append(span)
            raise ValueError("bad unit")

    stage.on_run = trip
    stage.worker("a").shift(Hint())
    texts = [entry.text for entry in stage.h.store.views.story(job)]
    assert failed
    assert not [text for text in texts if "does not go on" in text]
