"""How fast a kernel is here: a short measurement, for `hydra doctor`.

By the processor time of one thread, so that other work does not count.
"""

from __future__ import annotations

from dataclasses import dataclass

from hydra.clock import thread_cpu_s
from hydra.kernels.contract import Kernel
from hydra.kernels.params import parse_params
from hydra.model import Span

SAMPLE_S = 0.05
"""Processor time after which a measurement is long enough."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What one core does in a second, counted in what the kernel's units are made of."""

    a_second: float
    noun: str
    of_bound: float
    """The part of what the processor's vector units allow; 0 if the kernel knows no bound."""


def speed_of(kernel: Kernel) -> Speed:
    """Measure the kernel's first preset, from its first unit on.

    The span is doubled until it takes `SAMPLE_S` or is the whole job, so a kernel whose single unit
    lasts longer is measured by one unit.
    """
    params = parse_params(kernel, next(iter(kernel.presets.values()), {}))
    size, units = kernel.size(params), 1
    while True:
        began_s = thread_cpu_s()
        kernel.run(params, Span(0, units))
        took_s = thread_cpu_s() - began_s
        if took_s >= SAMPLE_S or units == size:
            break
        units = min(2 * units, size)
    per_unit, noun = kernel.unit_holds
    rate_units_s = units / max(took_s, 1e-9)  # a coarse clock may see nothing
    bound_units_s = kernel.bound_units_s()
    of_bound = rate_units_s / bound_units_s if bound_units_s else 0.0
    return Speed(rate_units_s * per_unit, noun, of_bound)
