"""Complete: hand in a prefix of a lease; heartbeat, give-back and next claim in one call."""

from __future__ import annotations

from dataclasses import replace

from hydra.model import Session, Span
from hydra.model.costs import Costs
from hydra.model.messages import Hint, Pace, Receipt, Report, Work
from hydra.policy.reducing import defers_reduction
from hydra.services import Hydra
from hydra.services.claim import ask_for
from hydra.services.reduce import reduce


def complete(h: Hydra, session: Session, seq: int, report: Report) -> Receipt:
    """Count what the report hands in, exactly once; size the next chunk if it wants one.

    The worker that hands in a job's last unit also reduces it, if no faster one does.
    """
    spec, span, lent = report.grant.spec, report.hand_in.span, report.grant.span
    costs = h.costs(spec.kernel, spec.params)
    ask = None
    if report.more:
        hint = Hint(overhead_s=report.overhead_s)
        ask = ask_for(h, _measured(report, costs), spec.total_units, costs, hint)
        if ask.tail:
            ask = None  # a slow worker's pace is old by now: it claims anew, by what is left then
    work = Work(costs.of(span), costs.mean(Span(span.stop, lent.stop)))
    receipt = h.store.complete(session, seq, report.hand_in, ask, work)
    if receipt.last:
        if defers_reduction(receipt.pace, spec.piece_bytes_max > 0):
            h.clock.sleep_s(h.settings.poll_seconds)
        reduce(h, session, report.hand_in.job)
    return receipt


def _measured(report: Report, costs: Costs) -> Pace:
    """The latest pace; where the store knows no rate yet, the one that the worker measured."""
    busy_s = report.hand_in.busy_s
    if report.pace.rate > 0 or busy_s <= 0:
        return report.pace
    done = costs.of(Span(report.grant.span.start, report.hand_in.span.stop))
    return replace(report.pace, rate=done / busy_s)
