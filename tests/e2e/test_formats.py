"""Records of another version: older ones are brought up to date, newer ones are refused."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from hydra.clock import SystemClock
from hydra.errors import StoreUnsafe
from hydra.kernels import load
from hydra.model import JobState, Span
from hydra.model.invariants import violations
from hydra.model.messages import Hint
from hydra.server.connection import connect
from hydra.services.reap import reap
from hydra.settings import Settings
from hydra.store.redis import format, keys, redis_store
from hydra.wiring import live
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests import stores
from tests.e2e.conftest import Start
from tests.waiting import until

STATES = Path(__file__).with_name("states")


def test_a_folder_of_hydra_0_1_opens_and_its_jobs_end_with_the_same_bits(
    start_server: Start, state_dir: Path
) -> None:
    """Made by states/make_format_1.py: two jobs with a part done, a part lost and a part lent."""
    state_dir.mkdir(mode=0o700)
    with tarfile.open(STATES / "format_1.tar.gz") as archive:
        archive.extractall(state_dir, filter="data")
    server = start_server()
    settings = Settings.read({}, redis_url=server.url, state_dir=str(state_dir), shift_seconds=1)
    h = live(settings)
    with connect(server.url) as client:
        assert client.get(keys.FORMAT) == b"2"
    jobs = [job for job in h.store.views.jobs(10) if job.state is JobState.RUNNING]
    assert sorted(job.spec.kernel for job in jobs) == ["mandelbrot", "pi"]
    for job in jobs:
        assert not violations(h.store.vitals.dump(job.id))
        assert 0 < job.done_units < job.spec.total_units
        assert "b lost units" in str([entry.text for entry in h.store.views.story(job.id)])
    worker = Worker(LocalPort(h), h.kernels(), h.clock, settings, session_here(h), lanes=OneThread)

    def ended() -> bool:
        reap(h)  # the lease of a worker that is gone runs out
        worker.shift(Hint())
        return all(h.store.views.job(job.id).state is JobState.DONE for job in jobs)

    until(ended, within_s=60, what="both jobs are done")
    for job in jobs:
        kernel = load()[job.spec.kernel]
        whole = kernel.run(job.spec.params, Span(0, job.spec.total_units))
        right = kernel.finish(job.spec.params, whole)
        found = h.store.views.answer(job.id)
        for name, value in right.items():
            if isinstance(value, bytes):
                assert h.store.views.file(job.id, name) == value
            else:
                assert found[name] == value


@pytest.fixture
def empty(redis_client: redis.Redis) -> redis.Redis:
    """A server whose data has a generation, and no stamp: as Hydra 0.1 leaves it."""
    redis_client.set(keys.GENERATION, "g")
    return redis_client


@pytest.mark.parametrize(
    ("stamp", "why"),
    [
        ("3", "format 3 and this Hydra writes format 2; this Hydra is older: upgrade it"),
        (None, "format 1 and this Hydra writes format 2; its scheduler is older"),
    ],
)
def test_a_caller_of_another_format_is_refused_and_changes_nothing(
    empty: redis.Redis, stamp: str | None, why: str
) -> None:
    if stamp:
        empty.set(keys.FORMAT, stamp)
    store = redis_store(empty, stores.counter())
    before = empty.keys()
    for call in (
        lambda: store.verbs.enlist(stores.session("a")),
        lambda: store.verbs.submit("j", stores.sums_spec(3)),
        store.verbs.tick,
        lambda: format.require(empty),
    ):
        with pytest.raises(StoreUnsafe, match=why):
            call()
    assert empty.keys() == before


def test_a_newer_store_is_refused_by_the_scheduler(
    empty: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    empty.set(keys.FORMAT, "3")
    settings = Settings.read({}, redis_url=redis_url, state_dir=str(tmp_path), fsync="everysec")
    with pytest.raises(StoreUnsafe, match="upgrade it"):
        live(settings)


def test_one_start_migrates_and_the_others_wait(
    empty: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.hset(keys.session("s"), "worker", "w")
    empty.hset(keys.worker("w"), mapping={"host": "h", "doing": "w takes units 0..3: why"})
    ran: list[int] = []
    step = format.STEPS[1]
    together = threading.Barrier(3)

    def slowly(client: redis.Redis, still_mine: Callable[[], object]) -> None:
        ran.append(1)
        assert client.get(keys.FORMAT) == b"1+"
        step(client, still_mine)

    monkeypatch.setitem(format.STEPS, 1, slowly)

    def start() -> None:
        with connect(redis_url) as client:
            together.wait()
            format.ensure(client)

    starts = [threading.Thread(target=start) for _ in range(3)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert ran == [1]
    assert empty.get(keys.FORMAT) == b"2"
    assert empty.exists(keys.session("s"), keys.MIGRATING) == 0
    assert empty.hgetall(keys.worker("w")) == {b"host": b"h"}


def test_a_migration_that_was_killed_is_started_again(empty: redis.Redis) -> None:
    empty.set(keys.MIGRATING, "somebody who is gone", px=200)
    format.ensure(empty)
    assert empty.get(keys.FORMAT) == b"2"


def test_an_empty_store_is_stamped(redis_client: redis.Redis) -> None:
    format.ensure(redis_client)
    format.require(redis_client)
    assert redis_client.get(keys.FORMAT) == b"2"


def test_a_migration_that_was_killed_halfway_is_seen_as_that(empty: redis.Redis) -> None:
    empty.set(keys.FORMAT, "1+")
    with pytest.raises(StoreUnsafe, match="changing them now"):
        format.require(empty)
    store = redis_store(empty, SystemClock().new_id)
    with pytest.raises(StoreUnsafe, match="changing them now"):
        store.verbs.enlist(stores.session("a"))
    format.ensure(empty)
    store.verbs.enlist(stores.session("a"))


def test_a_start_that_lost_its_lock_writes_nothing_more(
    empty: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept so long that another start migrated; a session of the new format has begun."""
    empty.set(keys.CLOCK, "format 1 has one")
    step, slept = format.STEPS[1], []

    def sleep_and_go_on(client: redis.Redis, still_mine: Callable[[], object]) -> None:
        if not slept:
            slept.append(True)
            empty.delete(keys.MIGRATING)
            format.ensure(empty)
            empty.hset(keys.session("new"), "worker", "w")
        step(client, still_mine)

    monkeypatch.setitem(format.STEPS, 1, sleep_and_go_on)
    format.ensure(empty)
    assert slept
    assert empty.get(keys.FORMAT) == b"2"
    assert empty.exists(keys.session("new"))
