"""Complete: hand in a prefix of a lease; heartbeat, give-back and next claim in one call."""

from __future__ import annotations

from hydra.messages import Hint, Receipt, Report
from hydra.model import Session
from hydra.services import Hydra
from hydra.services.claim import ask_for
from hydra.services.reduce import reduce


def complete(h: Hydra, session: Session, seq: int, report: Report) -> Receipt:
    """Count what the report hands in, exactly once; size the next chunk if it wants one.

    The worker that hands in a job's last unit also reduces it.
    """
    ask = None
    if report.more:
        hint = Hint(overhead_s=report.overhead_s)
        spec = report.grant.spec
        ask = ask_for(h, report.pace, spec.total_units, spec.unit_cost, hint)
    receipt = h.store.complete(session, seq, report.hand_in, ask)
    if receipt.last:
        reduce(h, report.hand_in.job)
    return receipt

