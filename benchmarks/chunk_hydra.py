"""Hydra's three ways of running chunks, each as a context like those of chunk_peers.

A Send submits one job of all the units: Hydra cuts its own chunks, by its settings.
"""

from __future__ import annotations

import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks import traced_pi
from benchmarks.bed import Bed, children, script
from benchmarks.chunk_peers import WORKERS, Send, Words
from hydra import wiring
from hydra.errors import Missing, Unavailable
from hydra.kernels import Kernel
from hydra.model import JobState
from hydra.model.messages import Hint
from hydra.server.connection import connect
from hydra.services import Hydra
from hydra.services.reap import reap
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import LocalPort, session_here
from hydra.work.worker import Worker

SHIFT_S = 240.0
ONE_CHUNK_SHIFT_S = 0.001
"""So short that a shift ends with its first slice, which is then the whole chunk."""

LEARN_S, LEARN_POINTS, LEARN_SEED = 1.0, 10**15, 999


def within_a_shift(bed: Bed, chunk_s: float, units: int) -> Iterator[Send]:
    """Two processes, each the worker's loop over the store, in one long shift."""
    over = {"HYDRA_SHIFT_SECONDS": str(SHIFT_S), **_sized(chunk_s, units)}
    return _fleet(bed, over, [sys.executable, "-m", "benchmarks.chunk_hydra"])


def stock_rq(bed: Bed, chunk_s: float, units: int) -> Iterator[Send]:
    """One RQ task a chunk, under `rq worker hydra`."""
    command = script("rq", "worker", "hydra", "--quiet", "--url", bed.tcp_url)
    return _fleet(bed, _one_task_a_chunk(chunk_s, units), command)


def own_rq(bed: Bed, chunk_s: float, units: int) -> Iterator[Send]:
    """One RQ task a chunk, under Hydra's own worker class."""
    code = (
        "from hydra.settings import Settings; from hydra.workers import rq_worker; "
        "rq_worker.main(Settings.read())"
    )
    return _fleet(bed, _one_task_a_chunk(chunk_s, units), [sys.executable, "-c", code])


def _sized(chunk_s: float, units: int) -> dict[str, str]:
    """The target asks for more than the largest chunk, so that chunks are equal to the end."""
    return {"HYDRA_TARGET_SECONDS": str(max(2.0, 2 * chunk_s)), "BENCH_CHUNK_UNITS": str(units)}


def _one_task_a_chunk(chunk_s: float, units: int) -> dict[str, str]:
    return {
        "HYDRA_SHIFT_SECONDS": str(ONE_CHUNK_SHIFT_S),
        "HYDRA_SLICE_SECONDS": str(2 * chunk_s),
        "HYDRA_REAP_SECONDS": "0.2",
        **_sized(chunk_s, units),
    }


def _fleet(bed: Bed, over: dict[str, str], command: Sequence[str]) -> Iterator[Send]:
    env = {**bed.env, **over}
    settings = Settings.read(
        {
            name: value
            for name, value in env.items()
            if name.startswith("HYDRA_") or name == "REDIS_URL"
        }
    )
    with connect(bed.tcp_url) as client:
        found = {"traced_pi": Kernel.of(traced_pi)}
        h = dataclasses.replace(wiring.over(client, settings), kernels=lambda: found)
        _learn_rate(h)
        with children([command] * WORKERS, env, bed.folder / "log"), _reaping(h):
            yield lambda spans: _submit(h, spans)


def _learn_rate(h: Hydra) -> None:
    """Let this machine's speed be known, as in a fleet that has worked before."""
    submit(h, "traced_pi", {"samples": LEARN_POINTS, "seed": LEARN_SEED})
    begun_s = h.clock.monotonic_s()
    usual = Settings.read({}, shift_seconds=SHIFT_S)
    session = session_here(h)
    worker = Worker(
        LocalPort(h),
        h.kernels(),
        h.clock,
        usual,
        session,
        stopping=lambda: h.clock.monotonic_s() - begun_s > LEARN_S,
    )
    worker.shift(Hint())
    for job in h.store.views.jobs(1):
        h.store.verbs.cancel(job.id)


def _submit(h: Hydra, spans: Sequence[Words]) -> int:
    """One job of all the spans' units; its hits."""
    samples, seed, _, _ = spans[0]
    job = submit(h, "traced_pi", {"samples": samples, "seed": seed}).id
    while h.store.views.job(job).state is not JobState.DONE:
        h.clock.sleep_s(0.02)
    return int(h.store.views.answer(job)["hits"])


@contextmanager
def _reaping(h: Hydra) -> Iterator[None]:
    done = threading.Event()

    def loop() -> None:
        while not done.wait(h.settings.reap_seconds):
            reap(h)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def main() -> None:
    """One worker of `within_a_shift`: works until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    settings = Settings.read()
    with connect(settings.redis_url, timeout_s=settings.beat_seconds) as client:
        h = wiring.over(client, settings)
        while not stop.is_set():
            worker = Worker(
                LocalPort(h), h.kernels(), h.clock, settings, session_here(h), stopping=stop.is_set
            )
            try:
                worker.shift(Hint())
            except (Missing, Unavailable):
                continue


if __name__ == "__main__":
    main()
