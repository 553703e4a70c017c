"""The pi kernel, noting when each call began and ended. Every system measured here calls this one.

Hydra finds it as any installed package's kernel, by an entry point (see `chunk_trace.installed`).
A note is one line appended to the file BENCH_TRACE: small enough that lines do not mix.
BENCH_CHUNK_UNITS bounds Hydra's chunks from here, since every process that claims loads its
kernels first, and keeps them from shrinking towards the job's end: they are like the peers' spans.
"""

from __future__ import annotations

import os
import time

from hydra.kernels.builtin import pi
from hydra.kernels.builtin.pi import GOLDEN, PARAMS, SUMS, VERSION, finish, merge, size
from hydra.model import Params, Span, Sums, limits
from hydra.policy import chunking

__all__ = ["GOLDEN", "PARAMS", "SUMS", "VERSION", "call", "finish", "merge", "run", "size"]

_out = -1

if "BENCH_CHUNK_UNITS" in os.environ:
    limits.CHUNK_UNITS_MAX = int(os.environ["BENCH_CHUNK_UNITS"])
    chunking.FREE_DIVISOR = 0.001


def run(params: Params, span: Span) -> Sums:
    """`pi.run`, noted."""
    global _out
    begin_cpu_ns, thread_ns = time.process_time_ns(), time.thread_time_ns()
    begin_ns = time.monotonic_ns()
    partial = pi.run(params, span)
    end_ns = time.monotonic_ns()
    kernel_cpu_ns = time.thread_time_ns() - thread_ns
    path = os.environ.get("BENCH_TRACE")
    if path:
        if _out < 0:
            _out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        words = (
            params["seed"],
            os.getpid(),
            os.getppid(),
            begin_ns,
            end_ns,
            *span,
            partial["hits"],
            begin_cpu_ns,
            kernel_cpu_ns,
        )
        os.write(_out, (" ".join(map(str, words)) + "\n").encode())
    return partial


def call(samples: int, seed: int, start: int, stop: int) -> int:
    """The hits of one span: what the peers' tasks call."""
    return run({"samples": samples, "seed": seed}, Span(start, stop))["hits"]
