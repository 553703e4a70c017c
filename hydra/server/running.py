"""The Redis that this machine's Hydra uses: given, already running, or started here.

The order is: `REDIS_URL`; a server that already runs for this state folder; one that is started
from what the machine has (see `binary.py`). The server listens on a unix socket in the state
folder, which needs neither a free port nor a password; a TCP port is opened only when asked for.

Two servers on one folder would ruin each other's log, and Redis itself has no lock. So the server
inherits a locked descriptor: the kernel holds the lock for exactly as long as the server lives, and
neither a killed server nor a reused process id can mislead us. A second lock covers the start
itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis

from hydra.errors import BadSetting, StoreDown
from hydra.server.addresses import is_loopback, parse_bind
from hydra.server.binary import find
from hydra.server.process import (
    LOG_FILE,
    LOOK_EVERY_S,
    READY_S,
    Server,
    TcpEndpoint,
    ask,
    client_of,
    launch,
    socket_url,
)
from hydra.server.state_folder import (
    CLOCK,
    hold,
    keep_secret,
    open_folder,
    read_secret,
    try_lock,
    write_whole,
)
from hydra.settings import Settings

PORT = 6379
"""TCP port when an address but no port is asked for."""

SOCKET_PATH_BYTES_MAX = 103
"""macOS allows 104 with the closing zero; Linux 108."""


def start(settings: Settings, *, redis_port: int = 0, redis_bind: str = "") -> Server:
    """The server to use, started if need be; safe to call from many processes at once.

    `redis_port` opens a TCP port, on loopback unless `redis_bind` names an address; an address that
    others can reach makes a password. Raises StoreDown, BadSetting or Conflict, each with one
    sentence that says what to do.
    """
    if settings.redis_url:
        if redis_port or redis_bind:
            raise BadSetting("--redis-port and --redis-bind have no use with REDIS_URL")
        return _given(settings.redis_url)
    folder = open_folder(settings.state_dir)
    endpoint = _endpoint(folder, redis_port, redis_bind)
    socket = _socket_path(folder)
    with hold(folder / "lock"):
        server_lock = os.open(folder / "redis.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            server = _join(folder, socket, server_lock)
            if server is None:
                binary = find(settings.redis_server)
                server = launch(binary, settings.fsync, folder, socket, endpoint, server_lock)
            elif endpoint.port:
                _open_endpoint(server, socket, endpoint)
        finally:
            os.close(server_lock)
        if server.process is not None or endpoint.port:
            _write_record(server, folder, socket, endpoint)
    server.join_line = endpoint.join_line
    return server


def running_server(settings: Settings) -> Server | None:
    """The server that runs for the state folder now; starts and changes nothing."""
    folder = Path(settings.state_dir).expanduser().absolute()
    if not (folder / "redis.lock").exists():
        return None
    server_lock = os.open(folder / "redis.lock", os.O_RDWR)
    try:
        return _join(folder, _socket_path(folder), server_lock)
    finally:
        os.close(server_lock)


def _given(url: str) -> Server:
    with client_of(url) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            where = urlsplit(url)
            place = f"{where.hostname}:{where.port or PORT}" if where.hostname else where.path
            raise StoreDown(f"the Redis of REDIS_URL at {place} does not answer: {error}") from None
    host = urlsplit(url).hostname or ""
    # The address may contain a password, which must not be printed.
    join = "" if not host or is_loopback(host) else 'rq worker hydra --url "$REDIS_URL"'
    return Server(url=url, how="REDIS_URL", join_line=join)


def _endpoint(folder: Path, port: int, bind: str) -> TcpEndpoint:
    bind = parse_bind(bind, "--redis-bind") if bind else "127.0.0.1"
    if not is_loopback(bind):
        return TcpEndpoint(port or PORT, bind, keep_secret(folder, "redis-password"))
    # Once there is a password it stays: another machine may still hold the line that was printed.
    return TcpEndpoint(port, bind, read_secret(folder, "redis-password"))


def _socket_path(folder: Path) -> Path:
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        return path
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    near = base / f"hydra-{os.getuid()}"
    near.mkdir(mode=0o700, exist_ok=True)
    status = near.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise BadSetting(
            f"the path of the state folder {folder} is too long for a socket, and {near} is not "
            f"safe; set HYDRA_STATE_DIR to a shorter path",
            field="HYDRA_STATE_DIR",
        )
    return near / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.sock"


def _join(folder: Path, socket: Path, server_lock: int) -> Server | None:
    """The server that runs for this folder; None, with its lock taken by us, if there is none."""
    deadline_s = CLOCK.monotonic_s() + READY_S
    password = read_secret(folder, "redis-password")
    while not try_lock(server_lock):
        # A password made by this very call is not yet known to a server that has none.
        for url in dict.fromkeys((socket_url(socket, password), socket_url(socket, ""))):
            info = ask(url)
            if info and not info.get("loading"):
                return _running(url, info)
            if info:
                deadline_s = CLOCK.monotonic_s() + READY_S
        if CLOCK.monotonic_s() >= deadline_s:
            raise StoreDown(
                f"a server runs for the state folder {folder} but does not answer at {socket}; "
                f"its log is {folder / LOG_FILE}"
            )
        CLOCK.sleep_s(LOOK_EVERY_S)
    return None


def _running(url: str, info: dict[str, Any]) -> Server:
    flavour = "valkey" if "valkey_version" in info else "redis"
    return Server(
        url=url,
        how="already running for this state folder",
        version=f"{flavour} {info[f'{flavour}_version']}",
        path=str(info.get("executable", "")),
        pid=int(info["process_id"]),
    )


def _open_endpoint(server: Server, socket: Path, endpoint: TcpEndpoint) -> None:
    """Give a running server the TCP port, and first the password that guards it."""
    with client_of(server.url) as client:
        try:
            if endpoint.password:
                client.config_set("requirepass", endpoint.password)
            # In one command: the new port must not open on the old address.
            client.config_set("port", endpoint.port, "bind", endpoint.bind)
        except redis.RedisError as error:
            raise StoreDown(
                f"the running server cannot listen on {endpoint.bind}:{endpoint.port}: {error}"
            ) from None
    server.url = socket_url(socket, endpoint.password)


def _write_record(server: Server, folder: Path, socket: Path, endpoint: TcpEndpoint) -> None:
    """Tell people, and `hydra doctor`, what runs here; nothing is decided by this file."""
    facts = {
        "pid": server.pid,
        "path": server.path,
        "version": server.version,
        "how": server.how,
        "socket": str(socket),
        "port": endpoint.port,
        "bind": endpoint.bind,
    }
    write_whole(folder / "server.json", json.dumps(facts, indent=1) + "\n")
