"""Hands leases in beside the computing: one call at a time, each no larger than the link bears.

A lease whose span is computed belongs to the sender from then on: it sends the rest in parts, each
a prefix that the store commits, trims what was cut off meanwhile, and tells what came of it. Of a
lease that is still computed it sends single prefixes, and the loop sees to the replies.

After silence a large part is sent again as a smaller one under a new number. If the larger one has
arrived after all, the store says where it is now, and the sender goes on from there.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from hydra.errors import Invalid, Unavailable
from hydra.kernels import Kernel
from hydra.model import Rest, Verdict
from hydra.model.messages import HandIn, Receipt
from hydra.work.acts import Pending, Steps, call, wait
from hydra.work.caller import Caller
from hydra.work.holding import Holding, given_up, shortened, size_of
from hydra.work.link import PART_BYTES_MIN

LOG = logging.getLogger("hydra.worker")


@dataclass(frozen=True, slots=True)
class Told:
    """A hand-in, as far as it was sent, and what the store said."""

    held: Holding
    hand_in: HandIn
    receipt: Receipt

    @property
    def ours(self) -> bool:
        """Whether the lease was still ours."""
        return self.receipt.verdict in (Verdict.ACCEPTED, Verdict.COUNTED, Verdict.CUT)

    @property
    def ends(self) -> bool:
        """Whether the lease has ended, by this or before."""
        if self.receipt.verdict is Verdict.ACCEPTED:
            whole = self.hand_in.span.stop >= self.receipt.stop
            return whole or self.hand_in.rest is not Rest.KEEP
        return not self.ours

    def note(self) -> None:
        """Move the lease on to where the store has it."""
        if self.ends:
            self.held.wanted = False  # no beat names it any more: the next may be held by now
        if not self.ours:
            LOG.warning(
                "hand-in refused verdict=%s job=%s units=%d..%d",
                self.receipt.verdict,
                self.held.id.job,
                self.held.handed_in,
                self.held.reached,
            )
            return
        if self.receipt.verdict is Verdict.ACCEPTED:
            self.held.counted(self.hand_in.span.stop)
        elif self.receipt.verdict is Verdict.COUNTED:
            self.held.counted(self.receipt.start)
        self.held.trim(self.receipt.stop)


class Sender:
    """The lane of hand-ins."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._seq = 0

    def hand_over(
        self,
        held: Holding,
        kernel: Kernel,
        rest: Rest,
        note: str = "",
        progress: Pending[Told] | None = None,
    ) -> Steps[Told]:
        """Hand in all that is computed of a lease and end it; the last reply.

        `progress` is the prefix sent before, whose reply nobody has seen to yet.
        """
        if progress is not None:
            told = progress.result()
            told.note()
            if told.ends:
                return told
        while True:
            told = yield from self.send(held, self._next(held, kernel, rest, note))
            told.note()
            if told.ends:
                return told

    def _next(self, held: Holding, kernel: Kernel, rest: Rest, note: str) -> HandIn:
        """The next part; if it cannot be right, nothing, and the lease is lost."""
        try:
            return held.hand_in(kernel.merge, rest, note, self._caller.link.part_bytes)
        except Exception as error:  # of the kernel: another worker may try the span
            return held.lost(f"merge raised {type(error).__name__}: {error}")

    def progress(self, held: Holding, kernel: Kernel) -> Steps[Told]:
        """Hand in a prefix of a lease that goes on, made at once."""
        return self.send(held, self._next(held, kernel, Rest.KEEP, ""))

    def send(self, held: Holding, hand_in: HandIn) -> Steps[Told]:
        """Send one hand-in, smaller ones instead while nobody answers.

        Raises Unavailable when the store stays silent for longer than `outage_seconds`.
        """
        patience = self._caller.patience()
        held.given_up_s = self._caller.now_s() + self._caller.pacing.outage_seconds
        self._seq += 1
        while True:
            size = size_of(hand_in.partial)
            began_s = self._caller.now_s()
            try:
                receipt = yield from call(self._complete(self._seq, hand_in), size)
            except Invalid as error:
                hand_in = given_up(hand_in, error.sentence)
                self._seq += 1
            except Unavailable as error:
                yield from wait(patience.again_s(error))
                if size > PART_BYTES_MIN:
                    self._caller.link.unanswered(size)
                    hand_in = shortened(hand_in, self._caller.link.part_bytes)
                    self._seq += 1
            else:
                held.given_up_s = math.inf
                took_s = self._caller.now_s() - began_s
                self._caller.link.carried(size, took_s, held.grant.beat_s)
                return Told(held, hand_in, receipt)

    def _complete(self, seq: int, hand_in: HandIn) -> Callable[[], Receipt]:
        return lambda: self._caller.port.complete(self._caller.session, seq, hand_in)
