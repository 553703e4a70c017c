"""Pauses of a worker: why it takes no work now, and the hours in which it may."""

from __future__ import annotations

import re
from dataclasses import dataclass

DAY_S = 86_400

Hours = tuple[tuple[int, int], ...]
"""When work is allowed: from and to in seconds of the local day; from > to goes over midnight."""

_RANGE = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)")


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a worker takes no work."""

    why: str
    until_ms: int = 0
    """Wall-clock time at which it may end; 0 if nobody knows."""


def parse_hours(text: str) -> Hours:
    """`22:00-07:00`, or several such ranges with commas; none for empty text.

    Raises ValueError with what is wrong.
    """
    found = []
    for part in filter(None, text.split(",")):
        match = _RANGE.fullmatch(part.strip())
        if not match:
            raise ValueError(f"must be like 22:00-07:00 or 08:00-09:00,18:00-24:00, not {text!r}")
        since_h, since_m, until_h, until_m = (int(word or 0) for word in match.groups())
        since_s = since_h * 3600 + since_m * 60
        until_s = until_h * 3600 + until_m * 60 if match[3] else DAY_S
        if since_s == until_s:
            raise ValueError(f"must not have an empty range: {part.strip()}")
        found.append((since_s, until_s))
    return tuple(found)
