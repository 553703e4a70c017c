"""The reaper's loop: one pass after another, through outages, until it is asked to end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from hydra.clock import Clock
from hydra.errors import Unavailable
from hydra.services.reap import PAUSE_S_MIN

JITTER = 0.1
"""Each pause differs by up to this share, so that several reapers do not pass together."""

BACKOFF_MAX_S = 2.0
"""Longest pause in an outage: lost work waits for this pass once the store is back."""

LOG = logging.getLogger("hydra.reaper")


class Stop(Protocol):
    """What the loop needs of a threading.Event."""

    def is_set(self) -> bool:
        """Whether to end."""

    def wait(self, timeout: float) -> bool:
        """Wait until it is set, or for `timeout` seconds."""


def run(pass_once: Callable[[], float], every_s: float, clock: Clock, stop: Stop) -> None:
    """Call `pass_once` about every `every_s` until `stop` is set, or as soon as it says.

    It returns the seconds until there may be something to do: lost work does not wait for the
    next regular pass. While all workers beat, no lease ends within one.

    While the store does not answer, pauses get longer; one log line says when that begins, and one
    when it ends. Any other error is a bug and ends the loop; the supervisor starts the reaper
    again.
    """
    silent_since_s: float | None = None
    pause_s = every_s
    while not stop.is_set():
        try:
            due_s = pass_once()
        except Unavailable as error:
            if silent_since_s is None:
                silent_since_s = clock.monotonic_s()
                LOG.warning("outage begins why=%s", error.sentence)
            pause_s = min(pause_s * 2, max(BACKOFF_MAX_S, every_s))
        else:
            if silent_since_s is not None:
                LOG.warning("outage ends seconds=%.1f", clock.monotonic_s() - silent_since_s)
            silent_since_s = None
            pause_s = every_s
            if due_s < every_s:
                stop.wait(max(due_s, PAUSE_S_MIN))
                continue
        stop.wait(_jittered(pause_s, clock))


def _jittered(pause_s: float, clock: Clock) -> float:
    share = int(clock.new_id()[-8:], 16) / 0xFFFF_FFFF
    return pause_s * (1 - JITTER + 2 * JITTER * share)
