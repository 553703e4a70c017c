"""The state folder: who may read it, which process uses it, and the secrets in it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.clock import Clock, SystemClock
from hydra.errors import BadSetting, Conflict

CLOCK: Clock = SystemClock()

OURS = ("lock", "up.lock", "server.json")
"""Any of these in a folder shows that it is a state folder."""

LOCK_WAIT_S = 30.0
"""How long to wait for another process that is just starting the server."""

_LOOK_EVERY_S = 0.02


def open_folder(state_dir: str) -> Path:
    """The state folder, made if missing, readable by its owner only.

    If others can enter the folder, it is closed to them if it is empty or already a state folder;
    otherwise it belongs to someone else and is left alone. Raises BadSetting with what to do.
    """
    folder = Path(state_dir).expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            if any(folder.iterdir()) and not any((folder / name).exists() for name in OURS):
                raise BadSetting(
                    f"the state folder {folder} holds other files and is open to others; "
                    f"set HYDRA_STATE_DIR to another folder",
                    field="HYDRA_STATE_DIR",
                )
            folder.chmod(0o700)
    except OSError as error:
        raise BadSetting(
            f"the state folder {folder} cannot be used: {error.strerror}", field="HYDRA_STATE_DIR"
        ) from None
    return folder


@contextmanager
def hold(path: Path, *, wait_s: float = LOCK_WAIT_S) -> Iterator[int]:
    """Hold an exclusive lock on the file at `path`; gives the descriptor that carries it.

    The kernel frees the lock when its last holder ends, however it ends, so none is ever stale.
    Raises Conflict if someone else holds it for longer than `wait_s`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline_s = CLOCK.monotonic_s() + wait_s
        while not try_lock(descriptor):
            if CLOCK.monotonic_s() >= deadline_s:
                raise Conflict(f"another process holds {path}")
            CLOCK.sleep_s(_LOOK_EVERY_S)
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the exclusive lock if nobody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_secret(folder: Path, name: str) -> str:
    """The secret kept under this name, or empty."""
    try:
        return (folder / name).read_text().strip()
    except FileNotFoundError:
        return ""


def keep_secret(folder: Path, name: str) -> str:
    """The secret kept under this name; made of 128 random bits if there is none.

    The name appears at once with its content, so that two first starts agree on one.
    """
    if found := read_secret(folder, name):
        return found
    fresh = CLOCK.new_id()
    draft = folder / f"{name}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh + "\n")
    try:
        os.link(draft, folder / name)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return read_secret(folder, name)


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, readable by the owner only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
