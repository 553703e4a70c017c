"""Complete: hand in a prefix of a lease; heartbeat, give-back and next claim in one call."""

from __future__ import annotations

from dataclasses import replace

from hydra.model import Session, Span
from hydra.model.costs import Costs
from hydra.model.messages import HandIn, Hint, Lent, Pace, Receipt, Report, Work
from hydra.services import Hydra
from hydra.services.claim import ask_for


def complete(h: Hydra, session: Session, seq: int, report: Report) -> Receipt:
    """Count what the report hands in, exactly once; size the next chunk if it wants one.

    What is measured and sized comes from the lease as the store knows it. `receipt.last` says that
    this was the job's last unit: then whoever handed it in should reduce the job.
    """
    hand_in = report.hand_in
    lent = h.store.views.lent(session, hand_in.job, hand_in.token)
    if lent is None:  # there is no such lease: the store says how that is
        return h.store.verbs.complete(session, seq, hand_in)
    costs = h.costs(lent.spec.kernel, lent.spec.params)
    ask = None
    if report.more:
        hint = Hint(overhead_s=report.overhead_s)
        pace = _measured(lent, hand_in, costs)
        ask = ask_for(h, pace, lent.spec.total_units, costs, hint)
        if ask.tail:
            ask = None  # a slow worker's pace is outdated: it claims again, with a fresh pace
    rest = Span(hand_in.span.stop, lent.span.stop)
    work = Work(done=costs.of(hand_in.span), rest_unit_cost=costs.mean(rest))
    return h.store.verbs.complete(session, seq, hand_in, ask, work)


def _measured(lent: Lent, hand_in: HandIn, costs: Costs) -> Pace:
    """The latest pace; where the store knows no rate yet, the one that the worker measured."""
    if lent.pace.rate > 0 or hand_in.busy_s <= 0:
        return lent.pace
    done = costs.of(Span(lent.first, hand_in.span.stop))
    return replace(lent.pace, rate=done / hand_in.busy_s)
