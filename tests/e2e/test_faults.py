"""Whatever dies, stalls, repeats or vanishes: the answer is exact, and the work goes on in time."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from hydra.client import Handle
from hydra.model.limits import QUEUE
from hydra.store.redis import keys
from tests.e2e.fleet import (
    LOST_WITHIN_S,
    OTHER_EDITION,
    Fleet,
    Hand,
    at_s,
    points_lasting,
    right,
)
from tests.waiting import until

CHUNK_S = 1.5
"""How long a worker may be busy with its chunk before it takes another, at a target of 1 s."""

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


def test_a_lost_host_is_made_up_for_in_seconds(fleet: Fleet) -> None:
    """Worker and work-horse die amid a chunk; what they held is computed by the one that lives."""
    points = points_lasting(6)
    lost, _ = fleet.stock("lost"), fleet.stock("living")
    job = fleet.submit(points)
    fleet.wait_working(job, "lost", "living")
    killed_s = fleet.now_s()
    lost.kill()
    expired = fleet.entry(job, "expire", "lost ")
    assert at_s(expired) - killed_s < LOST_WITHIN_S, fleet.told(job)
    assert right(job.result(60), points)
    start, _ = units_of(expired)
    taken = next(
        entry
        for entry in job.story(expired["id"])
        if entry["verb"] == "claim" and units_of(entry)[0] <= start < units_of(entry)[1]
    )
    assert taken["text"].startswith("living ")
    assert at_s(taken) - killed_s < LOST_WITHIN_S + 2 * CHUNK_S, fleet.told(job)


def test_a_late_hand_in_is_refused(fleet: Fleet) -> None:
    """A work-horse sleeps through its lease, as a laptop does; what it then brings is stale.

    Its shift is over by then, so that the refusal stays the last word of its session.
    """
    points = points_lasting(10)
    sleeper = fleet.stock("sleeper", HYDRA_SHIFT_SECONDS="2")
    fleet.stock("awake")
    job = fleet.submit(points)
    fleet.wait_working(job, "awake")
    horse, session = until(lambda: asleep(fleet, job, sleeper), what="asleep with a lease")
    expired = fleet.entry(job, "expire", "sleeper ")
    fleet.entry(job, "claim", "awake ", after=expired["id"])
    os.kill(horse, signal.SIGCONT)
    record = keys.session(session)
    until(
        lambda: (fleet.redis.hget(record, "reply") or b"").startswith(b"stale"),
        what="the late hand-in is refused",
    )
    until(lambda: "hand-in refused verdict=stale" in sleeper.log.read_text(), what="it says so")
    assert right(job.result(60), points)


def asleep(fleet: Fleet, job: Handle, hand: Hand) -> tuple[int, str] | None:
    """Stop the work-horse amid a chunk: its id and session. If it held none it goes on."""
    horse = hand.horse()
    os.kill(horse, signal.SIGSTOP)
    for lease in fleet.store.vitals.dump(job.id).leases:
        if lease.worker == hand.name:
            return horse, lease.session
    os.kill(horse, signal.SIGCONT)
    return None


def test_a_killed_redis_costs_no_unit(fleet: Fleet) -> None:
    """`hydra up` starts it again under load; Hydra's workers wait for it, stock ones may end."""
    points = points_lasting(5)
    fleet.worker("patient"), fleet.stock("stock")
    job = fleet.submit(points)
    fleet.wait_working(job, "patient", "stock")
    before = fleet.server_pid()
    os.kill(before, signal.SIGKILL)
    until(lambda: fleet.server_pid() != before, what="another server")
    assert right(job.result(60), points)


def test_the_reaper_fills_the_queue_again(fleet: Fleet) -> None:
    job = fleet.submit(points_lasting(2))
    until(lambda: fleet.queue.waiting(), what="tasks of the submit")
    fleet.redis.delete(RQ_QUEUE)
    until(lambda: fleet.queue.waiting(), what="tasks of the reaper: nobody else is here")
    fleet.worker("w", HYDRA_SHIFT_SECONDS="1")
    fleet.wait_working(job, "w")
    fleet.redis.delete(RQ_QUEUE)
    assert right(job.result(60), points_lasting(2))


def test_one_task_ten_times_is_harmless(fleet: Fleet) -> None:
    """The very same RQ job, and the same words as other jobs."""
    points = points_lasting(2)
    job = fleet.submit(points)
    until(lambda: fleet.queue.waiting(), what="tasks of the submit")
    task = fleet.redis.lindex(RQ_QUEUE, 0)
    fleet.redis.rpush(RQ_QUEUE, *[task] * 9)
    fleet.queue.enqueue([(job.id, 1)] * 10)
    fleet.stock("one", HYDRA_SHIFT_SECONDS="1")
    fleet.stock("other", HYDRA_SHIFT_SECONDS="1")
    assert right(job.result(60), points)


def test_another_edition_of_the_kernel_gets_no_work(fleet: Fleet) -> None:
    """Editions never meet in one sum: such a worker idles until the job is for it."""
    points = points_lasting(2)
    job = fleet.submit(points)
    other = fleet.worker("other", start=OTHER_EDITION, HYDRA_SHIFT_SECONDS="0.5")
    until(lambda: fleet.ended_tasks(other), what="the other edition has worked a shift")
    assert job.progress() == 0
    fleet.worker("same")
    assert right(job.result(60), points)
    assert "other takes" not in fleet.told(job)


def test_a_cancelled_job_frees_its_workers(fleet: Fleet) -> None:
    """Within two seconds each is at work on what is left to do."""
    doomed = fleet.submit(points_lasting(60))
    fleet.worker("one"), fleet.worker("two")
    fleet.wait_working(doomed, "one", "two")
    points = points_lasting(4)
    other = fleet.submit(points)
    doomed.cancel("changed my mind")
    cancelled = fleet.entry(doomed, "cancelled", "changed my mind")
    for name in ("one", "two"):
        taken = fleet.entry(other, "claim", f"{name} ", after=cancelled["id"])
        assert at_s(taken) - at_s(cancelled) < 2, fleet.told(other)
    assert right(other.result(60), points)
