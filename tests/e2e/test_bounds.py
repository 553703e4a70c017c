"""Nothing grows with what was done: keys and memory of Redis, processes, threads, descriptors."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from hydra.client import Handle
from hydra.model import FINAL, Rest, Span
from hydra.model.limits import HISTORY_PLACES, STORY_ENTRIES_MAX, TIMELINE_CHUNKS_MAX
from hydra.model.messages import Grant
from hydra.ports import Store
from hydra.server.connection import connect
from hydra.store.redis import keys, redis_store
from tests import stores
from tests.e2e.conftest import Start
from tests.e2e.fleet import Fleet
from tests.waiting import until

NODE_ENTRIES = 100
"""Redis trims a stream by whole nodes of this size."""

SEQ = itertools.count(1)
"""One worker's calls, over all jobs."""

RATE = keys.rate(stores.sums_spec(1).version, stores.session("w").host).encode()

MEMORY_SLACK = 1 << 20
"""What the allocator may keep, and the server's own tables."""


@pytest.fixture
def client(start_server: Start) -> Iterator[redis.Redis]:
    with connect(start_server().url) as client:
        client.config_set("appendfsync", "no")
        yield client


def work(store: Store, job: str, chunks: int) -> None:
    """Do a job as one worker, a unit a chunk."""
    spec, session = stores.sums_spec(chunks), stores.session("w")
    store.verbs.submit(job, spec)
    store.verbs.enlist(session)
    grant: Grant | None = store.verbs.claim(session, next(SEQ), job, stores.ask(1))
    while grant:
        span = Span(grant.span.start, grant.span.start + 1)
        store.verbs.complete(session, next(SEQ), stores.hand_in(spec, job, grant.token, span))
        grant = store.verbs.claim(session, next(SEQ), job, stores.ask(1))
    reduction = store.verbs.reduce(session, job)
    assert reduction
    right = sum(map(stores.value_of, range(chunks)))
    assert reduction.sums == {"value": right}
    store.verbs.finish(job, reduction.token, {"value": right})


def settled(client: redis.Redis) -> tuple[set[bytes], int]:
    """The keys that are there but for the host's rate, and the bytes that the server uses.

    The rate is of the machine, not of a job, and is known once a unit took measurable time.
    """
    client.execute_command("MEMORY PURGE")
    found = set(client.scan_iter(count=1000)) - {RATE}
    return found, int(client.info("memory")["used_memory"])


@pytest.mark.parametrize("chunks", [1_500, pytest.param(100_000, marks=pytest.mark.long)])
def test_redis_is_as_before_once_a_job_is_forgotten(client: redis.Redis, chunks: int) -> None:
    keep_ms = 500
    store = redis_store(client, stores.counter(), keep_ms=keep_ms)
    work(store, "warm-up", 50)
    until(lambda: not client.exists(keys.job("warm-up")), what="a job is forgotten")
    until(lambda: store.verbs.tick() and not client.exists(keys.JOBS), what="it leaves the lists")
    before, before_bytes = settled(client)

    patient = redis_store(client, stores.counter(), keep_ms=60_000)
    work(patient, "kept", chunks)
    bounds = {
        keys.story("kept"): (client.xlen, STORY_ENTRIES_MAX + NODE_ENTRIES),
        keys.timeline("kept"): (client.xlen, TIMELINE_CHUNKS_MAX + NODE_ENTRIES),
        keys.history("kept"): (client.hlen, HISTORY_PLACES + 1),
        keys.sums("kept"): (client.hlen, 1),
        keys.job("kept"): (client.hlen, 32),
        keys.answer("kept"): (client.strlen, 64),
    }
    found = set(client.scan_iter()) - before - {keys.JOBS.encode(), keys.ENDED.encode(), RATE}
    assert {key.decode() for key in found} == set(bounds)
    for key, (length, bound) in bounds.items():
        assert 0 < length(key) <= bound, key
    for key in found:
        client.pexpire(key, 1)
    until(lambda: not client.exists(*found), what="the kept job is forgotten")
    until(lambda: store.verbs.tick() and not client.exists(keys.JOBS), what="it leaves the lists")
    after, after_bytes = settled(client)
    assert after == before
    assert after_bytes <= before_bytes + MEMORY_SLACK


def test_every_key_that_outlives_its_job_has_an_end(client: redis.Redis) -> None:
    """What is not of fixed number expires by itself, whoever dies."""
    store = redis_store(client, stores.counter())
    spec = stores.sums_spec(10)
    for number in range(3):
        store.verbs.submit(f"j{number}", spec, key=f"key {number}")
        session = stores.session(f"w{number}")
        store.verbs.enlist(session)
        grant = store.verbs.claim(session, 1, f"j{number}", stores.ask(4))
        assert grant
        time.sleep(0.01)  # a rate takes a moment to be known
        store.verbs.complete(
            session, 2, stores.hand_in(spec, f"j{number}", grant.token, grant.span, Rest.RETURN)
        )
        store.verbs.cancel(f"j{number}")
    fixed = {name for name in vars(keys) if name.isupper()}
    lasting = {key.decode() for key in client.scan_iter() if client.ttl(key) < 0}
    assert lasting <= {getattr(keys, name) for name in fixed}, "nobody ends these"
    expiring = {key.decode().split(":")[1] for key in client.scan_iter()} - {"job"}
    assert {"session", "worker", "key", "rate"} <= expiring


class Process:
    """What a process holds, read from /proc."""

    def __init__(self, pid: int) -> None:
        self.place = Path(f"/proc/{pid}")

    def holds(self) -> dict[str, int]:
        """Threads, descriptors and resident bytes."""
        status = dict(
            line.split(":", 1)
            for line in (self.place / "status").read_text().split("\n")
            if ":" in line
        )
        return {
            "threads": int(status["Threads"]),
            "descriptors": len(list((self.place / "fd").iterdir())),
            "bytes": int(status["VmRSS"].split()[0]) << 10,
        }


def run_jobs(fleet: Fleet, count: int) -> None:
    """Small jobs one after another, each watched by viewers that come and go."""
    import http.client

    for number in range(count):
        job: Handle = fleet.client.submit("pi", samples=10**6 + number, seed=number)
        viewers = []
        for _ in range(3):
            viewer = http.client.HTTPConnection(fleet.url.removeprefix("http://"), timeout=10)
            viewer.request("GET", f"/api/v1/jobs/{job.id}/events")
            viewer.getresponse().readline()
            viewers.append(viewer)
        job.result(60)
        fleet.client.jobs(5)
        for viewer in viewers:
            viewer.close()


def test_processes_hold_no_more_after_many_jobs(tmp_path: Path) -> None:
    """Scheduler, reaper and worker, after jobs and viewers that came and went."""
    fleet = Fleet(tmp_path, workers=1, HYDRA_SHIFT_SECONDS="1")
    try:
        run_jobs(fleet, 25)
        names = ("scheduler", "reaper", "worker")
        watched = {name: Process(fleet.part_of(name)) for name in names}
        quiet = {name: process.holds() for name, process in watched.items()}
        number = len(fleet.family())
        run_jobs(fleet, 100)
        for name, process in watched.items():

            def within(process: Process = process, name: str = name) -> bool:
                now, then = process.holds(), quiet[name]
                return (
                    now["threads"] <= then["threads"] + 3
                    and now["descriptors"] <= then["descriptors"] + 3
                )

            until(within, within_s=30, what=f"{name}: {quiet[name]} -> {process.holds()}")
            grown = process.holds()["bytes"] - quiet[name]["bytes"]
            assert grown < 6 << 20, f"{name} grew by {grown} bytes in a hundred jobs"
        until(lambda: len(fleet.family()) <= number, what="no process more than before")
        assert all(job.state in {state.value for state in FINAL} for job in fleet.client.jobs(200))
        check_rq_keys(fleet.redis)
    finally:
        fleet.close()


def check_rq_keys(client: redis.Redis) -> None:
    """RQ keeps no record of a task for good, but of those that wait and the one that runs."""
    lasting = [key for key in client.scan_iter("rq:job:*") if client.ttl(key) < 0]
    assert len(lasting) <= client.llen("rq:queue:hydra") + 1
