"""Claims leases beside the computing: one call at a time, shortly before they are needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hydra.clock import Clock
from hydra.errors import Unavailable
from hydra.model import Session
from hydra.model.messages import Grant, Hint
from hydra.ports import Pacing, WorkPort
from hydra.work.acts import Pending, Steps, call, wait
from hydra.work.link import Link
from hydra.work.patience import Patience


class Claimer:
    """The lane of claims."""

    def __init__(
        self, port: WorkPort, clock: Clock, pacing: Pacing, session: Session, link: Link
    ) -> None:
        self._port = port
        self._clock = clock
        self._pacing = pacing
        self._session = session
        self._link = link
        self._seq = 0

    def claim(self, hint: Hint) -> Steps[Grant | None]:
        """Claim now; a lost reply is asked for again, as long as an outage may last."""
        self._seq += 1
        patience = Patience(self._clock, self._pacing.outage_seconds)
        while True:
            began_s = self._clock.monotonic_s()
            try:
                grant = yield from call(self._claiming(self._seq, hint))
            except Unavailable as error:
                yield from wait(patience.again_s(error))
            else:
                self._link.claimed(self._clock.monotonic_s() - began_s)
                return grant

    def claim_at(
        self,
        claim_s: float,
        begins_s: float,
        hint: Hint,
        hand_in: Pending[Any] | None,
        wanted: Callable[[], bool],
    ) -> Steps[Grant | None]:
        """Claim then, if it is still `wanted`, what the worker will begin at `begins_s`.

        Not before `hand_in` is answered: a session holds two leases at most.
        """
        yield from wait(claim_s)
        if hand_in and not hand_in.done:
            yield from wait(math.inf, hand_in)
        if not wanted():
            return None
        begins_in_s = max(begins_s - self._clock.monotonic_s(), 0.0)
        return (yield from self.claim(replace(hint, begins_in_s=begins_in_s)))

    def _claiming(self, seq: int, hint: Hint) -> Callable[[], Grant | None]:
        return lambda: self._port.claim(self._session, seq, hint)
