"""The lease that a worker holds: what is computed, what is counted, what was cut off.

No I/O and no clock, so that the worker's loop and the tests walk the same steps.
Each slice's partial is kept until the store has counted it: a reply may be lost, and an idle
worker may take the far part at any moment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hydra.model import Partial, Rest, Span, Verdict
from hydra.model.messages import Grant, HandIn, Receipt

FIRST_SLICE_DIVISOR = 16
"""The first slice is what the host's rate suggests, divided by this, unless a size is known."""


class BrokenOff(BaseException):
    """Ends a slice that is no longer wanted; kernels do not catch it, as it is no Exception."""


class Holding:
    """One lease and what has been computed of it but not counted yet. No I/O, no clock."""

    def __init__(self, grant: Grant, slice_units: int = 0) -> None:
        """`slice_units` is the size that was last right for this job here; 0 if none is known."""
        self.grant = grant
        self.handed_in = grant.span.start
        self.reached = grant.span.start
        self.stop = grant.span.stop
        self._parts: list[tuple[Span, Partial]] = []
        self.beat_reply: Receipt | None = None
        """The reply to the last bare heartbeat, set by the heartbeat thread."""
        # The lease's slice is by the host's rate, which may be another process's, and by what its
        # units are estimated to cost: begin small.
        self.slice_units = slice_units or max(1, grant.slice_units // FIRST_SLICE_DIVISOR)
        self.busy_s = 0.0
        """Time inside the kernel so far."""

    @property
    def complete(self) -> bool:
        """Whether every unit up to the current stop is computed."""
        return self.reached >= self.stop

    @property
    def wanted(self) -> bool:
        """Whether the store, as far as heartbeats have told, still counts what is computed."""
        return self.beat_reply is None or self.beat_reply.verdict is Verdict.ACCEPTED

    def next_slice(self) -> Span:
        """What to compute next."""
        return Span(self.reached, min(self.reached + self.slice_units, self.stop))

    def computed(self, span: Span, partial: Partial, took_s: float, slice_s: float) -> None:
        """Keep a slice's partial, and size the next slice to last about `slice_s`."""
        self._parts.append((span, partial))
        self.reached = span.stop
        self.busy_s += took_s
        if self.beat_reply:
            self.trim(self.beat_reply.stop)
        if took_s < slice_s / 2 and span.units == self.slice_units:
            self.slice_units *= 2
        elif took_s > slice_s * 2:
            self.slice_units = max(1, int(span.units * slice_s / took_s))

    def hand_in(self, merge: Callable[[Any, Any], Any], rest: Rest, note: str = "") -> HandIn:
        """Everything computed and not yet counted, as one prefix."""
        partial: Partial = {}
        for index, (_, part) in enumerate(self._parts):
            partial = merge(partial, part) if index else part
        return self._prefix(partial, rest, note)

    def lost(self, note: str) -> HandIn:
        """Gives the lease up, with nothing of what was computed and not yet counted."""
        self._parts, self.reached = [], self.handed_in
        return self._prefix({}, Rest.LOST, note)

    def _prefix(self, partial: Partial, rest: Rest, note: str) -> HandIn:
        return HandIn(
            job=self.grant.job,
            token=self.grant.token,
            span=Span(self.handed_in, self.reached),
            partial=partial,
            rest=rest,
            note=note,
            busy_s=self.busy_s,
        )

    def counted(self, span: Span, receipt: Receipt) -> None:
        """The store has counted the prefix up to `span.stop`."""
        self._parts = [part for part in self._parts if part[0].start >= span.stop]
        self.handed_in = span.stop
        self.trim(receipt.stop)

    def trim(self, stop: int) -> None:
        """Another worker took the far part: drop what was computed of it.

        A slice that reaches beyond the new stop is dropped, and its front is computed again.
        """
        if stop >= self.stop or stop < self.handed_in:
            return
        self.stop = stop
        self._parts = [part for part in self._parts if part[0].stop <= stop]
        self.reached = self._parts[-1][0].stop if self._parts else self.handed_in
