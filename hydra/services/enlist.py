"""Enlist: a worker process opens a session."""

from __future__ import annotations

from hydra.model import Session
from hydra.services import Hydra


def enlist(h: Hydra, session: Session) -> int:
    """Open the session and note its worker as seen; how many workers were live."""
    return h.store.enlist(session)
