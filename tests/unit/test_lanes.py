"""What the loop and its lanes leave to each other, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.errors import StoreDown
from hydra.model import LeaseId, Session, Span
from hydra.model.messages import HandIn, Hint, Receipt, Standing
from hydra.work.local import LocalPort
from hydra.work.worker import OneThread, drive
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
