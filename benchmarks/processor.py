"""Who had the processors for how long: the machine's account, and that of a fleet's processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")

ROLES = ("worker", "redis-server", "valkey-server", "scheduler", "reaper", "up")
"""Words of a command line that tell what a process of a fleet is."""


@dataclass(frozen=True)
class Account:
    """Seconds of all processors together since the machine started; Linux alone tells them."""

    busy_s: float
    idle_s: float
    stolen_s: float
    """Taken by the machine's host."""

    @classmethod
    def read(cls) -> Account:
        """The first line of /proc/stat; its times for guests are in those for users already."""
        words = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        user, nice, system, idle, iowait, irq, softirq, steal = (int(w) / TICKS_S for w in words)
        return cls(user + nice + system + irq + softirq, idle + iowait, steal)


def by_role(mark: str) -> dict[str, float]:
    """Processor seconds of the processes that know `mark`, by what they do.

    They have it in their environment or on their command line, as a fleet has its folder. What a
    process's ended children took is counted with it, also of a child that it has not seen off yet.
    """
    took_s, parents, roles = {}, {}, {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        pid = int(folder.name)
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            took_s[pid], parents[pid] = sum(map(int, fields[11:15])) / TICKS_S, int(fields[1])
            line = (folder / "cmdline").read_bytes()
            if mark.encode() in line + (folder / "environ").read_bytes():
                roles[pid] = _role(line.decode(errors="replace").split("\0"))
        except OSError:
            continue  # it has ended, or is another user's
    found: dict[str, float] = {}
    for pid, seconds in took_s.items():
        role = roles.get(pid) or roles.get(parents[pid])
        if role:
            found[role] = found.get(role, 0.0) + seconds
    return found


def _role(words: list[str]) -> str:
    names = {Path(word.split(" ")[0]).name for word in words if word}
    return next((role for role in ROLES if role in names), "other")
