"""Forecast: how long a running job will still take, from its progress and the fleet's rate."""

from __future__ import annotations

from hydra.model import Job, JobState
from hydra.policy import forecasting
from hydra.policy.forecasting import Band
from hydra.services import Hydra
from hydra.services.dispatch import NOBODY


def forecast(h: Hydra, job: Job) -> Band | None:
    """The time that the job still needs, or None: it does not run, or nothing is known yet."""
    if job.state is not JobState.RUNNING:
        return None
    points = [(sample.at_ms / 1000, sample.done_work) for sample in h.store.views.history(job.id)]
    if points:
        # The clock here may lag behind the store's.
        points.append((max(h.clock.wall_s(), points[-1][0]), job.done_work))
    left = job.spec.total_units * job.spec.unit_cost - job.done_work
    return forecasting.forecast(points, left, _rate(h, job))


def _rate(h: Hydra, job: Job) -> float:
    """The job's share of the fleet, as jobs take turns. 0.0 for one that is not among the next."""
    jobs = h.store.views.look(NOBODY).jobs
    return sum(found.pace.fleet_rate for found in jobs if found.job == job.id) / max(len(jobs), 1)
