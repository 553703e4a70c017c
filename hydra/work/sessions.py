"""Sessions of processes: a child, with everything that it started, found by the child's id.

All descendants of a child that leads its own session can be found: an RQ work-horse makes a process
group of its own and lives on when its worker is killed, but it stays in the session.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from hydra.clock import Clock

_LOOK_EVERY_S = 0.02

STILL_LOOKS = 2
"""So many looks in a row that find nobody: the second sees who was forked during the first."""

KILL_LOOKS_MAX = 200
"""A process that the kernel does not let go of is given up after so many looks."""

_PROC = Path("/proc")


def members(leaders: Iterable[int]) -> list[int]:
    """The living processes of these sessions, by their leaders' ids; zombies do not count."""
    wanted = frozenset(leaders)
    return [pid for pid, session in living() if session in wanted] if wanted else []


def moving(leaders: Iterable[int]) -> list[int]:
    """The living processes of these sessions that are not stopped."""
    wanted = frozenset(leaders)
    return [pid for pid, session, state in _found() if session in wanted and state != "T"]


def end(leaders: Iterable[int], *, grace_s: float, clock: Clock) -> None:
    """Ask the leaders to end, wait for them, then kill whatever is left of their sessions."""
    leaders = frozenset(leaders)
    send(signal.SIGTERM, leaders.intersection(members(leaders)))
    deadline_s = clock.monotonic_s() + grace_s
    while leaders.intersection(members(leaders)) and clock.monotonic_s() < deadline_s:
        clock.sleep_s(_LOOK_EVERY_S)
    kill(leaders)


def kill(leaders: Iterable[int]) -> None:
    """Kill every process of these sessions, those forked meanwhile too."""
    leaders, still = frozenset(leaders), 0
    for _ in range(KILL_LOOKS_MAX):
        found = members(leaders)
        send(signal.SIGKILL, found)
        still = 0 if found else still + 1
        if still == STILL_LOOKS:
            return


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send a signal; a process that has just ended is no error."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def how_ended(code: int) -> str:
    """An exit code of Python's `subprocess` in words."""
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"


def living() -> Iterator[tuple[int, int]]:
    """Each living process with its session; zombies do not count."""
    return ((pid, session) for pid, session, _ in _found())


def _found() -> Iterator[tuple[int, int, str]]:
    """Each living process with its session, and the letter of its state."""
    if not (_PROC / "self" / "stat").exists():
        yield from _by_ps()
        return
    for entry in os.listdir(_PROC):
        if not entry.isdigit():
            continue
        try:
            stat = (_PROC / entry / "stat").read_bytes()
        except OSError:
            continue  # it ended while we looked
        # The program's name is in parentheses and may hold anything; what follows it is regular.
        state, _parent, _group, session = stat.rpartition(b")")[2].split()[:4]
        if state not in (b"Z", b"X"):
            yield int(entry), int(session), state.decode()


def _by_ps() -> Iterator[tuple[int, int, str]]:
    # macOS has no /proc, and its ps prints sessions as kernel addresses.
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,stat="], capture_output=True, text=True, timeout=10, check=False
    )
    for line in listing.stdout.splitlines():
        number, state = line.split()[:2]
        if not state.startswith("Z"):
            with contextlib.suppress(OSError):
                yield int(number), os.getsid(int(number)), state[0]
