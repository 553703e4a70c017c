"""What the sections stand on: a private server, child processes, and their certain end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra.server import running
from hydra.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

PORT_FIRST, PORT_LAST = 18300, 18399
"""Below the ports that the system gives out by itself."""

STOP_S = 10.0
UP_S = 30.0
WORKERS = 2


def free_port(first: int = PORT_FIRST) -> int:
    """A port of ours that nobody listens on now, the first from there on."""
    for port in range(first, PORT_LAST + 1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError(f"no free port from {first} to {PORT_LAST}")


@dataclass(frozen=True)
class Bed:
    """A folder and a Redis of our own."""

    folder: Path
    tcp_url: str
    unix_url: str
    server_pid: int

    @property
    def env(self) -> dict[str, str]:
        """What children get: no setting of this machine but where our server is."""
        return clean_env(HYDRA_STATE_DIR=str(self.folder), REDIS_URL=self.tcp_url)


def script(name: str, *words: str) -> list[str]:
    """The command line of a script that was installed beside this Python."""
    return [str(Path(sys.executable).with_name(name)), *words]


@contextmanager
def redis_bed(fsync: str = "always") -> Iterator[Bed]:
    """A fresh server that is configured as Hydra configures its own; gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hydra-bench-"))
    folder.chmod(0o700)
    port = free_port()
    server = running.start(Settings.read({}, state_dir=str(folder), fsync=fsync), redis_port=port)
    try:
        yield Bed(folder, f"redis://127.0.0.1:{port}/0", server.url, server.pid)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def clean_env(**more: str) -> dict[str, str]:
    """This environment without a person's own settings, and with the checkout importable."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HYDRA_") and name != "REDIS_URL"
    }
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), **more}


@contextmanager
def children(
    commands: Sequence[Sequence[str]], env: Mapping[str, str], log: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the commands side by side; at the end ask each to stop, then make it."""
    with log.open("ab") as output:
        started = [
            subprocess.Popen(
                command,
                env=dict(env),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            for command in commands
        ]
        try:
            yield started
        finally:
            for child in started:
                child.send_signal(signal.SIGTERM)
            for child in started:
                _see_off(child)


def _see_off(child: subprocess.Popen[bytes]) -> None:
    """Wait for a child; one that does not listen is killed with its own session."""
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def fdatasync_ms() -> float:
    """Median time for the disk under the private servers to take 1 KB for sure."""
    took_ms = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(b"x" * 1024)
            file.flush()
            begun_s = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            took_ms.append((time.perf_counter() - begun_s) * 1e3)
    return statistics.median(took_ms)


@contextmanager
def fleet(workers: int = WORKERS, **settings: str) -> Iterator[tuple[str, Path]]:
    """`hydra up` with its workers, on a port and in a folder of our own; its address, once up."""
    folder = Path(tempfile.mkdtemp(prefix="hydra-bench-"))
    log = folder / "up.log"
    command = [
        sys.executable,
        "-m",
        "hydra",
        "up",
        "--workers",
        str(workers),
        "--port",
        str(free_port()),
    ]
    try:
        with children([command], clean_env(HYDRA_STATE_DIR=str(folder), **settings), log):
            yield _url_of(folder), folder
    except TimeoutError:
        print(log.read_text(errors="replace"), file=sys.stderr)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _url_of(folder: Path) -> str:
    ends_s = time.monotonic() + UP_S
    while time.monotonic() < ends_s:
        if (folder / "up.json").exists():
            return str(json.loads((folder / "up.json").read_text())["url"])
        time.sleep(0.05)
    raise TimeoutError(f"hydra up was not ready within {UP_S:.0f} s")
