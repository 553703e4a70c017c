"""Roster: who is here, and what each is doing.

The store knows workers by their calls, and a worker that waits for a task makes none. RQ's list of
workers has it, under the name that RQ gave it; so both are asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hydra.model import Worker
from hydra.services import Hydra


class Presence(StrEnum):
    """What a worker is doing, as far as is known."""

    WORKING = "working"
    IDLE = "idle"
    """It waits for work."""
    PAUSED = "paused"
    GONE = "gone"
    """It does not call, and is not in RQ's list."""


@dataclass(frozen=True, slots=True)
class Roster:
    """The workers seen lately, those who are here first, and how many have done nothing yet."""

    seen: list[tuple[Worker, Presence]]
    fresh: int
    """Workers that wait for their first task, or that have had none for an hour."""

    @property
    def here(self) -> int:
        """How many work or wait for work."""
        some = sum(presence in (Presence.WORKING, Presence.IDLE) for _, presence in self.seen)
        return some + self.fresh


def roster(h: Hydra) -> Roster:
    """Every worker that the store has seen lately or that is in RQ's list."""
    now_ms, seen = h.clock.wall_s() * 1000, []
    waiting = {name_of("", name) for name in h.queue.workers()}  # without hosts: RQ has none
    for worker in h.store.views.workers():
        names = waiting & {worker.id, worker.id.removeprefix(worker.host)}
        waiting -= names
        seen.append((worker, _presence(worker, now_ms, waits=bool(names))))
    seen.sort(key=lambda row: list(Presence).index(row[1]))
    return Roster(seen, len(waiting))


def _presence(worker: Worker, now_ms: float, waits: bool) -> Presence:
    if worker.pause:
        return Presence.PAUSED
    if not worker.live(now_ms):
        return Presence.IDLE if waits else Presence.GONE
    return Presence.WORKING if worker.job else Presence.IDLE


def name_of(host: str, rq_name: str) -> str:
    """What a worker of RQ calls itself here.

    RQ draws 32 hexadecimal digits for one without a name: eight and the host read better.
    """
    return f"{host}-{rq_name[:8]}" if re.fullmatch("[0-9a-f]{32}", rq_name) else rq_name
