"""`hydra worker` and an outage of Redis: it waits, and hands in what it has computed meanwhile."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hydra.errors import Unavailable
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import over
from tests.e2e import nap
from tests.e2e.chaos.server import Server
from tests.e2e.fleet import NAP, Hand, children, clean_env, hydra, napping
from tests.plugin import plugin
from tests.waiting import until


@pytest.fixture
def server(tmp_path: Path, server_path: str) -> Iterator[Server]:
    """Each kind of server, which a test may end and start."""
    with ExitStack() as stack:
        server = Server(tmp_path, server_path, "always")
        stack.callback(server.close)
        yield server


@pytest.fixture
def worker(tmp_path: Path, server: Server) -> Iterator[Hand]:
    env = clean_env(
        REDIS_URL=server.url,
        HYDRA_WORKER_ID="patient",
        HYDRA_STATE_DIR=str(tmp_path / "state"),
        HYDRA_SHIFT_SECONDS="40",  # six times as long in `hydra worker`: longer than an outage
    )
    env["PYTHONPATH"] += os.pathsep + plugin(tmp_path, NAP)
    hand = Hand("patient", hydra("worker"), env, tmp_path / "worker.log")
    yield hand
    hand.kill()


@pytest.mark.parametrize("outage_s", [5, pytest.param(60, marks=pytest.mark.long)])
def test_what_was_computed_before_an_outage_counts(
    server: Server, worker: Hand, outage_s: int
) -> None:
    """The same work-horse under the same lease: nothing is computed again.

    A worker once ended when its heartbeat met the outage, and its work-horse was killed with it.
    """
    with server.client() as client:
        h = napping(over(client, Settings.read({})))
        job = submit(h, "nap", nap.lasting(600))
        until(lambda: h.store.views.job(job.id).done_units, within_s=20, what="it works")
        (lease,) = until(lambda: h.store.vitals.dump(job.id).leases, what="it holds a lease")
        horse = worker.horse()
        server.kill()
        time.sleep(outage_s)
        server.start()
        until(server.answers, what="the server is back")
        before = h.store.views.job(job.id).done_units
        until(
            lambda: h.store.views.job(job.id).done_units > before,
            within_s=20,
            what="something is handed in",
        )
        story = [f"{entry.verb} {entry.text}" for entry in h.store.views.story(job.id)]
    assert lease.worker == "patient"
    assert horse in children(worker.process.pid), worker.log.read_text()
    assert not any(line.startswith("expire") for line in story), story


def test_an_idle_worker_takes_work_again_after_refusals(server: Server, worker: Hand) -> None:
    """No memory, no answer, no server: RQ's own worker ends at one or the other."""
    with server.client() as client:
        h = napping(over(client, Settings.read({})))
        until(lambda: h.queue.workers(), within_s=20, what="it listens")
        client.config_set("maxmemory", 1)
        with pytest.raises(Unavailable):
            submit(h, "nap", nap.lasting(1))
        server.send(signal.SIGSTOP)
        time.sleep(1)
        server.send(signal.SIGCONT)
        server.kill()
        time.sleep(3)
        server.start()
        until(server.answers, what="the server is back")
        job = submit(h, "nap", nap.lasting(0.1))
        until(
            lambda: h.store.views.job(job.id).done_units,
            within_s=20,
            what=f"it works: {worker.log.read_text()}",
        )
    assert worker.process.poll() is None, worker.log.read_text()


def test_a_server_that_stands_still_expires_nobody(
    tmp_path: Path, server: Server, worker: Hand
) -> None:
    """Hydra time stands still with it: a lease of three seconds outlives five."""
    env = clean_env(REDIS_URL=server.url, HYDRA_STATE_DIR=str(tmp_path / "state"))
    reaper = Hand("reaper", hydra("reaper"), env, tmp_path / "reaper.log")
    try:
        with server.client() as client:
            h = napping(over(client, Settings.read({})))
            job = submit(h, "nap", nap.lasting(600))
            until(lambda: h.store.views.job(job.id).done_units, within_s=20, what="it works")
            server.send(signal.SIGSTOP)
            time.sleep(5)
            server.send(signal.SIGCONT)
            before = h.store.views.job(job.id).done_units
            until(
                lambda: h.store.views.job(job.id).done_units > before,
                within_s=20,
                what=f"something is handed in: {worker.log.read_text()}",
            )
            verbs = {entry.verb for entry in h.store.views.story(job.id)}
        assert reaper.process.poll() is None, reaper.log.read_text()
        assert "expire" not in verbs
    finally:
        reaper.kill()
