"""Profile: what a job's chunks say of its workers and of its efficiency."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.model import Chunk, Job
from hydra.model.costs import Costs
from hydra.model.profile import Profile, profile
from hydra.services import Hydra


def profile_of(h: Hydra, job: Job, chunks: Sequence[Chunk]) -> Profile:
    """Of those chunks; where the kernel is not here, its units count as alike."""
    here = h.kernel_of(job) is not None
    costs = h.costs(job.spec.kernel, job.spec.params) if here else Costs(job.spec.unit_cost)
    return profile(job, chunks, costs)
