"""Pause: a worker says why it takes no work."""

from __future__ import annotations

from hydra.model import Session
from hydra.model.pauses import Pause
from hydra.services import Hydra


def pause(h: Hydra, session: Session, why: Pause) -> None:
    """Note the worker as seen but paused: it counts in no figure of the fleet."""
    h.store.pause(session, why)
