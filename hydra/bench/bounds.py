"""The least time in which workers of known speeds could have done a job: what nobody can beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NEVER_S = float("inf")


@dataclass(frozen=True, slots=True)
class Outage:
    """A worker did not run between two moments of a job, in seconds from its submission."""

    worker: str
    from_s: float
    to_s: float = NEVER_S


def bound_s(work: float, speeds: Mapping[str, float], outages: Sequence[Outage] = ()) -> float:
    """The T with: integral from 0 to T of the speeds of those that run = `work`.

    `speeds` are in units of `work` per second.
    """
    moments = sorted({0.0, *(o.from_s for o in outages), *(o.to_s for o in outages)} - {NEVER_S})
    left = work
    for since_s, until_s in zip(moments, [*moments[1:], NEVER_S]):
        out = {o.worker for o in outages if o.from_s <= since_s < o.to_s}
        speed = sum(rate for worker, rate in speeds.items() if worker not in out)
        if left <= speed * (until_s - since_s):
            return since_s + left / speed
        left -= speed * (until_s - since_s)
    return NEVER_S
