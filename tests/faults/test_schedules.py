"""Schedules of faults: none breaks Hydra, and each planted bug is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra.store.memory import memory_store
from tests.faults.planted import BUGS
from tests.faults.schedule import MakeStore, Schedule, in_redis

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
"""A planted bug must be found within so many."""


def run(seed: int, make_store: MakeStore = memory_store) -> None:
    try:
        Schedule(seed, make_store).run()
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
    make_store = in_redis(redis_url)
    for seed in range(IN_REDIS):
        run(seed, make_store)


def test_a_seed_is_a_schedule() -> None:
    """The same seed tells the same story, to the last id."""
    stories = []
    for _ in range(2):
        schedule = Schedule(5, tell=True)
        schedule.run()
        stories.append(schedule.loop.told)
    assert len(stories[0] or ()) > 50
    assert stories[0] == stories[1]


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
