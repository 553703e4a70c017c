"""Hydra: idle machines finish one big embarrassingly parallel job together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Client", "__version__", "as_completed"]

if TYPE_CHECKING:
    from hydra.client import Client, as_completed


def __getattr__(name: str) -> Any:
    """Load the client on first use, so that workers never pay for it."""
    if name in ("Client", "as_completed"):
        from hydra import client

        return getattr(client, name)
    raise AttributeError(f"module 'hydra' has no attribute {name!r}")
