"""The lease that a worker holds: what is computed, what is counted, what was cut off.

No I/O and no clock, so that the worker's loop and the tests walk the same steps.
Each slice's partial is kept until the store has counted it: a reply may be lost, and an idle
worker may take the far part at any moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hydra.model import Partial, Pieces, Rest, Span
from hydra.model.leases import LeaseId
from hydra.model.messages import Grant, HandIn

FIRST_SLICE_DIVISOR = 16
"""The first slice is what the host's rate suggests, divided by this, unless a size is known."""


class BrokenOff(BaseException):
    """Ends a slice that is no longer wanted; kernels do not catch it, as it is no Exception."""


class Holding:
    """One lease and what has been computed of it but not counted yet. No I/O, no clock."""

    def __init__(self, grant: Grant, slice_units: int = 0) -> None:
        """`slice_units` is the size that was last right for this job here; 0 if none is known."""
        self.grant = grant
        self.id = LeaseId(grant.job, grant.token)
        self.handed_in = grant.span.start
        self.reached = grant.span.start
        self.stop = grant.span.stop
        self.wanted = True
        """Whether the store, as far as it has told, still counts what is computed."""
        self.leaving = False
        """Whether it is left to the sender."""
        self.given_up_s = math.inf
        """When it is kept alive no longer, should what was sent not be answered by then."""
        self.renewed_s = 0.0
        """When the store has last heard of it."""
        self._parts: list[tuple[Span, Partial]] = []
        # The lease's slice is by the host's rate, which may be another process's, and by what its
        # units are estimated to cost: begin small.
        self.slice_units = slice_units or max(1, grant.slice_units // FIRST_SLICE_DIVISOR)
        self.busy_s = 0.0
        """Time inside the kernel so far."""

    @property
    def complete(self) -> bool:
        """Whether every unit up to the current stop is computed."""
        return self.reached >= self.stop

    def unfinished(self) -> bool:
        """Whether there is more to compute, and somebody wants it."""
        return self.wanted and not self.complete

    def next_slice(self) -> Span:
        """What to compute next."""
        return Span(self.reached, min(self.reached + self.slice_units, self.stop))

    def slice_s(self) -> float:
        """How long the next slice takes, by those before."""
        done = self.reached - self.grant.span.start
        return self.busy_s / done * self.next_slice().units if done else 0.0

    def computed(self, span: Span, partial: Partial, took_s: float, slice_s: float) -> None:
        """Keep a slice's partial, and size the next slice to last about `slice_s`."""
        self._parts.append((span, partial))
        self.reached = span.stop
        self.busy_s += took_s
        if took_s < slice_s / 2 and span.units == self.slice_units:
            self.slice_units *= 2
        elif took_s > slice_s * 2:
            self.slice_units = max(1, int(span.units * slice_s / took_s))

    def hand_in(
        self, merge: Callable[[Any, Any], Any], rest: Rest, note: str = "", bytes_max: int = 0
    ) -> HandIn:
        """What is computed and not yet counted, as one prefix.

        With `bytes_max` only so much of it, one unit at least; then the lease is kept.
        """
        partial: Partial = {}
        stop = self.handed_in
        for index, (span, part) in enumerate(self._parts):
            if bytes_max and index and size_of(partial) >= bytes_max:
                break
            partial = merge(partial, part) if index else part
            stop = span.stop
        hand_in = self._prefix(stop, partial, Rest.KEEP if stop < self.reached else rest, note)
        return shortened(hand_in, bytes_max) if bytes_max else hand_in

    def lost(self, note: str) -> HandIn:
        """Gives the lease up, with nothing of what was computed and not yet counted."""
        self._parts, self.reached = [], self.handed_in
        return self._prefix(self.handed_in, {}, Rest.LOST, note)

    def _prefix(self, stop: int, partial: Partial, rest: Rest, note: str) -> HandIn:
        return HandIn(
            job=self.grant.job,
            token=self.grant.token,
            span=Span(self.handed_in, stop),
            partial=partial,
            rest=rest,
            note=note,
            busy_s=self.busy_s,
        )

    def counted(self, start: int) -> None:
        """The store has counted the prefix up to there."""
        self._parts = [_behind(start, part) for part in self._parts if part[0].stop > start]
        self.handed_in = max(self.handed_in, start)
        self.reached = max(self.reached, start)

    def trim(self, stop: int) -> None:
        """Another worker took the far part: drop what was computed of it.

        A slice that reaches beyond the new stop is dropped.
        """
        if stop >= self.stop or stop < self.handed_in:
            return
        self.stop = stop
        self._parts = [part for part in self._parts if part[0].stop <= stop]
        self.reached = self._parts[-1][0].stop if self._parts else self.handed_in


SUM_BYTES = 8
"""What a sum counts as: what is no integer, or too large a one, is for the store to refuse."""


def size_of(partial: Partial) -> int:
    """About how many bytes a partial takes on the wire."""
    return sum(len(value) if isinstance(value, bytes) else SUM_BYTES for value in partial.values())


def shortened(hand_in: HandIn, bytes_max: int) -> HandIn:
    """The hand-in's first pieces up to so many bytes, one at least; sums cannot be parted."""
    size, pieces = 0, _pieces_of(hand_in.partial)
    for unit in range(*hand_in.span) if pieces else ():
        if unit not in pieces:
            return hand_in  # the store says what is wrong with it
        size += len(pieces[unit])
        if size > bytes_max and unit > hand_in.span.start:
            span = Span(hand_in.span.start, unit)
            first = {u: pieces[u] for u in range(*span)}
            return replace(hand_in, span=span, partial=first, rest=Rest.KEEP, note="")
    return hand_in


def given_up(hand_in: HandIn, note: str) -> HandIn:
    """Instead of a hand-in that cannot be right: nothing, and the lease is lost."""
    nothing = Span(hand_in.span.start, hand_in.span.start)
    return replace(hand_in, span=nothing, partial={}, rest=Rest.LOST, note=note)


def _behind(start: int, part: tuple[Span, Partial]) -> tuple[Span, Partial]:
    """What of a part of pieces lies behind that unit."""
    span, partial = part
    if span.start >= start:
        return part
    rest, pieces = Span(start, span.stop), _pieces_of(partial)
    return rest, {unit: pieces[unit] for unit in range(*rest)}


def _pieces_of(partial: Partial) -> Pieces:
    return {u: blob for u, blob in partial.items() if isinstance(u, int) and type(blob) is bytes}
