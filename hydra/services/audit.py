"""Audit: look at every open job twice and report every broken invariant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hydra.errors import NoSuchJob
from hydra.model import FINAL
from hydra.model.invariants import clashes, regressions, violations
from hydra.model.messages import JobDump
from hydra.services import Hydra

PAGE_JOBS = 500


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit looked at and found."""

    jobs: int
    leases: int
    faults: Sequence[str]
    """Every invariant that does not hold, as a sentence that names the job; empty if all do."""


def audit(h: Hydra) -> Audit:
    """Check the invariants of all open jobs of a live system; nothing is changed.

    Each dump is one moment, but not the same moment as another job's. So every job is dumped twice:
    a lease that is in both dumps was held while the jobs between were dumped.
    """
    first = list(_dumps(h, list(_open_jobs(h))))
    again = {dump.job.id: dump for dump in _dumps(h, [dump.job.id for dump in first])}
    faults = [f"job {dump.job.id}: {fault}" for dump in first for fault in violations(dump)]
    both = [(dump, again[dump.job.id]) for dump in first if dump.job.id in again]
    for dump, later in both:
        faults += [f"job {dump.job.id}: {fault}" for fault in regressions(dump, later)]
    faults += clashes([_held_both_times(dump, later) for dump, later in both])
    return Audit(len(first), sum(len(dump.leases) for dump in first), faults)


def _open_jobs(h: Hydra) -> Iterator[str]:
    page = h.store.views.jobs(PAGE_JOBS)
    while page:
        yield from (job.id for job in page if job.state not in FINAL)
        page = h.store.views.jobs(PAGE_JOBS, page[-1].id)


def _dumps(h: Hydra, job_ids: Sequence[str]) -> Iterator[JobDump]:
    for job_id in job_ids:
        try:
            yield h.store.vitals.dump(job_id)
        except NoSuchJob:
            continue  # it ended and was deleted since we asked


def _held_both_times(dump: JobDump, later: JobDump) -> JobDump:
    tokens = {lease.token for lease in later.leases}
    return replace(dump, leases=[lease for lease in dump.leases if lease.token in tokens])
