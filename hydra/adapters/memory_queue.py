"""The queue of tasks as a list: for tests, simulation and Hydra in one process."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any


@dataclass
class MemoryQueue:
    """The TaskQueue port as a list, for tests and simulation."""

    tasks: list[tuple[str, int]] = field(default_factory=list)
    listening: Collection[str] = ()

    def enqueue(self, tasks: Any) -> None:
        """Add chunk tasks."""
        self.tasks += tasks

    def waiting(self) -> int:
        """How many tasks are queued."""
        return len(self.tasks)

    def workers(self) -> Collection[str]:
        """The names of the workers that listen."""
        return self.listening
