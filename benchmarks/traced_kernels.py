"""Notes what every call of the pi and mandelbrot kernels takes, in whatever process imports this.

Hydra's processes do so because an entry point names this file as a kernel (`chunk_trace.installed`
makes it): it is pi once more, under another name. A note is a line of the file BENCH_TRACE: the
process, the clock's time at the end, the thread's processor time within the call, the clock's time
at its begin.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

from hydra.kernels.builtin import mandelbrot, pi
from hydra.kernels.builtin.pi import GOLDEN, PARAMS, SUMS, VERSION, finish, merge, run, size

__all__ = ["GOLDEN", "PARAMS", "SUMS", "VERSION", "finish", "merge", "run", "size"]


def _noted(function: Callable[[Any, Any], Any], out: int) -> Callable[[Any, Any], Any]:
    def run_and_note(params: Any, span: Any) -> Any:
        begun_ns, cpu_ns = time.monotonic_ns(), time.thread_time_ns()
        partial = function(params, span)
        took_ns = time.thread_time_ns() - cpu_ns
        os.write(out, f"{os.getpid()} {time.monotonic_ns()} {took_ns} {begun_ns}\n".encode())
        return partial

    return run_and_note


if "BENCH_TRACE" in os.environ:
    _out = os.open(os.environ["BENCH_TRACE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for _kernel in (pi, mandelbrot):
        _kernel.run = _noted(_kernel.run, _out)  # type: ignore[assignment]
