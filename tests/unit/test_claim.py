"""What a worker asks for: the policies' numbers as the claim puts them together."""

from __future__ import annotations

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.model.costs import Costs
from hydra.model.messages import Hint, Pace
from hydra.services.claim import ask_for
from hydra.settings import Settings


@pytest.mark.parametrize(
    ("live", "left", "beat_s"),
    [
        (8, 10**9, 1.0),
        (8, 24, 0.75),
        (8, 1, 0.5),
        (100_000, 10**9, 20.0),
        (100_000, 10**5, 10.0),
    ],
)
def test_a_lease_lasts_three_beats_or_three_of_its_chunk_if_that_is_shorter(
    live: int, left: int, beat_s: float
) -> None:
    """A chunk that ends before its holder would beat shows by its end that the holder lives."""
    h = wiring.in_memory(Settings.read({}), ManualClock(), dict)
    ask = ask_for(
        h,
        Pace(rate=2.0, fleet_rate=2.0 * live, unassigned_units=left, live_workers=live),
        10**9,
        Costs(),
        Hint(),
    )
    assert ask.beat_s == beat_s


def test_who_may_be_slow_to_begin_has_time() -> None:
    """The first slice of a worker of unknown speed may be short, but it has yet to load things."""
    h = wiring.in_memory(Settings.read({}), ManualClock(), dict)
    ask = ask_for(
        h,
        Pace(rate=0.0, fleet_rate=16.0, unassigned_units=10, live_workers=8),
        100,
        Costs(),
        Hint(),
    )
    assert (ask.tau_s, ask.beat_s) == (0.25, 1.0)
