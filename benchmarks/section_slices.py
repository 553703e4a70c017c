"""What the worker's loop costs above its kernel, and how soon a kernel lets go.

The loop is the real one, over the store in memory: claims, slices, heartbeats, hand-ins. All is by
processor time. `outside_percent` is what the process spends outside the kernel's calls, in parts of
the time within them; `slower_percent` compares the whole with one call for all the units, made in
turn, so it also has what short calls cost the kernel, and the noise of two runs.
"""

from __future__ import annotations

import dataclasses
import signal
import statistics
import threading
import time
from types import FrameType
from typing import Any

from benchmarks.report import Rows
from hydra import kernels, wiring
from hydra.clock import SystemClock
from hydra.model import JobState, Span
from hydra.model.messages import Hint
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import LocalPort, session_here
from hydra.work.worker import Worker
from tests import heavy

ROUNDS = 5
SHIFT_S = 240.0
ALONE_S = 0.15
"""For so long a kernel computes before it is asked to end."""

JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "pi, 5e10 points": ("pi", {"samples": 5 * 10**10}),
    "mandelbrot, seahorse, 2048 x 2048": (
        "mandelbrot",
        {"centre_x": -0.743643887037151, "centre_y": 0.13182590420533, "width": 1e-5,
         "columns": 2048, "rows": 2048, "iterations": 5000, "antialias": 3},
    ),
}  # fmt: skip


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Both tables."""
    for name, (kernel, given) in JOBS.items():
        if only.lower() in name.lower():
            rows.add(
                "The loop over the kernel, processor time of one process",
                job=name,
                **_overhead(kernel, given, rounds or ROUNDS),
            )
    for name in heavy.HEAVY:
        for isa in heavy.isas(name):
            if only.lower() in name.lower():
                rows.add(
                    "From asking a kernel to end until it has",
                    kernel=name,
                    isa=isa,
                    **_letting_go(name, isa, rounds or ROUNDS),
                )


def _overhead(name: str, given: dict[str, Any], rounds: int) -> dict[str, Any]:
    kernel = kernels.load()[name]
    params = kernels.parse_params(kernel, given)
    whole = Span(0, kernel.size(params))
    alone_s, outside, slower, slices = [], [], [], 0
    for _ in range(rounds):
        begun_s = time.process_time()
        kernel.run(params, whole)
        alone_s.append(time.process_time() - begun_s)
        loop_s, calls_s = _through_the_loop(name, given)
        slices = len(calls_s)
        outside.append(100 * (loop_s / sum(calls_s) - 1))
        slower.append(100 * (loop_s / alone_s[-1] - 1))
    return {
        "kernel_s": statistics.median(alone_s),
        "slices": slices,
        "outside_percent": statistics.median(outside),
        "outside_max_percent": max(outside),
        "slower_percent": statistics.median(slower),
        "runs": rounds,
    }


def _through_the_loop(name: str, given: dict[str, Any]) -> tuple[float, list[float]]:
    """Processor time of a job's units on one worker up to the last hand-in, and of each slice."""
    kernel = kernels.load()[name]
    calls_s = []

    def run(params: Any, span: Span) -> Any:
        begun_s = time.thread_time()
        partial = kernel.run(params, span)
        calls_s.append(time.thread_time() - begun_s)
        return partial

    # The answer is of no interest.
    counted = dataclasses.replace(kernel, run=run, finish=lambda _params, _whole: {})
    settings = Settings.read({"HYDRA_SHIFT_SECONDS": str(SHIFT_S)})
    h = wiring.in_memory(settings, SystemClock(), lambda: {name: counted})
    job = submit(h, name, given).id
    worker = Worker(
        LocalPort(h),
        h.kernels(),
        h.clock,
        settings,
        dataclasses.replace(session_here(h), worker="bench"),
        stopping=lambda: h.store.views.job(job).state is JobState.DONE,
    )
    begun_s = time.process_time()
    worker.shift(Hint())
    return time.process_time() - begun_s, calls_s


class _Asked(Exception):
    pass


def _letting_go(name: str, isa: str, rounds: int) -> dict[str, Any]:
    """As a worker's heartbeat does it: a signal raised in another thread."""
    took_ms, asked_s = [], [0.0]

    def ask() -> None:
        asked_s[0] = time.perf_counter()
        signal.raise_signal(signal.SIGUSR1)

    def heard(_number: int, _frame: FrameType | None) -> None:
        raise _Asked

    before = signal.signal(signal.SIGUSR1, heard)
    try:
        with heavy.on(name, isa):
            for _ in range(rounds):
                timer = threading.Timer(ALONE_S, ask)
                timer.start()
                try:
                    heavy.run(name)
                except _Asked:
                    took_ms.append((time.perf_counter() - asked_s[0]) * 1e3)
                timer.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    return {"median_ms": statistics.median(took_ms), "max_ms": max(took_ms), "runs": rounds}
