"""The port of a worker that reaches the store itself: it calls the services in this process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from hydra.model import LeaseId, Session
from hydra.model.messages import Grant, HandIn, Hint, Receipt, Reduction, Standing
from hydra.model.pauses import Pause
from hydra.services import Hydra
from hydra.services.beat import beat
from hydra.services.claim import claim
from hydra.services.complete import complete
from hydra.services.reduce import Hold, reduce_waiting
from hydra.services.roster import name_of
from hydra.work.renewing import RenewedHold, renewing

NAME_CHARS_MAX = 128
"""Longest name of a worker or a host."""


def session_here(h: Hydra, rq_name: str = "", session_id: str = "") -> Session:
    """A new session of this process, named as the settings or RQ say; with that id if given."""
    host = h.settings.host or socket.gethostname()
    name = h.settings.worker_id or name_of(host, rq_name) or f"{host}-{os.getpid()}"
    return Session(session_id or h.clock.new_id(), _word(name), _word(host), os.getpid())


def _word(text: str) -> str:
    """The text as one word of bounded length: records in the store are split at spaces."""
    return "".join(text.split())[:NAME_CHARS_MAX]


class LocalPort:
    """The WorkPort of a worker that reaches the store itself.

    Where something is decided it calls the service, else the store. `give_up` ends the process, for
    a kernel's `finish` that does not return; its reduction has been given up by then.
    """

    def __init__(self, h: Hydra, give_up: Callable[[], None] = lambda: None) -> None:
        self._h = h
        self._give_up = give_up

    def enlist(self, session: Session) -> int:
        """Open a session."""
        return self._h.store.verbs.enlist(session)

    def leave(self, session: Session, why: str) -> None:
        """The process ends without handing in."""
        self._h.store.verbs.leave(session.id, why)

    def pause(self, session: Session, why: Pause) -> None:
        """Say why the worker takes no work now."""
        self._h.store.verbs.pause(session, why)

    def claim(self, session: Session, seq: int, hint: Hint) -> Grant | None:
        """Some work, or None."""
        return claim(self._h, session, seq, hint)

    def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
        """Hand in."""
        return complete(self._h, session, seq, hand_in)

    def beat(self, session: Session, held: Sequence[LeaseId]) -> Standing:
        """Renew what is held."""
        return beat(self._h, session, held)

    def reduce(self, session: Session, job: str = "") -> bool:
        """Reduce that job, or one that waits for it."""
        waiting = [job] if job else self._h.store.views.look(session, self._h.versions()).reducible

        def holding(reduction: Reduction) -> AbstractContextManager[Hold]:
            return self._renewing(RenewedHold(self._h, session, reduction, self._give_up))

        return reduce_waiting(self._h, session, waiting, holding)

    def _renewing(self, hold: RenewedHold) -> AbstractContextManager[Hold]:
        return renewing(hold)

    def listen(self, seconds: float) -> bool:
        """Wait for work."""
        return self._h.store.views.listen(seconds)
