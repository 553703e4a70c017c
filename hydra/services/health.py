"""Health: what must hold for Hydra's promises, and whether it does now."""

from __future__ import annotations

from hydra.errors import Unavailable
from hydra.model import Check
from hydra.services import Hydra


def health(h: Hydra) -> list[Check]:
    """One check a line; the first one that fails is why the system is not ready."""
    try:
        return list(h.store.health())
    except Unavailable as error:
        return [Check("store", False, error.sentence)]
