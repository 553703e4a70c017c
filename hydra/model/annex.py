"""What an annex has: a folder that a fleet can do without says so in one record.

Everything is named by its import path, `module:name`, and loaded when it is first used. The record
grows with what annexes need; it is no plug-in framework: `hydra/annexes.py` lists the folders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Annex:
    """One annex, as the `__init__` of its folder names it `ANNEX`."""

    routes: Sequence[str] = ()
    """Groups of routes for the API: classes that are made with the Hydra bundle."""
    pages: Sequence[str] = ()
    """Blueprints of pages: functions of the Hydra bundle."""
    commands: Mapping[str, str] = field(default_factory=dict)
    """Commands of `hydra`, by name."""
    metrics: Sequence[str] = ()
    """Collectors for `/metrics`: classes that are made with the Hydra bundle."""
    scenarios: Mapping[str, str] = field(default_factory=dict)
    """Fleets for `hydra simulate`, by name."""
    wires: Sequence[str] = ()
    """Functions that take a wired Hydra bundle, and give it back with adapters of their own."""
