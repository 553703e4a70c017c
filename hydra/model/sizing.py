"""The rules that size chunks, by name; hydra.policy.chunking has what each does."""

from __future__ import annotations

from enum import StrEnum


class Sizing(StrEnum):
    """A value of the setting HYDRA_SIZING. All but `ours` are for comparison."""

    OURS = "ours"
    """Time-window factoring, and idle workers split leases."""
    STATIC = "static"
    """Equal shares."""
    GSS = "gss"
    """Guided self-scheduling."""
    FAC2 = "fac2"
    """Factoring with batches of half of the rest."""
    AWFC = "awfc"
    """Adaptive weighted factoring."""
    SEED = "seed"
    """The ancestor's: two seconds, and forty times as long until a chunk counts as lost."""
