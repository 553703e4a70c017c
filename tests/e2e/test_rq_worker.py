"""Our RQ worker class: it runs our task and nothing else, and comes to an end when it is asked to.

Who can write to Redis can put anything into RQ's queue; a stock worker would run it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Callback, Queue, Retry
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry

from hydra.adapters.rq_queue import TASK
from hydra.kernels.builtin import mandelbrot, pi
from hydra.model import JobState, limits
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import over
from tests.e2e import nap
from tests.e2e.fleet import NAP, Hand, clean_env, hydra, loaded, napping, stock
from tests.heavy import HEAVY
from tests.plugin import plugin
from tests.waiting import until

FOR_EVER = 10**15
"""Points of pi that take hours anywhere."""

ENDED = {JobStatus.FINISHED, JobStatus.FAILED}

Start = Callable[..., Hand]


@pytest.fixture
def h(redis_client: redis.Redis) -> Hydra:
    return napping(over(redis_client, Settings.read({})))


@pytest.fixture
def start(tmp_path: Path, redis_url: str) -> Iterator[Start]:
    """Start a worker of the session's Redis; whatever is left of it at the end is killed.

    TRAP is the file that an intruder would touch, and `trap` a module that touches it.
    """
    (tmp_path / "trap.py").write_text(
        "import os, pathlib\npathlib.Path(os.environ['TRAP']).touch()\ndef call(*_): pass\n"
    )
    kernel = plugin(tmp_path, NAP)
    with ExitStack() as stack:

        def begin(words: list[str], **env: str) -> Hand:
            mine = clean_env(
                REDIS_URL=redis_url,
                TRAP=str(tmp_path / "touched"),
                HYDRA_STATE_DIR=str(tmp_path / "state"),
                **env,
            )
            mine["PYTHONPATH"] += f"{os.pathsep}{tmp_path}{os.pathsep}{kernel}"
            hand = Hand("w", words, mine, tmp_path / "w.log")
            stack.callback(hand.kill)
            return hand

        yield begin


class Touch:
    """Unpickled by a stock worker, this runs a command of its writer's choice."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def another_function(queue: Queue, path: Path) -> Job:
    return queue.enqueue("os.system", f"touch {path}")


def a_class_in_the_pickle(queue: Queue, path: Path) -> Job:
    return queue.enqueue(TASK, Touch(path), 0)


def a_class_in_the_notes(queue: Queue, path: Path) -> Job:
    return queue.enqueue("os.system", meta={"note": Touch(path)})


def no_pickle_at_all(queue: Queue, path: Path) -> Job:
    job = queue.enqueue("os.system", f"touch {path}")
    queue.connection.hset(job.key, "data", b"\xff\x00 nothing")
    return job


def retries(queue: Queue, path: Path) -> Job:
    return queue.enqueue("os.system", f"touch {path}", retry=Retry(max=3))


def a_callback_of_its_failure(queue: Queue, path: Path) -> Job:
    return queue.enqueue("trap.call", on_failure=Callback("trap.call"))


def a_callback_of_an_abandoned_task(queue: Queue, path: Path) -> Job:
    """RQ's housekeeping calls it in the worker itself, before any task is taken."""
    job = Job.create(
        TASK,
        ("", 0),
        connection=queue.connection,
        origin=queue.name,
        on_failure=Callback("trap.call"),
    )
    job.save()
    queue.connection.zadd(StartedJobRegistry(queue=queue).key, {f"{job.id}:gone": 1})
    return job


def a_callback_of_our_task(queue: Queue, path: Path) -> Job:
    return queue.enqueue(TASK, "", 0, on_success=Callback("trap.call"))


INTRUSIONS = [
    another_function,
    a_class_in_the_pickle,
    a_class_in_the_notes,
    no_pickle_at_all,
    retries,
    a_callback_of_its_failure,
    a_callback_of_an_abandoned_task,
    a_callback_of_our_task,
]


def test_nothing_but_our_task_runs(h: Hydra, start: Start, tmp_path: Path, redis_url: str) -> None:
    """All intrusions at once; after them the worker still does its work.

    Callbacks once ran: RQ calls what the record names, the abandoned task's in the worker itself.
    """
    touched = tmp_path / "touched"
    with redis.Redis.from_url(redis_url) as client:
        queue = Queue(limits.QUEUE, connection=client)
        tasks = [intrude(queue, touched) for intrude in INTRUSIONS]
        worker = start(hydra("worker"), HYDRA_SHIFT_SECONDS="0.2")
        until(
            lambda: {task.get_status() for task in tasks} <= ENDED,
            within_s=20,
            what="every intrusion has ended",
        )
        ends = [task.get_status() for task in tasks]
    assert [end is JobStatus.FINISHED for end in ends] == [False] * 7 + [True], ends
    params = nap.lasting(0.2)
    job = submit(h, "nap", params)
    until(lambda: h.store.views.job(job.id).state is JobState.DONE, within_s=20)
    assert h.store.views.answer(job.id) == nap.answer(params)
    assert not touched.exists(), worker.log.read_text()
    assert worker.process.poll() is None, "it has not even died of it"


@pytest.mark.parametrize("cores", [1, 2])
def test_a_busy_worker_ends_at_once_and_in_order(
    h: Hydra, start: Start, redis_url: str, cores: int
) -> None:
    """What it has computed counts, the rest goes back for anyone, and the story says so.

    Its shift and its job would last for minutes.
    """
    worker = start(
        hydra("worker", "--cores", str(cores)), HYDRA_WORKER_ID="leaver", HYDRA_SHIFT_SECONDS="240"
    )
    job = submit(h, "nap", nap.lasting(600))
    until(lambda: h.store.views.job(job.id).leases == cores, within_s=20, what="all are at work")
    until(lambda: h.store.views.job(job.id).done_units, what="something is handed in")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(20) == 0
    after = h.store.views.job(job.id)
    assert (after.state, after.leases) == (JobState.RUNNING, 0)
    assert after.done_units + after.unassigned_units == after.spec.total_units
    story = [f"{entry.verb} {entry.text}" for entry in h.store.views.story(job.id)]
    assert any(line.startswith("return leaver") and "the shift ends" in line for line in story)
    assert not any(line.startswith("expire") for line in story), story


@pytest.mark.parametrize("ours", [True, False])
def test_a_cancelled_tile_of_minutes_does_not_hold_its_worker(
    h: Hydra, start: Start, redis_url: str, ours: bool
) -> None:
    """It computes something else within seconds."""
    if mandelbrot.BACKEND == "numpy":
        pytest.skip("needs the compiled kernel")
    start(hydra("worker") if ours else stock(redis_url))
    kernel, given, _ = HEAVY["mandelbrot, one tile"]
    heavy = submit(h, kernel, given)
    until(lambda: h.store.views.job(heavy.id).leases, within_s=20, what="the tile is begun")
    cancel(h, heavy.id)
    light = submit(h, "nap", nap.lasting(0.2))
    until(lambda: h.store.views.job(light.id).state is JobState.DONE, within_s=20)


def test_a_stock_work_horse_computes_without_numpy(h: Hydra, start: Start, redis_url: str) -> None:
    """It is forked for every task, and importing NumPy would cost each a tenth of a second."""
    if pi.BACKEND == "numpy":
        pytest.skip("needs the compiled kernel")
    worker = start(stock(redis_url))
    job = submit(h, "pi", {"samples": FOR_EVER})
    until(lambda: h.store.views.job(job.id).done_units, within_s=20, what="something is handed in")
    libraries = loaded(worker.horse())
    assert "kernels/native/pi." in libraries
    assert "numpy" not in libraries


TELLS_IMPORTS = """
import os, sys
def tell(event, names):
    if event == "import":
        with open(os.environ["IMPORTED"], "a") as out:
            print(names[0], file=out)
os.register_at_fork(after_in_child=lambda: sys.addaudithook(tell))
"""
"""Put into a process's start, each of its forks writes down what it imports."""


def test_a_work_horse_finds_everything_imported(start: Start, h: Hydra, tmp_path: Path) -> None:
    """It once imported the store in every shift: tens of milliseconds, more on a small machine."""
    (tmp_path / "sitecustomize.py").write_text(TELLS_IMPORTS)
    told = tmp_path / "imported"
    told.touch()
    start(hydra("worker"), IMPORTED=str(told))
    job = submit(h, "pi", {"samples": 10**8})
    until(lambda: h.store.views.job(job.id).state is JobState.DONE, within_s=60, what="the answer")
    assert told.read_text() == ""
