"""Shares of a core for processes: cgroups of our own, of either version, gone at the end.

A quota is time per period, and a worker that has used it up stands still until the next period.
With the usual 100 ms a worker of 0.07 cores would stand still for 93 ms in a row, longer than many
chunks; no slow machine does that. The kernel takes no quota below 1 ms, so short periods need
large shares: 20 ms lets a share be as small as 1/20, and stalls it for 20 to 40 ms at most.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.clock import Clock, SystemClock
from hydra.errors import BadParam, Unavailable

PERIOD_US = 20_000
"""How often a worker gets its share."""

QUOTA_US_MIN = 1_000
"""The kernel's own least quota."""

GONE_S = 5.0
"""How long the last process of a cgroup may take to leave it."""

_LOOK_EVERY_S = 0.05
_JOIN = 'echo $$ > "$0" && exec "$@"'


def shares(quotas: Sequence[float], cores: float) -> list[float]:
    """The quotas scaled so that they sum to `cores`, in cores.

    Raises BadParam if one is not positive, or too small for the kernel to keep.
    """
    if not quotas or min(quotas) <= 0:
        raise BadParam("quotas must be numbers above 0", field="quotas")
    scaled = [cores * quota / sum(quotas) for quota in quotas]
    least = QUOTA_US_MIN / PERIOD_US
    if min(scaled) < least:
        raise BadParam(
            f"the least of the quotas is {min(scaled):.3f} cores and must be at least {least:g}",
            field="quotas",
        )
    return scaled


@dataclass(frozen=True, slots=True)
class Group:
    """One cgroup of ours; `unified` says whether it is of version 2."""

    folder: Path
    unified: bool

    def limit(self, cores: float | None) -> None:
        """Give its processes this many cores; None gives them all there are."""
        quota_us = None if cores is None else round(cores * PERIOD_US)
        if self.unified:
            (self.folder / "cpu.max").write_text(f"{quota_us or 'max'} {PERIOD_US}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota_us or -1))

    def command(self, words: Sequence[str]) -> tuple[str, ...]:
        """The command that runs inside: it joins before it becomes what it is."""
        return ("/bin/sh", "-c", _JOIN, str(self.folder / "cgroup.procs"), *words)


@contextlib.contextmanager
def groups(
    names: Sequence[str], proc: Path = Path("/proc/self"), clock: Clock | None = None
) -> Iterator[list[Group]]:
    """A cgroup for each name, removed at the end; by then its processes must have ended.

    Raises Unavailable if this machine lets us make none.
    """
    parent, unified = _parent(proc)
    made: list[Group] = []
    try:
        for name in names:
            group = Group(parent / name, unified)
            try:
                group.folder.mkdir()
                made.append(group)
                group.limit(None)
            except OSError as error:
                raise Unavailable(
                    f"no CPU quotas here: {group.folder} cannot be made ({error.strerror}); "
                    "run as root, or where the cgroups are yours"
                ) from None
        yield made
    finally:
        for group in made:
            _remove(group.folder, clock or SystemClock())


def _parent(proc: Path) -> tuple[Path, bool]:
    """The folder in which our cgroups go, and whether it is of version 2."""
    mounts = [line.split(" ") for line in (proc / "mounts").read_text().splitlines()]
    for _, place, kind, options, *_ in mounts:
        if kind == "cgroup" and "cpu" in options.split(","):
            return _own(Path(place), proc), False
    for _, place, kind, *_ in mounts:
        controllers = Path(place) / "cgroup.controllers"
        if kind == "cgroup2" and controllers.exists() and "cpu" in controllers.read_text().split():
            # Below a cgroup with processes version 2 allows no quotas, but at the root it does.
            with contextlib.suppress(OSError):
                (Path(place) / "cgroup.subtree_control").write_text("+cpu")
            return Path(place), True
    raise Unavailable("no CPU quotas here: the kernel offers no cpu cgroup (Linux only)")


def _own(mount: Path, proc: Path) -> Path:
    """The cgroup that this process is in, so that quotas set from outside still hold."""
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own = mount / path.lstrip("/")
        if "cpu" in controllers.split(",") and own.is_dir():
            return own
    return mount


def _remove(folder: Path, clock: Clock) -> None:
    """Remove a cgroup as soon as its last process has left; raises OSError if it does not."""
    deadline_s = clock.monotonic_s() + GONE_S
    while True:
        try:
            folder.rmdir()
        except OSError:
            if clock.monotonic_s() >= deadline_s:
                raise
            clock.sleep_s(_LOOK_EVERY_S)
        else:
            return
