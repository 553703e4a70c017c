"""Ids of jobs that callers chose, as the ancestor let them, and ours for the same jobs."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from msgspec import Meta

Name = Annotated[
    str,
    Meta(
        pattern=r"^\.*[A-Za-z0-9_:-][A-Za-z0-9_.:-]*$",
        max_length=128,
        title="at most 128 letters, digits and . _ : - and not dots alone",
    ),
]
"""An id that the caller chooses."""

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def own_id(name: str) -> str:
    """Our id of the job that the caller calls so: of a UUID its digits, else a digest."""
    if _UUID.fullmatch(name.lower()):
        return name.lower().replace("-", "")
    return hashlib.sha256(f"job {name}".encode("utf-8", "replace")).hexdigest()[:32]
