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

FRESH_TARGETS = 5.0
"""A chunk is sized by what the process was told last if the rest lasts so many targets by that."""


NOTHING = Ask(units=0, tau_s=0.0, beat_s=0.0, slice_units=0, why="")
"""What a repeat asks for: it gets the first grant, whatever it says."""


def claim(h: Hydra, session: Session, seq: int, hint: Hint) -> Grant | None:
    """Some work for the worker, or None: free units first, then the far part of a lease.

    Who works on a job gets more of it while its turn lasts. Else jobs are tried in the order of
    their virtual time, the hint's first; only those whose kernel this process has in the job's
    version. Who still works takes nothing from others.
    """
    if hint.held and not hint.job and (grant := _more_of_the_same(h, session, seq, hint)):
        return grant
    look = h.store.views.look(session, h.versions())
    if look.granted == seq:  # the reply was lost; what was free may all be lent since
        return h.store.verbs.claim(session, seq, "", NOTHING)
    jobs = sorted(look.jobs, key=lambda job: job.job != hint.job)
    for job in jobs:
        if job.pace.unassigned_units:
            costs = h.costs(job.kernel, job.params)
            if chunking.eaten_by_then(job.pace, costs, hint.begins_in_s):
                return None  # if it is not, and it is still its turn, it is lent then
            ask = ask_for(h, job.pace, job.total_units, costs, hint)
            if not ask.units:
                continue
            grant = h.store.verbs.claim(session, seq, job.job, ask, None, look.passed)
            if grant:
                return grant
    if hint.held or hint.begins_in_s > 0 or h.settings.sizing not in chunking.SPLITTING:
        return None
    for job in jobs:
        grant = _take_far_part(h, session, seq, job, hint, look.passed)
        if grant:
            return grant
    return None


def _more_of_the_same(h: Hydra, session: Session, seq: int, hint: Hint) -> Grant | None:
    """The next chunk of the job that the worker is at, sized by what this process knows of it."""
    lent = h.store.views.lent(session, *hint.held) if hint.held else None
    if not hint.held or not lent:
        return None
    costs = h.costs(lent.spec.kernel, lent.spec.params)
    pace = lent.pace
    outdated_s = hint.begins_in_s + FRESH_TARGETS * h.settings.target_seconds
    if chunking.eaten_by_then(pace, costs, outdated_s):
        return None  # near the end sizes follow the rest, which this process may not know
    ask = ask_for(h, pace, lent.spec.total_units, costs, hint)
    if ask.tail or not ask.units:
        return None
    return h.store.verbs.claim(session, seq, hint.held.job, ask, None, (), True)


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
    case = chunking.Case(
        pace=pace,
        total_units=total_units,
        costs=costs,
        overhead_s=hint.overhead_s,
        call_s=hint.call_s,
        hint_units=hint.units,
    )
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
        begins_in_s=hint.begins_in_s,
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
    gain_s_min = max(limits.SPLIT_GAIN_S_MIN, 4 * hint.call_s)
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
