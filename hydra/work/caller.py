"""Who calls the store for one worker: what the loop and its lanes share."""

from __future__ import annotations

from dataclasses import dataclass, field

from hydra.clock import Clock
from hydra.model import Session
from hydra.ports import Pacing, WorkPort
from hydra.work.link import Link
from hydra.work.patience import Patience


@dataclass(frozen=True, slots=True)
class Caller:
    """A worker's session, the port that it calls, and what is known of the way there."""

    port: WorkPort
    clock: Clock
    pacing: Pacing
    session: Session
    link: Link = field(default_factory=Link)

    def now_s(self) -> float:
        """By the worker's clock."""
        return self.clock.monotonic_s()

    def patience(self) -> Patience:
        """For one call: as much as an outage may take."""
        return Patience(self.clock, self.pacing.outage_seconds)
