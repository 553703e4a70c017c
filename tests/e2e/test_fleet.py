"""The promise of the whole: the same seed gives the same hits, whoever works and whoever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hydra.kernels.builtin import pi
from hydra.work import sessions
from tests.e2e import nap
from tests.e2e.fleet import BLOCKED, HITS, SEED, Fleet, hydra, loaded, right, slept
from tests.waiting import until

POINTS = 10**9 if pi.BACKEND == "numpy" else 10**10
"""Seconds for one core: enough for every worker of a crew to get some."""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture
def fleet(standing: Fleet) -> Iterator[Fleet]:
    """A scheduler, a reaper and Redis; the test brings its workers."""
    yield standing
    standing.dismiss()


def test_one_command_prints_one_object(fleet: Fleet) -> None:
    """The command finds the scheduler by the state folder alone."""
    fleet.worker("w")
    done = subprocess.run(
        hydra("pi", str(POINTS), "--seed", str(SEED), "--json"),
        env=fleet.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    assert right(json.loads(done.stdout)["answer"], POINTS)


def four(fleet: Fleet) -> None:
    for number in range(4):
        fleet.worker(f"four{number}")


CREWS: dict[str, Callable[[Fleet], object]] = {
    "four workers": four,
    "stock rq worker": lambda fleet: fleet.stock("stock"),
    "one worker of two cores": lambda fleet: fleet.worker("pair", cores=2),
}


@pytest.mark.parametrize("crew", CREWS)
def test_every_crew_counts_the_same(fleet: Fleet, crew: str) -> None:
    CREWS[crew](fleet)
    job = fleet.submit(POINTS)
    assert right(job.result(60), POINTS)
    told = job.profile()
    assert sum(share["units"] for share in told["workers"]) == job.shape["total_units"]
    assert 0 < told["efficiency"] <= 1


def test_a_worker_without_compiler_counts_the_same(fleet: Fleet) -> None:
    """NumPy's edition is a hundred times slower; it gets its share of the same job.

    It names another host, as it would have: rates are known by host.
    """
    slow = fleet.worker("numpy", start=BLOCKED, HYDRA_HOST="board")
    job = fleet.submit(POINTS)
    fleet.wait_working(job, "numpy")
    assert "kernels/native/pi." not in loaded(slow.horse())
    fleet.stock("compiled")
    assert right(job.result(60), POINTS)
    assert {"numpy", "compiled"} <= workers_of(fleet, job.id)


def workers_of(fleet: Fleet, job: str) -> set[str]:
    story = fleet.client.job(job).story()
    return {entry["text"].split()[0] for entry in story if entry["verb"] == "claim"}


def test_two_killed_workers_and_a_second_reaper_change_nothing(fleet: Fleet) -> None:
    """Each lost lease is ended once, however many reapers see it."""
    four(fleet)
    fleet.reaper("second")
    job = fleet.nap(8)
    fleet.wait_working(job, "four0", "four1", "four2")
    for hand in fleet.hands[:2]:
        hand.kill()
    assert slept(job)
    lost = [entry["text"] for entry in job.story() if entry["verb"] == "expire"]
    assert len(lost) == len(set(lost))
    assert {text.split()[0] for text in lost} <= {"four0", "four1"}


def test_two_restarts_of_the_scheduler_change_nothing(fleet: Fleet) -> None:
    """Workers do not need it, and the command that waits for the answer goes on waiting."""
    fleet.worker("w")
    params = nap.lasting(7)
    given = (f"{name}={value}" for name, value in params.items())
    words = hydra("submit", "nap", *given, "--json")
    with subprocess.Popen(words, env=fleet.env, stdout=subprocess.PIPE, text=True) as asking:
        until(lambda: "running" in {job.state for job in fleet.client.jobs(1)}, what="the job")
        job = fleet.client.jobs(1)[0]
        fleet.wait_working(job, "w")
        for _ in range(2):
            before = fleet.part_of("scheduler")
            os.kill(before, signal.SIGKILL)
            until(lambda old=before: old not in living(), what="the old scheduler is gone")
            until(lambda old=before: fleet.part_of("scheduler") != old, what="a new one")
        done = fleet.store.views.job(job.id)
        assert done.done_units < done.spec.total_units, "the job should outlast the restarts"
        output, _ = asking.communicate(timeout=60)
    assert json.loads(output)["answer"] == nap.answer(params)


def living() -> set[int]:
    return {pid for pid, _ in sessions.living()}


def test_the_known_hits_are_the_kernels_own() -> None:
    """The table was made once; a kernel that counts differently must not agree with it."""
    points = min(HITS)
    units = range(pi.size({"samples": points}))
    counted = pi.run({"samples": points, "seed": SEED}, pi.Span(0, len(units)))
    assert counted["hits"] == HITS[points]


def test_up_with_workers_of_its_own(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path, workers=2)
    try:
        assert right(fleet.submit(POINTS).result(60), POINTS)
    finally:
        fleet.close()
