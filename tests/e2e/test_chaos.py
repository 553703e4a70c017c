"""One short seed of the nemesis, and the bugs that it has to find."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.e2e import chaos
from tests.e2e.chaos import nemesis, plant
from tests.e2e.chaos.faults import FAULTS
from tests.e2e.chaos.schedule import schedule
from tests.e2e.conftest import servers

SEED = 1

SECONDS, SECONDS_LONG = 20.0, 90.0

PLANT_SECONDS = 90.0

needs_server = pytest.mark.skipif(
    not servers() and not os.environ.get("CI"), reason="there is no Redis server"
)

REVEALING = ("stop-worker", "stop-horse", "kill-worker", "kill-horse", "late-requests")
"""Faults after which a lease is lost, and somebody wakes up who does not know."""


@needs_server
def test_nothing_is_lost_in_a_short_storm() -> None:
    storm(min(servers().values()), SECONDS, jobs=3)


@pytest.mark.long
def test_nothing_is_lost_and_nothing_counted_twice(server_path: str) -> None:
    """On each kind of server; `make chaos` plays many seeds, as long as you want."""
    storm(server_path, SECONDS_LONG, jobs=15)


def storm(server_path: str, seconds: float, jobs: int) -> None:
    """Seed 1; at least so many jobs are done in it."""
    strikes = schedule(list(FAULTS.values()), SEED, seconds)
    found = nemesis.run(SEED, strikes, binary=server_path, fsync="always", say=print)
    assert not found.violations, f"logs: {found.folder}"
    assert found.jobs["done"] >= jobs
    assert found.recoveries


@needs_server
@pytest.mark.parametrize("bug", [pytest.param("fence", marks=pytest.mark.long), "repool"])
def test_a_planted_bug_is_found(bug: str, tmp_path: Path) -> None:
    """In a copy of the product: a fence that is gone, a lost span that goes back twice."""
    faults = [FAULTS[name] for name in REVEALING]
    found = nemesis.run(
        SEED,
        schedule(faults, SEED, PLANT_SECONDS),
        binary=min(servers().values()),
        fsync="always",
        say=print,
        tree=plant.planted(bug, tmp_path),
        until_found=True,
    )
    assert found.violations


@pytest.mark.parametrize("bug", ["fence", "repool"])
def test_each_bug_fits_the_script_that_gets_it(bug: str, tmp_path: Path) -> None:
    assert plant.planted(bug, tmp_path) == tmp_path
    assert {"fence", "repool"} == set(plant.BUGS)


def test_a_seed_is_a_schedule() -> None:
    """The same kinds, targets and times, whoever asks; another seed is another schedule."""
    faults = list(FAULTS.values())
    plans = [[str(strike) for strike in schedule(faults, seed, 600)] for seed in (7, 7, 8)]
    assert plans[0] == plans[1] != plans[2]
    assert {strike.fault.name for strike in schedule(faults, 7, 600)} == set(FAULTS)


def test_the_table_names_every_fault_under_its_rows() -> None:
    told: dict[str, set[str]] = {}
    row = ""
    for line in (chaos.__doc__ or "").partition("faults\n")[2].partition("\n\n")[0].splitlines():
        row = (re.match(r" +(F\d+) ", line) or [row, row])[1]
        for name in line[52:].split():
            told.setdefault(name, set()).add(row)
    assert told == {fault.name: set(fault.rows.split()) for fault in FAULTS.values()}
