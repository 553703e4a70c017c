"""Schedules of faults: none breaks Hydra, and each planted bug is found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest

from hydra.model import Rest
from hydra.model.messages import HandIn
from hydra.work import sender
from hydra.work.holding import Holding
from tests.faults.accounts import MakeAccounts, in_memory, in_redis
from tests.faults.planted import BUGS
from tests.faults.schedule import Schedule

FOUND = [
    int(line.split()[0])
    for line in Path(__file__).with_name("seeds.txt").read_text().splitlines()
    if line[:1].isdigit()
]

BATCH = 50

BATCHES = {"quick": range(1), "test": range(1, 8), "long": range(8, 40)}
"""Schedules of every test run; `python -m tests.faults` runs as many as one likes."""

IN_REDIS = 8
"""Schedules on a real server, where each call and each check is a round trip."""

SCHEDULES_MAX = 1_000
"""A planted bug must be found within so many, and each of these must have occurred."""

OCCUR = (
    "two leases held at once",
    "a queued lease ended by claim",
    "a queued lease ended by leave",
    "a queued lease ended by expire",
    "a begun lease ended by claim",
    "a hand-in counted",
    "a hand-in cut",
    "a hand-in stale",
    "a hand-in in parts",
    "a hand-in shortened after silence",
    "a lease given back for another job's turn",
    "a reduction renewed",
    "the store fell back",
)


def run(seed: int, make_accounts: MakeAccounts = in_memory) -> None:
    try:
        Schedule(seed, make_accounts).run()
    except Exception as error:
        error.add_note(f"again: python -m tests.faults --seed {seed} --trace")
        raise


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_found_once_stays_mended(seed: int) -> None:
    run(seed)


@pytest.mark.parametrize(
    "batch",
    [
        *BATCHES["quick"],
        *(pytest.param(batch, marks=pytest.mark.slow) for batch in BATCHES["test"]),
        *(pytest.param(batch, marks=pytest.mark.long) for batch in BATCHES["long"]),
    ],
)
def test_no_fault_loses_or_doubles_a_unit(batch: int) -> None:
    for seed in range(batch * BATCH, (batch + 1) * BATCH):
        run(seed)


def test_lua_bears_the_same_faults(redis_url: str) -> None:
    make_accounts = in_redis(redis_url)
    for seed in range(IN_REDIS):
        run(seed, make_accounts)


def test_a_seed_is_a_schedule() -> None:
    """The same seed tells the same story, to the last id."""
    stories = []
    for _ in range(2):
        schedule = Schedule(5, tell=True)
        schedule.run()
        stories.append(schedule.loop.told)
    assert len(stories[0] or ()) > 50
    assert stories[0] == stories[1]


@contextmanager
def counted_in(met: Counter[str]) -> Iterator[None]:
    """What the worker does with large hand-ins, which the store does not see."""
    hand_in, shortened = Holding.hand_in, sender.shortened

    def part(held: Holding, *given: object) -> HandIn:
        made: HandIn = hand_in(held, *given)  # type: ignore[arg-type]
        met["a hand-in in parts"] += Rest.RETURN in given and made.rest is Rest.KEEP
        return made

    def shorter(whole: HandIn, bytes_max: int) -> HandIn:
        made = shortened(whole, bytes_max)
        met["a hand-in shortened after silence"] += made is not whole
        return made

    with (
        mock.patch.object(Holding, "hand_in", part),
        mock.patch.object(sender, "shortened", shorter),
    ):
        yield


@pytest.mark.slow
def test_all_that_may_occur_does(record_property) -> None:
    met: Counter[str] = Counter()
    for seed in range(SCHEDULES_MAX):
        schedule = Schedule(seed)
        with counted_in(met):
            schedule.run()
        met += schedule.witness.met
        if all(met[what] for what in OCCUR):
            record_property("schedules", seed + 1)
            return
    pytest.fail(f"in {SCHEDULES_MAX} schedules {[what for what in OCCUR if not met[what]]} never")


@pytest.mark.slow
@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, record_property) -> None:
    for seed in range(SCHEDULES_MAX):
        try:
            with BUGS[bug]():
                Schedule(seed).run()
        except AssertionError:
            record_property("schedules", seed + 1)
            return
    pytest.fail(f"not found in {SCHEDULES_MAX} schedules")
