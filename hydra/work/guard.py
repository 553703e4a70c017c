"""Ends a supervisor's children when the supervisor itself is gone, however it ended.

The supervisor tells the guard over a pipe which sessions it has started. A killed supervisor cannot
send anything, but the operating system closes its end of the pipe. Rejected: Linux's parent-death
signal, which macOS lacks, which follows the thread rather than the process, and which misses
grandchildren; a pipe watched by each child, which a child that is stuck cannot do.

Lines are `add ID`, `add-last ID` (ended after the others: the server, so that the last results are
still taken) and `drop ID`.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterable

from hydra.clock import SystemClock
from hydra.work import sessions

GRACE_S = 5.0
"""How long children have to end by themselves."""


def watch(lines: Iterable[str]) -> None:
    """Follow the supervisor's lines to their end, then end what it has left behind."""
    first: set[int] = set()
    last: set[int] = set()
    for line in lines:
        verb, _, number = line.partition(" ")
        leader = int(number)
        if verb == "drop":
            first.discard(leader)
            last.discard(leader)
        else:
            (last if verb == "add-last" else first).add(leader)
    sessions.end(first, grace_s=GRACE_S, clock=SystemClock())
    sessions.end(last, grace_s=GRACE_S, clock=SystemClock())


if __name__ == "__main__":
    # Whatever ends the supervisor's group must not end the guard first.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    watch(sys.stdin)
