"""Claim: look at what there is, decide how much this worker takes, lease it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hydra.model import Session, Span, limits
from hydra.model.costs import Costs
from hydra.model.messages import Ask, Grant, Hint, Pace, Runnable
from hydra.policy import calling, chunking, splitting
from hydra.services import Hydra

STRAGGLERS_LOOKED_AT = 16
"""How many leases of a job are looked at for a split; in a small fleet all, since a late lease may
seem to end soon."""


def claim(h: Hydra, session: Session, seq: int, hint: Hint) -> Grant | None:
    """Some work for the worker, or None: free units first, then the far part of a lease.

    Jobs are tried in the order of their virtual time, the hint's first; only those whose kernel
    this process has in the job's version.
    """
    look = h.store.views.look(session, h.versions())
    jobs = sorted(look.jobs, key=lambda job: job.job != hint.job)
    for job in jobs:
        if job.pace.unassigned_units:
            costs = h.costs(job.kernel, job.params)
            ask = ask_for(h, job.pace, job.total_units, costs, hint)
            if not ask.units:
                continue
            grant = h.store.verbs.claim(session, seq, job.job, ask, None, look.passed)
            if grant:
                return grant
    if h.settings.sizing not in chunking.SPLITTING:
        return None
    for job in jobs:
        grant = _take_far_part(h, session, seq, job, hint, look.passed)
        if grant:
            return grant
    return None


def ask_for(h: Hydra, pace: Pace, total_units: int, costs: Costs, hint: Hint) -> Ask:
    """The worker's next ask for a job, as the policy of the setting `sizing` has it.

    It asks for no units where the job's last ones are better left to faster workers.
    """
    live, beat_s = pace.live_workers, _beat_s(h, pace)
    bounds = chunking.Limits(
        target_s=h.settings.target_seconds,
        probe_s=h.settings.slice_seconds,
        floor_s=calling.call_interval_s(live, limits.CHUNK_S_MIN, limits.CHUNKS_PER_S_MAX),
        beat_s=beat_s,
        units_max=limits.CHUNK_UNITS_MAX,
    )
    case = chunking.Case(pace, total_units, costs, hint.overhead_s, hint.units)
    size = chunking.SIZINGS[h.settings.sizing](case, bounds)
    if size.lease_s is not None:
        beat_s = size.lease_s / limits.LEASE_BEATS
    elif pace.rate:
        beat_s = calling.beat_of_s(size.tau_s, beat_s)
    start, stop = pace.free_within
    if size.tail:
        unit_cost = costs.mean(Span(max(start, stop - size.units), stop))
    else:
        unit_cost = costs.mean(Span(start, min(start + size.units, stop)))
    slice_units = int(pace.rate * h.settings.slice_seconds / unit_cost)
    return Ask(
        units=size.units,
        tau_s=size.tau_s,
        beat_s=beat_s,
        slice_units=slice_units,
        why=size.why,
        unit_cost=unit_cost,
        tail=size.tail,
    )


def _beat_s(h: Hydra, pace: Pace) -> float:
    """Seconds between the heartbeats of a long chunk."""
    shortest_s = h.settings.beat_seconds
    return calling.call_interval_s(pace.live_workers, shortest_s, limits.BEATS_PER_S_MAX)


def _take_far_part(
    h: Hydra, session: Session, seq: int, job: Runnable, hint: Hint, passed: Sequence[str]
) -> Grant | None:
    now_ms, leases = h.store.views.stragglers(job.job, STRAGGLERS_LOOKED_AT)
    costs, rate = h.costs(job.kernel, job.params), job.pace.rate
    ask = ask_for(h, job.pace, job.total_units, costs, hint)
    gain_s_min = max(limits.SPLIT_GAIN_S_MIN, 4 * hint.overhead_s)
    others = {lease.token: lease for lease in leases if lease.session != session.id}
    cut = splitting.split(
        list(others.values()), costs, now_ms, rate, _beat_s(h, job.pace), gain_s_min
    )
    if cut is None:
        return None
    unit_cost = costs.mean(Span(cut.at, others[cut.token].span.stop))
    slice_units = int(rate * h.settings.slice_seconds / unit_cost)
    ask = replace(ask, unit_cost=unit_cost, slice_units=slice_units)
    return h.store.verbs.claim(session, seq, job.job, ask, cut, passed)
