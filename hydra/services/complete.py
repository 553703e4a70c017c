"""Complete: hand in a prefix of a lease, which goes on after it or ends with it."""

from __future__ import annotations

from hydra.model import Session, Span
from hydra.model.messages import HandIn, Receipt, Work
from hydra.services import Hydra


def complete(h: Hydra, session: Session, seq: int, hand_in: HandIn) -> Receipt:
    """Count what is handed in, exactly once.

    It is measured by the lease as the store knows it. `receipt.last` says that this was the job's
    last unit: then whoever handed it in should reduce the job.
    """
    lent = h.store.views.lent(session, hand_in.job, hand_in.token)
    if lent is None:  # there is no such lease: the store says how that is
        return h.store.verbs.complete(session, seq, hand_in)
    costs = h.costs(lent.spec.kernel, lent.spec.params)
    rest = Span(hand_in.span.stop, lent.span.stop)
    work = Work(done=costs.of(hand_in.span), rest_unit_cost=costs.mean(rest))
    return h.store.verbs.complete(session, seq, hand_in, work)
