"""`hydra pause` with real workers, ours and RQ's own: what they hold is free within a slice."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hydra.client import Handle
from tests.e2e.fleet import Fleet, hydra
from tests.waiting import until

FOR_EVER_S = 3600.0

CREWS: dict[str, Callable[[Fleet], object]] = {
    "ours": lambda fleet: fleet.worker("w"),
    "stock": lambda fleet: fleet.stock("w"),
}


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path)
    yield fleet
    fleet.close()


def say(fleet: Fleet, *words: str) -> str:
    done = subprocess.run(
        hydra(*words), env=fleet.env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def horse_nice(fleet: Fleet) -> int:
    return os.getpriority(os.PRIO_PROCESS, fleet.hands[0].horse())


@pytest.mark.parametrize("crew", CREWS)
def test_a_paused_worker_gives_back_says_so_and_goes_on(fleet: Fleet, crew: str) -> None:
    CREWS[crew](fleet)
    job = fleet.nap(FOR_EVER_S)
    fleet.wait_working(job, "w")
    assert "rest until" in say(fleet, "pause", "2h")
    entry = fleet.entry(job, "return", "w gives back")
    assert "it pauses: hydra pause" in entry["text"]
    assert fleet.store.vitals.dump(job.id).leases == []
    until(lambda: " paused " in say(fleet, "workers"), what="the list says so")
    assert ": hydra pause" in say(fleet, "workers")
    (worker,) = json.loads(say(fleet, "workers", "--json"))
    assert (worker["state"], worker["paused"]["why"]) == ("paused", "hydra pause")
    until(lambda: fleet.store.views.live_workers() == 0, what="it does not count")
    say(fleet, "resume")
    fleet.wait_working(job, "w")
    end(job)


def test_kernels_run_niced(fleet: Fleet) -> None:
    fleet.worker("w", HYDRA_NICE="7")
    job = fleet.nap(FOR_EVER_S)
    fleet.wait_working(job, "w")
    assert horse_nice(fleet) == 7
    end(job)


def test_a_worker_outside_its_hours_takes_nothing(fleet: Fleet) -> None:
    now, _ = fleet.redis.time()
    fleet.worker("w", HYDRA_WORK_HOURS="00:00-00:01", TZ=f"UTC{(now // 3600) % 24 - 12:+d}")
    job = fleet.nap(1)
    found = until(
        lambda: next((w for w in fleet.client.workers() if w["paused"]), None),
        within_s=30,
        what="it says that it rests",
    )
    assert found["paused"]["why"] == "outside its working hours"
    assert job.refresh().shape["done_units"] == 0
    end(job)


def end(job: Handle) -> None:
    job.cancel("the test has seen enough")
