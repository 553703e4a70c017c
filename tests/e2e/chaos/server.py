"""The Redis under test: started, killed, starved and damaged as a fault wants."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import redis

from hydra.server.process import TcpEndpoint, ask, configuration, socket_url
from tests.waiting import until

DATA_MB = 64
"""Size of the disk that the data lie on, where we may make one."""

READY_S = 30.0

PAUSE_S = 0.5
"""How long after its end it is started again."""


class Server:
    """One redis-server, configured as Hydra configures its own; it listens on a socket only."""

    def __init__(self, folder: Path, binary: str, fsync: str) -> None:
        self.name = Path(binary).name
        self.fsync = fsync
        self.socket = folder / "redis.sock"
        self.url = socket_url(self.socket, "")
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.mounted = _mount(self.disk)
        """Whether the disk is a small one of our own, so that it can be filled."""
        self.data = self.disk / "redis"
        self.data.mkdir()
        self.log = folder / "redis.log"
        self.wanted = True
        """Whether it is to be started again when it has ended."""
        self._binary = binary
        self._due_s = 0.0
        self._config = folder / "redis.conf"
        # Port 0: the doors have the ports. A debug command is how a server is put to sleep.
        self._config.write_text(
            configuration(self.data, TcpEndpoint(0, "127.0.0.1", ""), fsync, self.socket)
            + "enable-debug-command yes\n"
        )
        self.process = self._launch()
        until(self.answers, within_s=READY_S, what="the server answers")

    def _launch(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [self._binary, str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start it again; it may take its time to answer."""
        self.process = self._launch()

    def tend(self) -> None:
        """Start it if it has ended and is wanted; to be called often."""
        if not self.ended:
            self._due_s = time.monotonic() + PAUSE_S
        elif self.wanted and time.monotonic() >= self._due_s:
            self.start()

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    def answers(self) -> bool:
        info = ask(self.url)
        return info is not None and not info.get("loading")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """As an orderly stop of the machine does."""
        self.process.terminate()
        try:
            self.process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def send(self, number: signal.Signals) -> None:
        if not self.ended:
            self.process.send_signal(number)

    def client(self, timeout_s: float = 2.0) -> redis.Redis:
        """A connection of our own, past every door."""
        return redis.Redis.from_url(
            self.url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s
        )

    def log_file(self) -> Path:
        """The file that the append-only log is written to now: NAME.number.incr.aof."""
        files = self.data.glob("appendonlydir/*.incr.aof")
        return max(files, key=lambda path: int(path.name.split(".")[-3]))

    def fill_disk(self) -> None:
        """Leave no room, if the disk is ours."""
        with (self.disk / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 16, 1 << 8, 1):
                with contextlib.suppress(OSError):
                    while self.mounted and file.write(b"\0" * size):
                        pass

    def free_disk(self) -> None:
        (self.disk / "ballast").unlink(missing_ok=True)

    def close(self) -> None:
        self.send(signal.SIGCONT)
        self.kill()
        if self.mounted:
            subprocess.run(["umount", str(self.disk)], check=False, capture_output=True)
        else:
            shutil.rmtree(self.disk)


def _mount(place: Path) -> bool:
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    words = ["mount", "-t", "tmpfs", "-o", f"size={DATA_MB}m,mode=700", "tmpfs", str(place)]
    return subprocess.run(words, check=False, capture_output=True).returncode == 0
