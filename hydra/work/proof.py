"""A worker proves its kernels before it works: the golden answers must come out right here.

A wrong build, a broken vector unit or bad memory would otherwise give wrong sums that nobody could
tell from right ones. The check takes milliseconds, so every worker process makes it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from functools import cache

from hydra.kernels import Kernel, load
from hydra.model import Span

LOG = logging.getLogger(__name__)


@cache
def proven() -> dict[str, Kernel]:
    """The kernels that give their golden answers here, by name; the others are logged."""
    found = {}
    for name, kernel in load().items():
        fault = fault_of(kernel)
        if fault:
            LOG.error("kernel refused name=%s why=%r", name, fault)
        else:
            found[name] = kernel
    return found


def fault_of(kernel: Kernel) -> str:
    """The first golden answer that does not come out right, as a sentence; empty if all do."""
    for params, (start, stop), right in kernel.golden:
        try:
            computed = kernel.run(params, Span(start, stop))
        except Exception as error:  # whatever it is, this machine cannot serve the kernel
            return f"units {start}..{stop} raised {type(error).__name__}: {error}"
        if computed != right:
            return f"units {start}..{stop} do not give the golden answer"
    return ""


def preload_finish(kernels: Iterable[Kernel]) -> None:
    """Finish a golden job of each kernel, so that what `finish` imports late is imported.

    For a process that forks others: else the first 0.1 s of each picture's end would go to
    importing NumPy. A core has a worker of its own, so BLAS gets one thread here unless the
    environment says more.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for kernel in kernels:
        for params, span, whole in kernel.golden[:1]:
            if span == (0, kernel.size(params)):
                try:
                    kernel.finish(params, whole)
                except Exception as error:  # a job's reduction will fail with it, and say so
                    LOG.warning("finish failed name=%s why=%r", kernel.name, error)
