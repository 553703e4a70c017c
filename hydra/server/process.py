"""One Redis-compatible process: its configuration, its start, its end."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from hydra.errors import StoreDown
from hydra.server.addresses import host_for, is_loopback
from hydra.server.binary import Binary
from hydra.server.renewal import Renewal
from hydra.server.state_folder import CLOCK, write_whole

LOG_FILE = "logs/redis.log"
"""The server's own log, in the state folder."""

ANSWER_S = 5.0
"""How long one question to a server may take."""

READY_S = 10.0
"""How long a server may take until its socket answers."""

LOADING_S = 300.0
"""How long a server may take to read its log back."""

STOP_S = 10.0
"""How long a server may take to end; then it is killed, which loses nothing under fsync always."""

LOOK_EVERY_S = 0.01


@dataclass(frozen=True, slots=True)
class TcpEndpoint:
    """The TCP address that the server should have besides its socket; port 0 is none."""

    port: int
    bind: str
    password: str

    @property
    def join_line(self) -> str:
        """What to type on another machine to work for this one; empty if it cannot reach us."""
        if not self.port or is_loopback(self.bind):
            return ""
        return f"rq worker hydra --url redis://:{self.password}@{host_for(self.bind)}:{self.port}"


@dataclass(slots=True)
class Server:
    """A Redis that answers, and what is known of where it came from."""

    url: str
    how: str
    """How it was chosen, for people."""
    version: str = ""
    path: str = ""
    pid: int = 0
    """Process id; 0 for a server that was given by its address."""
    join_line: str = ""
    process: subprocess.Popen[bytes] | None = None
    """Set only on a server that this call started."""
    record: Path | None = None

    def has_ended(self) -> bool:
        """Whether this call's own server is gone."""
        return self.process is not None and self.process.poll() is not None

    def stop(self) -> None:
        """End the server if this call started it; anybody else's is left alone.

        The process is our own unreaped child, so its id cannot have passed to another.
        """
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.record is not None:
            self.record.unlink(missing_ok=True)


def launch(
    binary: Binary, fsync: str, folder: Path, socket: Path, endpoint: TcpEndpoint, server_lock: int
) -> Server:
    """Start the server and wait until it answers.

    It inherits the locked descriptor `server_lock`. Raises StoreDown with the last line of its log.
    """
    (folder / "redis").mkdir(mode=0o700, exist_ok=True)
    log = folder / LOG_FILE
    log.parent.mkdir(mode=0o700, exist_ok=True)
    # A file, since the arguments of a process are there for every user to read.
    write_whole(folder / "redis.conf", configuration(folder / "redis", endpoint, fsync, socket))
    log.write_bytes(b"")
    with log.open("ab") as output:  # appending, so that cutting a long log leaves no gap
        process = subprocess.Popen(
            [binary.path, str(folder / "redis.conf")],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C must reach its users first
            pass_fds=(server_lock,),
        )
    server = Server(
        url=socket_url(socket, endpoint.password),
        how=binary.how,
        version=binary.version_text,
        path=binary.path,
        pid=process.pid,
        process=process,
        record=folder / "server.json",
    )
    try:
        _wait_ready(server, log)
        with client_of(server.url) as client:
            Renewal(client).look()
    except BaseException:
        server.stop()
        raise
    return server


def _wait_ready(server: Server, log: Path) -> None:
    begun_s = CLOCK.monotonic_s()
    limit_s = READY_S
    while True:
        if server.has_ended():
            raise StoreDown(f"{server.path} ended at once: {_last_line(log)}; its log is {log}")
        info = ask(server.url)
        if info and not info.get("loading"):
            return
        if info:
            limit_s = LOADING_S
        if CLOCK.monotonic_s() - begun_s > limit_s:
            raise StoreDown(
                f"{server.path} does not answer after {limit_s:.0f} s; its log is {log}"
            )
        CLOCK.sleep_s(LOOK_EVERY_S)


def configuration(data: Path, endpoint: TcpEndpoint, fsync: str, socket: Path | None = None) -> str:
    """The text of a redis.conf that keeps every acknowledged write in the folder `data`."""
    lines = [
        f"port {endpoint.port}",
        f"bind {endpoint.bind}",
        f"dir {_quoted(data)}",
        "daemonize no",
        "appendonly yes",
        f"appendfsync {fsync}",
        # With a preamble, a log written by Valkey 9 cannot be read by Redis 7.
        "aof-use-rdb-preamble no",
        "auto-aof-rewrite-min-size 16mb",
        'save ""',
        "maxmemory-policy noeviction",
    ]
    if socket is not None:
        lines += [f"unixsocket {_quoted(socket)}", "unixsocketperm 700"]
    if endpoint.password:
        lines.append(f"requirepass {endpoint.password}")
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def ask(url: str) -> dict[str, Any] | None:
    """What the server answers to INFO, which it does even while loading; None if silent."""
    with client_of(url) as client:
        try:
            return dict(client.info())
        except redis.RedisError:
            return None


def client_of(url: str) -> redis.Redis:
    """A connection that tells at once if nobody is there."""
    return redis.Redis.from_url(
        url,
        socket_timeout=ANSWER_S,
        socket_connect_timeout=ANSWER_S,
        retry=Retry(NoBackoff(), 0),
        client_name="hydra-start",
    )


def socket_url(socket: Path, password: str) -> str:
    """The address of the server's socket."""
    return f"unix://{f':{password}@' if password else ''}{quote(str(socket))}"


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it wrote nothing"
