"""What the owner of this machine wants and does: orders to pause, and the CPU that others use.

Both lie in small files of the state folder, so that they need no network, hold for all workers of
this user, stock ones included, and outlive a shift. Hydra's kernels run niced, so all CPU time that
the machine counts as not niced is somebody else's: one line of /proc/stat, however many processes
there are. Rejected: a look at every process, which costs more and misses short-lived ones; the load
average, which counts our own.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from hydra.clock import Clock
from hydra.server.state_folder import open_folder, write_whole

ORDER = "pause.json"
LOAD = "owner-load.json"

LOAD_EVERY_S = 1.0
"""Time between two looks at the CPU, for all workers together."""

LOAD_MEMORY_S = 5.0
"""The load is averaged exponentially over this time."""

LOAD_STALE_S = 30.0
"""After so long without a measurement the average starts again."""

STAT = Path("/proc/stat")


def order(state_dir: str, until_s: float) -> None:
    """Ask the workers of this machine to pause until then; infinite for until further notice."""
    known = until_s if math.isfinite(until_s) else None
    write_whole(open_folder(state_dir) / ORDER, json.dumps({"until_s": known}) + "\n")


def resume(state_dir: str) -> None:
    """Cancel the order."""
    (open_folder(state_dir) / ORDER).unlink(missing_ok=True)


def ordered_until_s(state_dir: str) -> float:
    """Wall clock up to which a pause is ordered; 0.0 for none. An unreadable file counts as one."""
    try:
        found = json.loads((Path(state_dir).expanduser() / ORDER).read_text())["until_s"]
        return math.inf if found is None else float(found)
    except FileNotFoundError:
        return 0.0
    except (OSError, ValueError, KeyError, TypeError):
        return math.inf


def load_is_told() -> bool:
    """Whether this system tells the CPU time of niced processes apart."""
    return STAT.exists()


class Load:
    """The owner's load, measured in turn by whichever worker looks first."""

    def __init__(self, state_dir: str, clock: Clock, stat: Path = STAT) -> None:
        self._path = Path(state_dir).expanduser() / LOAD
        self._clock = clock
        self._stat = stat

    def look(self) -> tuple[float | None, bool]:
        """The share of the CPU that others use, None at first; and what `judged` was told last."""
        last, now_s = self._read(), self._clock.wall_s()
        passed_s = now_s - last["at_s"]
        if 0 <= passed_s < LOAD_EVERY_S:
            return last["load"], last["over"]
        theirs_s, whole_s = _cpu_s(self._stat)
        load = None
        if 0 <= passed_s < LOAD_STALE_S and whole_s > last["whole_s"]:
            sample = (theirs_s - last["theirs_s"]) / (whole_s - last["whole_s"])
            weight = 1.0 if last["load"] is None else 1 - math.exp(-passed_s / LOAD_MEMORY_S)
            load = (last["load"] or 0.0) * (1 - weight) + sample * weight
        self._write(
            {
                "at_s": now_s,
                "theirs_s": theirs_s,
                "whole_s": whole_s,
                "load": load,
                "over": last["over"] and load is not None,
            }
        )
        return load, last["over"]

    def judged(self, over: bool) -> None:
        """Keep for all workers whether the load is too high."""
        last = self._read()
        if last["over"] != over:
            self._write({**last, "over": over})

    def _read(self) -> dict[str, Any]:
        blank = {"at_s": -math.inf, "theirs_s": 0.0, "whole_s": 0.0, "load": None, "over": False}
        try:
            return {**blank, **json.loads(self._path.read_text())}
        except (OSError, ValueError):
            return blank

    def _write(self, record: dict[str, Any]) -> None:
        open_folder(str(self._path.parent))
        write_whole(self._path, json.dumps(record) + "\n")


def _cpu_s(stat: Path) -> tuple[float, float]:
    """CPU seconds since boot of everything that was not niced, and of all cores."""
    words = stat.read_text().split("\n", 1)[0].split()[1:9]
    user, _nice, system, _idle, _wait, irq, soft, _steal = map(int, words)
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + system + irq + soft) / ticks, sum(map(int, words)) / ticks
