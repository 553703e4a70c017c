"""Each peer as a context that runs two workers and gives a function sending them spans.

Settings are the peers' own defaults unless the row's name says otherwise.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

from benchmarks import traced_pi
from benchmarks.bed import Bed, children, script
from hydra.kernels.builtin import pi

WORKERS = 2

Words = tuple[int, int, int, int]
"""Samples, seed, start, stop."""

Send = Callable[[Sequence[Words]], Any]
"""Hands all spans over at once; need not wait. What it returns is kept until the run ends."""


@dataclass(frozen=True)
class Peer:
    """A system to compare with."""

    name: str
    open: Callable[[Bed], Any]
    """A context manager that gives a Send."""
    forks: bool = False
    """Whether each task runs in a fresh process of the worker."""
    sliced: bool = False
    """Whether one chunk takes several calls of the kernel."""


@contextmanager
def rq_plain(bed: Bed) -> Iterator[Send]:
    """One RQ job a span, calling the kernel; stock workers."""
    from rq import Queue

    commands = [script("rq", "worker", "bench", "--quiet", "--url", bed.tcp_url)] * WORKERS
    with (
        children(commands, bed.env, bed.folder / "log"),
        redis.Redis.from_url(bed.tcp_url) as client,
    ):
        queue = Queue("bench", connection=client)

        def send(spans: Sequence[Words]) -> None:
            queue.enqueue_many(
                [Queue.prepare_data(traced_pi.call, args=words, result_ttl=60) for words in spans]
            )

        yield send


@contextmanager
def celery(bed: Bed, how: str) -> Iterator[Send]:
    """One celery task a span, prefork."""
    env = {**bed.env, "BENCH_CELERY": how}
    command = script(
        "celery", "-A", "benchmarks.peer_celery", "worker", "-c", str(WORKERS), "-l", "ERROR"
    )
    os.environ["REDIS_URL"], os.environ["BENCH_CELERY"] = bed.tcp_url, how
    peer = _fresh("benchmarks.peer_celery")
    with children([command], env, bed.folder / "log"):
        yield lambda spans: [peer.call.delay(*words) for words in spans]
    peer.app.close()


@contextmanager
def dramatiq(bed: Bed) -> Iterator[Send]:
    """One dramatiq message a span."""
    os.environ["REDIS_URL"] = bed.tcp_url
    peer = _fresh("benchmarks.peer_dramatiq")
    command = script("dramatiq", "benchmarks.peer_dramatiq", "-p", str(WORKERS), "-t", "1")
    with children([command], bed.env, bed.folder / "log"):
        yield lambda spans: [peer.call.send(*words) for words in spans]


@contextmanager
def huey(bed: Bed) -> Iterator[Send]:
    """One huey task a span."""
    os.environ["REDIS_URL"] = bed.tcp_url
    peer = _fresh("benchmarks.peer_huey")
    command = script(
        "huey_consumer", "benchmarks.peer_huey.huey", "-k", "process", "-w", str(WORKERS), "-q"
    )
    with children([command], bed.env, bed.folder / "log"):
        yield lambda spans: [peer.call(*words) for words in spans]


@contextmanager
def dask(bed: Bed) -> Iterator[Send]:
    """One dask task a span, on a local cluster of processes."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(bed.folder),
        ) as cluster,
        Client(cluster) as client,
    ):
        yield lambda spans: client.map(traced_pi.call, *zip(*spans, strict=True), pure=False)


@contextmanager
def pool(bed: Bed) -> Iterator[Send]:
    """One item a span, in a pool of the standard library."""
    with multiprocessing.Pool(WORKERS) as workers:
        yield lambda spans: workers.starmap(traced_pi.call, spans, chunksize=1)


@contextmanager
def executor(bed: Bed) -> Iterator[Send]:
    """One call a span, in the standard library's executor."""
    with ProcessPoolExecutor(WORKERS) as workers:
        yield lambda spans: list(workers.map(traced_pi.call, *zip(*spans, strict=True)))


def _fresh(module: str) -> Any:
    """The module, read again: it looks at the environment when it is imported."""
    sys.modules.pop(module, None)
    return importlib.import_module(module)


PEERS = (
    Peer("RQ, one job a span", rq_plain, forks=True),
    Peer("celery, acks early, ignore_result", lambda bed: celery(bed, "early")),
    Peer("celery, acks_late, prefetch 1, ignore_result", lambda bed: celery(bed, "late")),
    Peer("celery, acks early, results kept", lambda bed: celery(bed, "results")),
    Peer("dramatiq -p 2 -t 1", dramatiq),
    Peer("huey -k process -w 2", huey),
    Peer("dask LocalCluster 2x1", dask),
    Peer("multiprocessing.Pool(2)", pool),
    Peer("ProcessPoolExecutor(2)", executor),
)

UNIT_POINTS = pi.UNIT_POINTS
