"""A reduction in a worker's hands: another thread renews its lease while the answer is made.

`finish` may compute for minutes, and a slow link may need as long for a picture. So the lease is
short and says only that its holder lives. What would hold it for ever is a `finish` that does not
return: after `call_seconds` the holder gives the reduction up, as it does with a lease on units.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from hydra.errors import HydraError
from hydra.model import Session
from hydra.model.limits import REDUCE_LEASE_MS
from hydra.model.messages import Reduction
from hydra.services import Hydra
from hydra.work.patience import retry_through_outage

RENEW_EVERY_S = REDUCE_LEASE_MS / 3000
"""Two renewals may be lost."""

T = TypeVar("T")


class RenewedHold:
    """One reduction of the session; `renew_or_abandon` is to be called every RENEW_EVERY_S.

    `give_up` ends the process, for a `finish` that does not return.
    """

    def __init__(
        self, h: Hydra, session: Session, reduction: Reduction, give_up: Callable[[], None]
    ) -> None:
        self._h = h
        self._session = session
        self._reduction = reduction
        self._give_up = give_up
        self._began_s = math.inf
        self.ours = True
        """Whether nobody said that the reduction is no longer ours."""

    def compute(self, finish: Callable[[], T]) -> T:
        """Run the kernel's `finish`; from now on it may take `call_seconds`."""
        self._began_s = self._h.clock.monotonic_s()
        try:
            return finish()
        finally:
            self._began_s = math.inf

    def call(self, call: Callable[[], T]) -> T:
        """Make a call that may be repeated, through an outage if need be."""
        return retry_through_outage(call, self._h.clock, self._h.settings.outage_seconds)

    def renew_or_abandon(self) -> None:
        """Say that this process lives and makes the answer, if it does."""
        call_s = self._h.settings.call_seconds
        if self._h.clock.monotonic_s() - self._began_s > call_s:
            with suppress(HydraError):  # nobody renews it, so the lease runs out by itself
                why = f"finish took longer than {call_s:g} s"
                self._h.store.verbs.leave(self._session.id, why)
            self.ours = False
            self._give_up()
        elif self.ours:
            with suppress(HydraError):  # the next time is soon enough
                job, token = self._reduction.job, self._reduction.token
                self.ours = self._h.store.verbs.renew(job, token)


@contextmanager
def renewing(hold: RenewedHold) -> Iterator[RenewedHold]:
    """A thread that keeps the reduction until the block ends, or until it is lost."""
    done = threading.Event()

    def renew() -> None:
        while hold.ours and not done.wait(RENEW_EVERY_S):
            hold.renew_or_abandon()

    thread = threading.Thread(target=renew, name="renewing", daemon=True)
    thread.start()
    try:
        yield hold
    finally:
        done.set()
        thread.join()
