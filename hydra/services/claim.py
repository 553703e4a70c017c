"""Claim: look at what there is, decide how much this worker takes, lease it."""

from __future__ import annotations

from hydra import settings
from hydra.messages import Ask, Grant, Hint, Pace, Runnable
from hydra.model import Session
from hydra.policy import beating, chunking, splitting
from hydra.services import Hydra

STRAGGLERS_LOOKED_AT = 4


def claim(h: Hydra, session: Session, seq: int, hint: Hint) -> Grant | None:
    """Some work for the worker, or None: free units first, then the far part of a lease.

    Jobs are tried in the order of their virtual time, the hint's first; only those whose kernel
    this process has in the very same version.
    """
    look = h.store.look(session)
    jobs = [job for job in look.jobs if h.runs(job.kernel, job.version)]
    jobs.sort(key=lambda job: job.job != hint.job)
    for job in jobs:
        if job.pace.unassigned_units:
            ask = ask_for(h, job.pace, job.total_units, job.unit_cost, hint)
            grant = h.store.claim(session, seq, job.job, ask)
            if grant:
                return grant
    if h.settings.sizing not in chunking.SPLITTING:
        return None
    for job in jobs:
        grant = _take_far_part(h, session, seq, job, hint)
        if grant:
            return grant
    return None


def ask_for(h: Hydra, pace: Pace, total_units: int, unit_cost: float, hint: Hint) -> Ask:
    """The worker's next ask for a job, as the policy of the setting `sizing` has it."""
    shortest_s = h.settings.beat_seconds
    beat_s = beating.beat_s(pace.live_workers, shortest_s, settings.BEATS_PER_S_MAX)
    limits = chunking.Limits(
        target_s=h.settings.target_seconds,
        probe_s=h.settings.slice_seconds,
        floor_s=settings.CHUNK_S_MIN,
        beat_s=beat_s,
        units_max=settings.CHUNK_UNITS_MAX,
    )
    case = chunking.Case(pace, total_units, unit_cost, hint.overhead_s, hint.units)
    size = chunking.SIZINGS[h.settings.sizing](case, limits)
    if size.lease_s is not None:
        beat_s = size.lease_s / settings.LEASE_BEATS
    slice_units = int(pace.rate * h.settings.slice_seconds / unit_cost)
    return Ask(size.units, size.tau_s, beat_s, slice_units, size.why)


def _take_far_part(
    h: Hydra, session: Session, seq: int, job: Runnable, hint: Hint
) -> Grant | None:
    now_ms, leases = h.store.stragglers(job.job, STRAGGLERS_LOOKED_AT)
    ask = ask_for(h, job.pace, job.total_units, job.unit_cost, hint)
    gain_s_min = max(settings.SPLIT_GAIN_S_MIN, 4 * hint.overhead_s)
    others = [lease for lease in leases if lease.session != session.id]
    cut = splitting.split(
        others, now_ms, job.pace.rate / job.unit_cost, ask.beat_s, gain_s_min
    )
    return h.store.claim(session, seq, job.job, ask, cut) if cut else None
