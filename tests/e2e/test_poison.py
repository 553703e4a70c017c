"""A kernel that segfaults, loops, leaks or raises on one unit: its job fails by name, and only it.

Every way of failing ends the job after a bounded number of attempts, whoever works. Our worker says
at once that its work-horse has died; a stock one leaves that to the deadline of the lease.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import redis

from hydra.kernels import Kernel
from hydra.model import FINAL, JobState
from hydra.model.invariants import violations
from hydra.services import Hydra
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import over
from tests.e2e.fleet import Hand, clean_env, hydra, stock
from tests.waiting import until

KERNEL = Path(__file__).with_name("poison.py")

WORDS = {
    "segfault": "its process ended by SIGSEGV",
    "loop": "one kernel call took longer than 1 s",
    "leak": "MemoryError",
    "raise": "ValueError: bad unit",
}

LIMITS = {
    "HYDRA_BEAT_SECONDS": "0.3",
    "HYDRA_CALL_SECONDS": "1",
    "HYDRA_FSYNC": "everysec",
    "HYDRA_POLL_SECONDS": "0.05",
    "HYDRA_REAP_SECONDS": "0.1",
    "HYDRA_SHIFT_SECONDS": "2",
    "HYDRA_WORKER_BYTES_MAX": str(256 << 20),
}


def poison() -> Kernel:
    spec = importlib.util.spec_from_file_location("poison", KERNEL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Kernel.of(module)


@pytest.fixture
def h(redis_client: redis.Redis) -> Hydra:
    found = {"poison": poison()}
    return replace(over(redis_client, Settings.read({})), kernels=lambda: found)


@pytest.fixture
def start(tmp_path: Path, redis_url: str) -> Iterator[Callable[..., Hand]]:
    """Start a process that has the kernel; it is killed at the end."""
    (tmp_path / "poison.py").write_text(KERNEL.read_text())
    info = tmp_path / "poison-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[hydra.kernels]\npoison = poison\n")
    env = clean_env(REDIS_URL=redis_url, HYDRA_STATE_DIR=str(tmp_path / "state"), **LIMITS)
    env["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    with ExitStack() as stack:

        def begin(name: str, words: list[str]) -> Hand:
            hand = Hand(name, words, env, tmp_path / f"{name}.log")
            stack.callback(hand.kill)
            return hand

        begin("reaper", hydra("reaper"))
        yield begin


def fails_alone(h: Hydra, how: str, units: int, within_s: float) -> str:
    """Submit a job that fails and one that does not; why the first failed."""
    bad = submit(h, "poison", {"how": how, "units": units}).id
    good = submit(h, "poison", {"how": "not", "units": 100}).id
    try:
        until(lambda: h.store.views.job(bad).state in FINAL, within_s=within_s)
    except AssertionError as error:
        error.add_note("\n".join(f"{e.verb} {e.text}" for e in h.store.views.story(bad)))
        raise
    until(lambda: h.store.views.job(good).state in FINAL, within_s=20, what="the other job ends")
    assert h.store.views.answer(good) == {"value": 100}
    assert h.store.views.job(bad).state is JobState.FAILED
    assert violations(h.store.vitals.dump(bad)) == violations(h.store.vitals.dump(good)) == []
    return h.store.views.job(bad).reason


@pytest.mark.parametrize("how", WORDS)
def test_our_worker_names_the_unit(h: Hydra, start: Callable[..., Hand], how: str) -> None:
    start("ours", hydra("worker"))
    reason = fails_alone(h, how, 40, within_s=40)
    assert reason.startswith("unit 23 was lost ")
    assert reason.endswith(WORDS[how])


def test_an_answer_that_kills_three_workers_is_given_up_in_seconds(
    h: Hydra, start: Callable[..., Hand]
) -> None:
    """Each was waited for a minute, although it was seen to die."""
    start("ours", hydra("worker"))
    reason = fails_alone(h, "finish by segfault", 40, within_s=40)
    assert reason == "the reduction was lost 3 times"


@pytest.mark.long
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("loop", "the reduction was lost 3 times"),
        ("leak", "the reduction was given back 20 times: MemoryError"),
    ],
)
def test_an_answer_that_ends_in_no_time_or_memory_is_given_up(
    h: Hydra, start: Callable[..., Hand], how: str, why: str
) -> None:
    start("ours", hydra("worker"))
    assert fails_alone(h, f"finish by {how}", 40, within_s=120) == why


@pytest.mark.parametrize(
    "how",
    ["raise", "loop", "leak"],
)
def test_a_stock_worker_names_it_too(
    h: Hydra, start: Callable[..., Hand], redis_url: str, how: str
) -> None:
    start("stock", stock(redis_url))
    assert fails_alone(h, how, 40, within_s=60).endswith(WORDS[how])


@pytest.mark.long
def test_a_stock_work_horse_that_segfaults_is_left_to_the_deadline(
    h: Hydra, start: Callable[..., Hand], redis_url: str
) -> None:
    """Five leases of one unit, each twice as long as the one before."""
    start("stock", stock(redis_url))
    reason = fails_alone(h, "segfault", 1, within_s=120)
    assert reason == "unit 0 was lost 5 times: no heartbeat before the deadline"


def test_a_worker_that_ends_is_no_longer_live(h: Hydra, start: Callable[..., Hand]) -> None:
    """Sizes are right at once, not when it has been silent for long enough."""
    leaver = start("leaver", hydra("worker"))
    job = submit(h, "poison", {"units": 100}).id
    until(lambda: h.store.views.job(job).state in FINAL, within_s=20, what="it works")
    assert h.store.views.live_workers() == 1
    leaver.process.terminate()
    assert leaver.process.wait(20) == 0
    assert h.store.views.live_workers() == 0
