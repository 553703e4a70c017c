"""What a bench computes: a job of known length, its true answer, and how long each part takes.

The answer is made once in this process, without Hydra around the kernel, on all its cores; every
run is compared with it. Meanwhile each slice's CPU time is kept, which makes the axis of work.
"""

from __future__ import annotations

import itertools
import math
import resource
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hydra.kernels import Kernel, parse_params
from hydra.model import Params, Partial, Span
from hydra.model.messages import JobDump

SLICES = 2_000
"""Parts in which a reference is computed, about."""

SEAHORSE: Params = {
    "centre_x": -0.743643887037151,
    "centre_y": 0.13182590420533,
    "width": 5e-6,
    "iterations": 50_000,
    "antialias": 4,
}
"""A spiral of the seahorse valley whose tiles differ in work by 50 to 1."""

ASPECT = 4 / 3


@dataclass(frozen=True, slots=True)
class Work:
    """A job with its answer; `marks` are units and `costs` the core-seconds up to each of them."""

    kernel: str
    params: Params
    answer: Mapping[str, Any]
    marks: Sequence[int]
    costs: Sequence[float]

    @property
    def whole(self) -> float:
        """The job's work in core-seconds."""
        return self.costs[-1]

    def cost(self, span: Span) -> float:
        """Core-seconds of a span; inside a slice they are taken to be even."""
        return self._up_to(span.stop) - self._up_to(span.start)

    def done(self, dump: JobDump) -> float:
        """Core-seconds of what the store has counted of such a job."""
        left = [*(free.span for free in dump.free), *(lease.span for lease in dump.leases)]
        return self.whole - sum(map(self.cost, left))

    def _up_to(self, unit: int) -> float:
        i = min(bisect_right(self.marks, unit) - 1, len(self.marks) - 2)
        share = (unit - self.marks[i]) / (self.marks[i + 1] - self.marks[i])
        return self.costs[i] + share * (self.costs[i + 1] - self.costs[i])

    def is_right(self, answer: Mapping[str, Any]) -> bool:
        """Whether an answer is this one to the last bit; of files, what was written about them."""
        return all(answer.get(name) == value for name, value in self.answer.items())


def prepare(name: str, kernel: Kernel, core_s: float, cores: int) -> Work:
    """Work of about `core_s` core-seconds, computed once on `cores` cores."""
    params = parse_params(kernel, _PLANS[name](kernel, core_s))
    total = kernel.size(params)
    step = max(1, total // SLICES)
    marks = [*range(0, total, step), total]
    with ThreadPoolExecutor(cores) as pool:
        slices = [Span(start, stop) for start, stop in itertools.pairwise(marks)]
        parts = list(pool.map(lambda span: _timed(kernel, params, span), slices))
    finished = kernel.finish(params, _whole(kernel, [partial for partial, _ in parts]))
    answer = {name: value for name, value in finished.items() if not isinstance(value, bytes)}
    costs = [cost for _, cost in parts]
    if kernel.sums:  # its units are alike: what differs is the clock
        costs = [sum(costs) * span.units / total for span in slices]
    return Work(name, params, answer, marks, [0.0, *itertools.accumulate(costs)])


def _whole(kernel: Kernel, partials: list[Any]) -> Any:
    """All partials merged, neighbours first: a chain would copy every piece again and again."""
    while len(partials) > 1:
        pairs = itertools.zip_longest(partials[::2], partials[1::2])
        partials = [a if b is None else kernel.merge(a, b) for a, b in pairs]
    return partials[0]


def _timed(kernel: Kernel, params: Params, span: Span) -> tuple[Partial, float]:
    begun_s = _thread_s()
    partial = kernel.run(params, span)
    return partial, _thread_s() - begun_s


def _thread_s() -> float:
    """CPU time of this thread: what it would have taken had it not been interrupted."""
    used = resource.getrusage(resource.RUSAGE_THREAD)
    return used.ru_utime + used.ru_stime


def _points(kernel: Kernel, core_s: float) -> Params:
    units = 2_000
    params = parse_params(kernel, {"samples": 10**18})
    _timed(kernel, params, Span(0, units))
    _, took_s = _timed(kernel, params, Span(0, units))
    points, _ = kernel.unit_holds
    return {"samples": max(1, int(core_s / took_s * units)) * points, "seed": 1}


def _picture(kernel: Kernel, core_s: float) -> Params:
    def sized(columns: int) -> Params:
        return {**SEAHORSE, "columns": columns, "rows": round(columns / ASPECT)}

    columns = 320
    params = parse_params(kernel, sized(columns))
    _, took_s = _timed(kernel, params, Span(0, kernel.size(params)))
    return sized(max(64, round(columns * math.sqrt(core_s / took_s))))


_PLANS = {"pi": _points, "mandelbrot": _picture}

KERNELS = tuple(_PLANS)
"""What can be benched: kernels of which we know how to make a job of a given length."""
