"""Reads what traced kernels noted: the gaps between chunks, and what part of the time they cost."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.plugin import plugin

WAIT_S = 90.0
LOOK_S = 0.02


class Call(NamedTuple):
    """One call of the kernel."""

    seed: int
    pid: int
    parent: int
    begin_ns: int
    end_ns: int
    start: int
    stop: int
    hits: int
    begin_cpu_ns: int
    """Processor time of all threads of the process so far."""
    kernel_cpu_ns: int
    """Processor time of the kernel's thread within the call."""


@dataclass(frozen=True)
class Gaps:
    """What one run of one system cost beyond the kernel."""

    gap_ms: float
    """Median time from the end of a chunk's kernel to the next chunk's on the same worker."""
    gap_p90_ms: float
    chunk_ms: float
    """Median time of a chunk's kernel."""
    lost_share: float
    """Time outside the kernel, between a worker's first and last call, of all the time there."""
    idle_share: float
    """The same of workers x (first begin to last end): also counts who ends early."""
    outside_cpu_us: float | None
    """Processor time a chunk of the process with the kernel, all threads, that is not the kernel's;
    None where each chunk has a process of its own."""
    chunks: int
    workers: int


def calls(path: Path, seed: int) -> list[Call]:
    """The notes about one job."""
    if not path.exists():
        return []
    found = [Call(*map(int, line.split())) for line in path.read_text().splitlines()]
    return [call for call in found if call.seed == seed]


def wait_units(path: Path, seed: int, units: int) -> list[Call]:
    """All notes about one job, as soon as they cover its units."""
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        found = calls(path, seed)
        if sum(call.stop - call.start for call in found) >= units:
            return found
        time.sleep(LOOK_S)
    raise TimeoutError(f"{units} units were not computed within {WAIT_S:.0f} s")


def gaps(found: list[Call], owner: Callable[[Call], int], sliced_units: int) -> Gaps:
    """The cost of one run; `owner` tells whose a call is.

    `sliced_units` is the length of a chunk that takes several calls, 0 if it takes one.
    """
    by_worker: dict[int, list[Call]] = {}
    for call in sorted(found, key=lambda call: call.begin_ns):
        by_worker.setdefault(owner(call), []).append(call)
    between: list[int] = []
    lasted: list[int] = []
    busy = spent = cpu_ns = 0
    for own in by_worker.values():
        spent += own[-1].end_ns - own[0].begin_ns
        busy += sum(call.end_ns - call.begin_ns for call in own)
        lasted.append(own[0].end_ns - own[0].begin_ns)
        begun, last = own[0].start, 0
        for at, (before, after) in enumerate(pairwise(own), 1):
            took = after.end_ns - after.begin_ns
            if after.start == before.stop and after.stop <= begun + sliced_units:
                lasted[-1] += took  # the next slice of the same chunk
                continue
            between.append(after.begin_ns - before.end_ns)
            lasted.append(took)
            begun, last = after.start, at
        if own[0].pid == own[last].pid:
            cpu_ns += own[last].begin_cpu_ns - own[0].begin_cpu_ns
            cpu_ns -= sum(call.kernel_cpu_ns for call in own[:last])
    makespan = max(call.end_ns for call in found) - min(call.begin_ns for call in found)
    return Gaps(
        statistics.median(between) / 1e6,
        statistics.quantiles(between, n=10)[-1] / 1e6,
        statistics.median(lasted) / 1e6,
        1 - busy / spent,
        1 - busy / (makespan * len(by_worker)),
        cpu_ns / 1e3 / len(between) if cpu_ns else None,
        len(lasted),
        len(by_worker),
    )


def kernel_share(trace: Path, periods: Sequence[tuple[float, float]], workers: int) -> float:
    """Which share of the workers' time is within the kernel by the clock, 0 to 1.

    Other work that takes the processor stretches a kernel's calls, as it would a slower machine's,
    and chunks and heartbeats with them. The notes are those of traced_kernels, the periods in
    seconds of the monotonic clock.
    """
    within_s = 0.0
    for line in trace.read_text().splitlines():
        _, ended_ns, _, begun_ns = map(int, line.split())
        for from_s, to_s in periods:
            within_s += max(0.0, min(ended_ns / 1e9, to_s) - max(begun_ns / 1e9, from_s))
    return within_s / (workers * sum(to_s - from_s for from_s, to_s in periods))


@contextmanager
def installed(folder: Path, module: str = "traced_pi") -> Iterator[dict[str, str]]:
    """Variables under which every process notes its calls, and Hydra finds the traced kernel.

    The entry point lies in a folder that only these processes search.
    """
    place = plugin(folder, f"benchmarks.{module}")
    paths = [place, *filter(None, [os.environ.get("PYTHONPATH")])]
    more = {"BENCH_TRACE": str(folder / "trace"), "PYTHONPATH": os.pathsep.join(paths)}
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield more
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def noting() -> Iterator[Path]:
    """The file in which the kernels of a fleet that starts meanwhile note their calls."""
    with TemporaryDirectory() as folder, installed(Path(folder), "traced_kernels") as env:
        yield Path(env["BENCH_TRACE"])
