"""Time, chance and ids come from here alone; nothing else may call `time` or `random`."""

from __future__ import annotations

import secrets
import time
from typing import Protocol


class Clock(Protocol):
    """What the rest of Hydra may know of time and chance."""

    def monotonic_s(self) -> float:
        """Seconds that never go back; only differences mean anything."""

    def wall_s(self) -> float:
        """Seconds since 1970, for people to read; never for deciding who owns what."""

    def sleep_s(self, seconds: float) -> None:
        """Wait."""

    def new_id(self) -> str:
        """An unguessable name: 128 random bits as 32 hexadecimal digits."""


def thread_cpu_s() -> float:
    """Processor time that this thread has used; what other work takes from it does not count."""
    return time.thread_time()


class SystemClock:
    """The machine's own clock and random source."""

    def monotonic_s(self) -> float:
        """Read the monotonic clock."""
        return time.monotonic()

    def wall_s(self) -> float:
        """Read the wall clock."""
        return time.time()

    def sleep_s(self, seconds: float) -> None:
        """Sleep in this thread."""
        time.sleep(seconds)

    def new_id(self) -> str:
        """Draw from the operating system's random source."""
        return secrets.token_hex(16)


class ManualClock:
    """A clock that moves only when it is set, and counts its ids: for tests and simulation."""

    def __init__(self, start_s: float = 1_000.0) -> None:
        self.now_s = start_s
        self._ids = 0

    def monotonic_s(self) -> float:
        """Read the time set so far."""
        return self.now_s

    def wall_s(self) -> float:
        """Read the time set so far."""
        return self.now_s

    def sleep_s(self, seconds: float) -> None:
        """Jump ahead instead of waiting."""
        self.now_s += seconds

    def new_id(self) -> str:
        """The next number, so that a run repeats exactly."""
        self._ids += 1
        return f"{self._ids:032x}"
