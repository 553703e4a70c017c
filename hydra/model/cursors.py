"""Where a reader of a list that grows goes on: its position, and the run of the store's server.

A server that was started again, or put back to an older moment, may hold other entries at the same
positions: it has forgotten some, and others came. So a cursor carries the run that its position is
of, and a cursor of another run begins anew. One without a run is taken as it is.
"""

from __future__ import annotations

RUN_CHARS = 8
"""Characters of a run's id: enough to tell it from the one before."""

RUN = f"[0-9a-f]{{{RUN_CHARS}}}"
"""A run's id, as a pattern."""


def cursor_of(run: str, position: str | int) -> str:
    """The cursor that goes on behind the position."""
    return f"{run}.{position}"


def position_in(run: str, cursor: str) -> str:
    """The cursor's position; empty, which is the beginning, for a cursor of another run."""
    known, _, position = cursor.rpartition(".")
    return position if known in ("", run) else ""
