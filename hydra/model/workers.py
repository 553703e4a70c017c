"""Who computes: a worker as people see it, and its process as the store knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hydra.model.pauses import Pause


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One worker as it last showed itself."""

    id: str
    host: str
    """Its machine: rates are remembered under this name."""
    pid: int
    seen_ms: int
    """Wall-clock time of the store at its last call."""
    live_until_ms: int
    """It counts as live until then if nothing more is heard of it."""
    job: str = ""
    """The job it holds a part of, or empty."""
    doing: str = ""
    """Its last claim and why it was sized so, for people."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Cost units a second, by kernel version."""
    pause: Pause | None = None
    """Why it takes no work now; then it counts in no figure of the fleet."""

    def live(self, now_ms: float) -> bool:
        """Whether it counts in the fleet's figures."""
        return now_ms <= self.live_until_ms and not self.pause


@dataclass(frozen=True, slots=True)
class Session:
    """One worker process, as it names itself in every call."""

    id: str
    worker: str
    host: str
    """Its machine: rates are remembered under this name."""
    pid: int = 0
