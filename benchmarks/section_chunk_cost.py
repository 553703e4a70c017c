"""What a chunk costs beyond its kernel, on two workers, in Hydra and in other systems.

All compute the same units of the same job with the same kernel, and the hits must agree. The gap
is the time from the end of one chunk's kernel to the start of the next one on the same worker.
`outside_cpu_us` is what the process with the kernel computes besides it, in all its threads, from
one chunk's start to the next one's. The Redis of all of them is the same, with its log on disk
before each reply.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from benchmarks import chunk_hydra, chunk_trace
from benchmarks.bed import Bed, fdatasync_ms, redis_bed
from benchmarks.chunk_peers import PEERS, UNIT_POINTS, WORKERS, Peer, Send, Words
from benchmarks.chunk_trace import Call, Gaps
from benchmarks.report import Rows
from benchmarks.timing import pi_units_s
from hydra.settings import Settings

SIZES = ((0.05, 50, 2), (2.0, 8, 1))
"""Chunk seconds, chunks a run, interleaved runs."""

WARM_TRIES = 5
SEED = 1000


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Every system in turn, again and again; medians of the runs."""
    units_s = pi_units_s()
    for chunk_s, chunks, usual in SIZES:
        units, hits = int(units_s * chunk_s), set()
        names = [peer.name for peer in _peers(chunk_s, units) if only.lower() in peer.name.lower()]
        runs: dict[str, list[Gaps]] = {}
        for _ in range(rounds or usual):
            for name in list(names):
                begun_s = time.perf_counter()
                try:
                    gaps, told = _run_apart(name, chunk_s, units, chunks)
                except Exception as error:  # a peer's own trouble is a remark, not our end
                    missing = isinstance(error, ImportError | FileNotFoundError)
                    rows.note(f"{name}: {'not installed' if missing else 'failed'} ({error!r})")
                    names.remove(name)
                    continue
                took_s = time.perf_counter() - begun_s
                print(f"  {took_s:5.1f} s  {chunk_s:g} s chunks, {name}", file=sys.stderr)
                hits.add(told)
                runs.setdefault(name, []).append(gaps)
        for name, found in runs.items():
            rows.add(
                f"Chunks of about {chunk_s:g} s, {chunks} of {units} units",
                system=name,
                **_medians(found),
            )
        rows.note(
            f"Chunks of {chunk_s:g} s: hits of all runs {sorted(hits)}"
            + ("" if len(hits) <= 1 else " DISAGREE")
        )
    rows.note(f"fdatasync of 1 KB here takes {fdatasync_ms():.2f} ms (median)")


def _run_apart(name: str, chunk_s: float, units: int, chunks: int) -> tuple[Gaps, int]:
    """One run in a process of its own: what one peer leaves behind must not meet the next."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as apart:
        return apart.submit(_run, name, chunk_s, units, chunks).result()


def _peers(chunk_s: float, units: int) -> list[Peer]:
    return [*_hydra(chunk_s, units), *PEERS]


def _hydra(chunk_s: float, units: int) -> list[Peer]:
    def way(open_: Callable[[Bed, float, int], Iterator[Send]]) -> Callable[[Bed], Any]:
        return contextmanager(lambda bed: open_(bed, chunk_s, units))

    sliced = chunk_s > Settings.read({}).slice_seconds
    return [
        Peer("Hydra, within a shift", way(chunk_hydra.within_a_shift), sliced=sliced),
        Peer("Hydra, one task a chunk, `rq worker hydra`", way(chunk_hydra.stock_rq), forks=True),
        Peer("Hydra, one task a chunk, `hydra worker`", way(chunk_hydra.own_rq), forks=True),
    ]


def _run(name: str, chunk_s: float, units: int, chunks: int) -> tuple[Gaps, int]:
    peer = next(peer for peer in _peers(chunk_s, units) if peer.name == name)

    def owner(call: Call) -> int:
        return call.parent if peer.forks else call.pid

    with redis_bed() as bed, chunk_trace.installed(bed.folder), peer.open(bed) as send:
        trace = bed.folder / "trace"
        for attempt in range(WARM_TRIES):  # until both workers have shown themselves
            seed = SEED + 1 + attempt
            kept = send(_spans(seed, 500, 16))
            if len({owner(call) for call in chunk_trace.wait_units(trace, seed, 8000)}) == WORKERS:
                break
        kept = send(_spans(SEED, units, chunks))
        found = chunk_trace.wait_units(trace, SEED, units * chunks)
        told = kept if isinstance(kept, int) else sum(call.hits for call in found)
        del kept  # celery's results talk to the server as they go
    return chunk_trace.gaps(found, owner, units if peer.sliced else 0), told


def _spans(seed: int, units: int, chunks: int) -> Sequence[Words]:
    samples = units * chunks * UNIT_POINTS
    return [(samples, seed, at, at + units) for at in range(0, units * chunks, units)]


def _medians(runs: Sequence[Gaps]) -> dict[str, Any]:
    def median(name: str) -> float:
        return statistics.median(getattr(run, name) for run in runs)

    return {
        "gap_ms": median("gap_ms"),
        "gap_p90_ms": median("gap_p90_ms"),
        "lost_percent": 100 * median("lost_share"),
        "idle_percent": 100 * median("idle_share"),
        "outside_cpu_us": "" if runs[0].outside_cpu_us is None else median("outside_cpu_us"),
        "chunk_ms": median("chunk_ms"),
        "chunks": int(median("chunks")),
        "runs": len(runs),
    }
