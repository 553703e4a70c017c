"""What the store last said to this process about leases.

A hand-in is judged by what the store knows of its lease, not by what its caller says. The process
that claims for a worker has just got all of that from the store, so it need not ask again, which
would cost each chunk a round trip. The next chunk of the job is sized by it, too. A lease that is
not remembered here is read from the store.
"""

from __future__ import annotations

from hydra.model import Rest, Span, Verdict
from hydra.model.messages import Grant, HandIn, Lent, Receipt

LEASES_MAX = 4096
"""Leases remembered by one process; one that was dropped is read again."""


class LeaseCache:
    """Leases by their token, as the store last described them."""

    def __init__(self) -> None:
        self._known: dict[str, Lent] = {}

    def of(self, token: str) -> Lent | None:
        """The lease, if it is remembered."""
        return self._known.get(token)

    def granted(self, grant: Grant) -> None:
        """A lease has begun."""
        while len(self._known) >= LEASES_MAX:
            del self._known[next(iter(self._known))]
        self._known[grant.token] = Lent(
            spec=grant.spec, first=grant.span.start, span=grant.span, pace=grant.pace
        )

    def answered(self, hand_in: HandIn, receipt: Receipt) -> None:
        """A hand-in was answered: its lease has moved on, was cut, or has ended."""
        lent = self._known.pop(hand_in.token, None)
        if lent is None:
            return
        span = None
        if receipt.verdict is Verdict.CUT:
            span = Span(lent.span.start, receipt.stop)
        elif receipt.verdict is Verdict.ACCEPTED and hand_in.rest is Rest.KEEP:
            span = Span(hand_in.span.stop, receipt.stop)
        if span and span.units > 0:
            self._known[hand_in.token] = Lent(
                spec=lent.spec,
                first=lent.first,
                span=span,
                pace=receipt.pace,
            )
