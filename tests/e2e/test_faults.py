"""Whatever dies, stalls, repeats or vanishes: the answer is exact, and the work goes on."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from hydra.client import Handle
from hydra.model.limits import QUEUE
from tests.e2e.fleet import NAP, Fleet, Hand, other_edition, slept
from tests.waiting import until

RQ_QUEUE = f"rq:queue:{QUEUE}"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("faults"), HYDRA_TARGET_SECONDS="1")
    yield fleet
    fleet.close()


@pytest.fixture
def fleet(standing: Fleet) -> Iterator[Fleet]:
    """A scheduler, a reaper and Redis; the test brings its workers."""
    yield standing
    standing.dismiss()


def units_of(entry: dict[str, Any]) -> tuple[int, int]:
    """The span that an entry of a story names."""
    text = entry["text"].partition(" units ")[2].partition(":")[0]
    start, stop = text.split("..")
    return int(start), int(stop)


def test_a_lost_host_is_made_up_for(fleet: Fleet) -> None:
    """Worker and work-horse die during a chunk; the worker that lives computes what they held.

    RQ's own recovery takes minutes: none of the waits here is that long.
    """
    lost, _ = fleet.stock("lost"), fleet.stock("living")
    job = fleet.nap(6)
    fleet.wait_working(job, "lost", "living")
    lost.kill()
    expired = fleet.entry(job, "expire", "lost ")
    assert slept(job)
    start, _ = units_of(expired)
    taken = next(
        entry
        for entry in job.story(expired["id"])
        if entry["verb"] == "claim" and units_of(entry)[0] <= start < units_of(entry)[1]
    )
    assert taken["text"].startswith("living ")


def test_a_late_hand_in_is_refused(fleet: Fleet) -> None:
    """A work-horse sleeps through its lease, as a laptop does; what it then brings is stale."""
    sleeper = fleet.stock("sleeper", HYDRA_SHIFT_SECONDS="2")
    fleet.stock("awake")
    job = fleet.nap(10)
    fleet.wait_working(job, "awake")
    horse = until(lambda: asleep(fleet, job, sleeper), what="asleep with a lease")
    expired = fleet.entry(job, "expire", "sleeper ")
    fleet.entry(job, "claim", "awake ", after=expired["id"])
    os.kill(horse, signal.SIGCONT)
    until(lambda: "hand-in refused verdict=stale" in sleeper.log.read_text(), what="it says so")
    assert slept(job)


def asleep(fleet: Fleet, job: Handle, hand: Hand) -> int | None:
    """Stop the work-horse during a chunk: its id. If it held none it goes on."""
    horse = hand.horse()
    os.kill(horse, signal.SIGSTOP)
    for lease in fleet.store.vitals.dump(job.id).leases:
        if lease.worker == hand.name:
            return horse
    os.kill(horse, signal.SIGCONT)
    return None


def test_a_killed_redis_costs_no_unit(fleet: Fleet) -> None:
    """`hydra up` starts it again under load; Hydra's workers wait for it, stock ones may end."""
    fleet.worker("patient"), fleet.stock("stock")
    job = fleet.nap(5)
    fleet.wait_working(job, "patient", "stock")
    before = fleet.server_pid()
    os.kill(before, signal.SIGKILL)
    until(lambda: fleet.server_pid() != before, what="another server")
    assert slept(job)


def test_the_reaper_fills_the_queue_again(fleet: Fleet) -> None:
    job = fleet.nap(2)
    until(lambda: fleet.queue.waiting(), what="tasks of the submit")
    fleet.redis.delete(RQ_QUEUE)
    until(lambda: fleet.queue.waiting(), what="tasks of the reaper: nobody else is here")
    fleet.worker("w", HYDRA_SHIFT_SECONDS="1")
    fleet.wait_working(job, "w")
    fleet.redis.delete(RQ_QUEUE)
    assert slept(job)


def test_one_task_ten_times_is_harmless(fleet: Fleet) -> None:
    """The very same RQ job, and the same words as other jobs."""
    job = fleet.nap(2)
    until(lambda: fleet.queue.waiting(), what="tasks of the submit")
    task = fleet.redis.lindex(RQ_QUEUE, 0)
    fleet.redis.rpush(RQ_QUEUE, *[task] * 9)
    fleet.queue.enqueue([(job.id, 1)] * 10)
    fleet.stock("one", HYDRA_SHIFT_SECONDS="1")
    fleet.stock("other", HYDRA_SHIFT_SECONDS="1")
    assert slept(job)


def test_another_edition_of_the_kernel_gets_no_work(fleet: Fleet) -> None:
    """Editions never meet in one sum: such a worker idles until the job is for it."""
    job = fleet.nap(2)
    other = fleet.worker("other", start=other_edition(NAP), HYDRA_SHIFT_SECONDS="0.5")
    until(lambda: fleet.ended_tasks(other), what="the other edition has worked a shift")
    assert job.progress() == 0
    fleet.worker("same")
    assert slept(job)
    assert "other takes" not in fleet.told(job)


def test_a_cancelled_job_frees_its_workers(fleet: Fleet) -> None:
    """Each is at work on what is left to do long before it would have been done."""
    doomed = fleet.nap(600)
    fleet.worker("one"), fleet.worker("two")
    fleet.wait_working(doomed, "one", "two")
    other = fleet.nap(4)
    doomed.cancel("changed my mind")
    cancelled = fleet.entry(doomed, "cancelled", "changed my mind")
    for name in ("one", "two"):
        fleet.entry(other, "claim", f"{name} ", after=cancelled["id"])
    assert slept(other)
