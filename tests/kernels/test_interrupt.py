"""Whatever a kernel computes, on whatever instruction set, a signal's handler can end it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from tests import heavy

SOON_S = 0.05


class Ring(Exception):
    """What the handler raises."""


@pytest.fixture
def alarm() -> Iterator[None]:
    """A signal, soon, whose handler raises."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Ring

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SOON_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("name", "isa"), [(name, isa) for name in heavy.HEAVY for isa in heavy.isas(name)]
)
def test_a_signal_ends_a_span_that_would_last_for_minutes(name: str, isa: str, alarm: None) -> None:
    """Each would take from one minute to days; whoever waits for that has found the mistake."""
    with heavy.on(name, isa), pytest.raises(Ring):
        heavy.run(name)
