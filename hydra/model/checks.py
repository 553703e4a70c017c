"""What should be so, and whether it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that should be so, and whether it is."""

    name: str
    ok: bool
    detail: str
