"""Rows of figures: printed as tables, written as JSON lines, with the facts of the machine."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "redis", "rq", "celery", "distributed", "dramatiq", "huey", "numba")


def machine_facts() -> dict[str, Any]:
    """What a reader needs to place the figures: processor, cores, load, versions."""
    facts: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = version(name)
        except PackageNotFoundError:
            facts[name] = None
    return facts


def line_of(facts: dict[str, Any]) -> str:
    """The facts in one line."""
    return ", ".join(f"{name} {value or 'not installed'}" for name, value in facts.items())


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if sys.platform == "darwin":
        asked = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return platform.processor() or platform.machine()


@dataclass
class Rows:
    """The rows of one section, in tables by name; each row is also one JSON line."""

    section: str
    facts: dict[str, Any]
    json_path: str = ""
    _tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _notes: list[str] = field(default_factory=list)

    def add(self, table: str, **row: Any) -> None:
        """One row; its fields are the table's columns, with their units in the names."""
        self._tables.setdefault(table, []).append(row)
        if self.json_path:
            record = {"section": self.section, "table": table, **row, "machine": self.facts}
            with Path(self.json_path).open("a") as out:
                out.write(json.dumps(record) + "\n")

    def take(self, others: Rows) -> None:
        """The tables and notes of others after these; their JSON lines are written already."""
        self._tables |= others._tables
        self._notes += others._notes

    def note(self, text: str) -> None:
        """A remark under the tables: a missing peer, a doubt."""
        self._notes.append(text)

    def show(self) -> None:
        """Print everything as Markdown."""
        for table, rows in self._tables.items():
            print(f"\n{table}\n")
            columns = list(dict.fromkeys(name for row in rows for name in row))
            cells = [[_text(row.get(name, "")) for name in columns] for row in rows]
            widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
            for line in [columns, ["-" * width for width in widths], *cells]:
                print("| " + " | ".join(map(str.ljust, line, widths)) + " |")
        print()
        for text in self._notes:
            print(f"* {text}")
        sys.stdout.flush()


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)
