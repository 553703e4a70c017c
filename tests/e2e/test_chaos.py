"""One short seed of the nemesis, and the bugs that it has to find."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from hydra.ports import Store
from tests.e2e import chaos
from tests.e2e.chaos import nemesis, plant
from tests.e2e.chaos.faults import FAULTS
from tests.e2e.chaos.schedule import schedule
from tests.e2e.chaos.standstill import Standstill
from tests.e2e.conftest import servers
from tests.stores import Wall, ask, hand_in, memory, session, sums_spec

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


def looks(standstill: Standstill, store: Store, first_s: int, seconds: int) -> list[str]:
    """A look each second; the complaints."""
    dumps = [store.vitals.dump(job.id) for job in store.views.jobs(9)]
    found = (standstill.look(first_s + at, dumps) for at in range(seconds))
    return [complaint for complaint in found if complaint]


def test_who_stands_still_for_a_minute_is_named() -> None:
    store, standstill = memory(Wall()), Standstill()
    store.verbs.submit("job", sums_spec(10))
    assert not looks(standstill, store, 0, 60)
    standstill.hindered = True  # this time does not count
    assert not looks(standstill, store, 60, 600)
    standstill.hindered = False
    (complaint,) = looks(standstill, store, 660, 9)
    assert complaint == "nothing has moved for 60 s: job stands at 0 units, running"


def test_a_unit_that_comes_in_is_a_move_and_a_poisoned_job_is_none() -> None:
    store, standstill = memory(Wall()), Standstill()
    store.verbs.submit("job", sums_spec(10))
    store.verbs.submit("poisoned", replace(sums_spec(10), params={"poison": 3}))
    assert not looks(standstill, store, 0, 50)
    who = session("ann")
    store.verbs.enlist(who)
    grant = store.verbs.claim(who, 1, "job", ask(5))
    assert grant
    store.verbs.complete(who, 1, hand_in(grant.spec, "job", grant.token, grant.span))
    assert not looks(standstill, store, 50, 60)
    store.verbs.cancel("job")
    assert not looks(standstill, store, 110, 600)


def test_the_table_names_every_fault_under_its_rows() -> None:
    told: dict[str, set[str]] = {}
    row = ""
    for line in (chaos.__doc__ or "").partition("faults\n")[2].partition("\n\n")[0].splitlines():
        row = (re.match(r" +(F\d+) ", line) or [row, row])[1]
        for name in line[52:].split():
            told.setdefault(name, set()).add(row)
    assert told == {fault.name: set(fault.rows.split()) for fault in FAULTS.values()}
