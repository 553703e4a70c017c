"""Claims leases beside the computing: one call at a time, shortly before they are needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hydra.errors import Unavailable
from hydra.model.messages import Grant, Hint
from hydra.work.acts import Pending, Steps, call, wait
from hydra.work.caller import Caller


class Claimer:
    """The lane of claims."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._seq = 0

    def claim(self, hint: Hint) -> Steps[Grant | None]:
        """Claim now; a lost reply is asked for again, as long as an outage may last."""
        self._seq += 1
        patience = self._caller.patience()
        while True:
            began_s = self._caller.now_s()
            try:
                grant = yield from call(self._claiming(self._seq, hint))
            except Unavailable as error:
                yield from wait(patience.again_s(error))
            else:
                self._caller.link.claimed(self._caller.now_s() - began_s)
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
        begins_in_s = max(begins_s - self._caller.now_s(), 0.0)
        return (yield from self.claim(replace(hint, begins_in_s=begins_in_s)))

    def _claiming(self, seq: int, hint: Hint) -> Callable[[], Grant | None]:
        return lambda: self._caller.port.claim(self._caller.session, seq, hint)
