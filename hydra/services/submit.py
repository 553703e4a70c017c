"""Submit: check the request, size the job, open it, add tasks for the workers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hydra.errors import BadKernel, BadParam, FieldError, TooLarge
from hydra.kernels import Kernel, Param, find, parse_params
from hydra.model import Job, JobSpec, Params
from hydra.model.limits import SUM_MAX, UNITS_MAX
from hydra.services import Hydra, dispatch

PRIORITY_MIN, PRIORITY_MAX = 0.01, 100

PRIORITY = Param(
    float,
    1,
    PRIORITY_MIN,
    PRIORITY_MAX,
    "share of the fleet beside other jobs: 2 gets twice that of 1; the answer stays the same",
)
"""What a job of any kernel may be given besides the kernel's own parameters."""


def submit(
    h: Hydra,
    kernel: str,
    params: Mapping[str, object],
    *,
    priority: float | str = 1.0,
    key: str = "",
    job_id: str = "",
) -> Job:
    """Open a job; the same idempotency `key` with the same request gives the same job.

    A new job has the id `job_id`, or one made here; a job with another id was there before.

    Raises NoSuchKernel, BadKernel, BadParam, TooLarge, KeyReused or TooMany; then nothing changed.
    """
    spec = checked(find(h.kernels(), kernel), params, priority, h.settings.job_bytes_max)
    job = h.store.verbs.submit(job_id or h.clock.new_id(), spec, key)
    dispatch.dispatch(h)
    return job


def checked(
    kernel: Kernel, params: Mapping[str, object], priority: float | str, job_bytes_max: int
) -> JobSpec:
    """The request as a spec, every bound checked."""
    parsed, share = _parsed(kernel, params, priority)
    units = kernel.size(parsed)
    if not 1 <= units <= UNITS_MAX:
        raise TooLarge(f"the job has {units} units; from 1 to {UNITS_MAX} are possible")
    for name, (low, high) in kernel.sums.items():
        if max(abs(low), abs(high)) * units > SUM_MAX:
            raise TooLarge(f"the sum {name} could pass {SUM_MAX} with {units} units")
    result_bytes_max = kernel.piece_bytes_max * units
    if result_bytes_max > job_bytes_max:
        raise TooLarge(
            f"the result could need {result_bytes_max} bytes; {job_bytes_max} are allowed"
        )
    unit_cost = kernel.costs(parsed).unit_cost
    if not (math.isfinite(unit_cost) and unit_cost > 0):
        raise BadKernel(
            f"kernel {kernel.name}: unit_cost must be above 0, not {unit_cost}", field="unit_cost"
        )
    return JobSpec(
        kernel=kernel.name,
        version=kernel.version,
        params=parsed,
        total_units=units,
        sum_bounds=kernel.sums,
        piece_bytes_max=kernel.piece_bytes_max,
        unit_cost=unit_cost,
        priority=share,
    )


def _parsed(
    kernel: Kernel, params: Mapping[str, object], priority: float | str
) -> tuple[Params, float]:
    """Parameters and priority in their types; raises BadParam naming every wrong one."""
    wrong: list[FieldError] = []
    parsed, share = {}, 0.0
    try:
        parsed = parse_params(kernel, params)
    except BadParam as error:
        wrong += error.errors
    try:
        share = float(PRIORITY.parse("priority", priority))
    except BadParam as error:
        wrong += error.errors
    if wrong:
        raise BadParam.of(wrong)
    return parsed, share
