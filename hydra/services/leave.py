"""Leave: a worker's process is gone; what it held is free at once, not when its lease runs out."""

from __future__ import annotations

from hydra.services import Hydra


def leave(h: Hydra, worker: str, why: str) -> bool:
    """End the worker's last session; whether a lease was lost by it."""
    return h.store.leave(worker, why)
