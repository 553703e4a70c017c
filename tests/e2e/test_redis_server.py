"""The resolver with real servers: one per folder, data stays, only our own is stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hydra.errors import BadSetting, StoreDown, StoreUnsafe
from hydra.server import running as redis_server
from hydra.server.connection import connect, inspect, require_safe
from hydra.server.process import Server
from hydra.settings import Settings
from tests.e2e.conftest import Start, servers
from tests.e2e.fleet import free_port
from tests.waiting import until


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def fake_server(folder: Path, banner: str) -> str:
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\necho '{banner}'\n")
    program.chmod(0o755)
    return str(program)


def test_a_fresh_server_is_safe_and_private(
    start_server: Start, server_path: str, state_dir: Path
) -> None:
    server = start_server(server_path)
    with connect(server.url) as client:
        facts = require_safe(client)
        wanted = ("aof-use-rdb-preamble", "save", "port")
        configured = {name: client.config_get(name)[name] for name in wanted}
    assert facts.process_id == server.pid
    assert facts.version_text == server.version
    assert facts.aof_enabled
    assert facts.fsync == "always"
    assert configured == {"aof-use-rdb-preamble": "no", "save": "", "port": "0"}
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    record = json.loads((state_dir / "server.json").read_text())
    assert record["pid"] == server.pid
    assert record["path"] == server_path


def test_data_survives_stop_and_kill(start_server: Start, server_path: str) -> None:
    first = start_server(server_path)
    with connect(first.url) as client:
        client.set("stopped", "1")
    first.stop()
    second = start_server(server_path)
    with connect(second.url) as client:
        client.set("killed", "2")
    os.kill(second.pid, signal.SIGKILL)
    until(second.has_ended)
    with connect(start_server(server_path).url) as client:
        assert client.mget("stopped", "killed") == [b"1", b"2"]


def test_data_goes_from_each_kind_of_server_to_every_other(start_server: Start) -> None:
    paths = list(servers().values())
    for turn, path in enumerate(paths + paths[:1]):
        server = start_server(path)
        with connect(server.url) as client:
            assert client.incr("turns") == turn + 1
        server.stop()


def test_four_starts_at_once_make_one_server(state_dir: Path) -> None:
    program = (
        "import sys; from hydra.server import running; from hydra.settings import Settings\n"
        "server = running.start(Settings.read({}, state_dir=sys.argv[1]))\n"
        "print(server.pid, server.process is not None, flush=True); sys.stdin.read()\n"
        "server.stop()"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(state_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for _ in range(4)
    ]
    lines = [starter.stdout.readline().split() for starter in starters if starter.stdout]
    for starter in starters:
        starter.communicate(timeout=20)
    assert len({pid for pid, _ in lines}) == 1
    assert sorted(own for _, own in lines) == ["False", "False", "False", "True"]
    assert not is_alive(int(lines[0][0]))


def test_only_who_started_it_stops_it(start_server: Start) -> None:
    own = start_server()
    joined = start_server()
    assert joined.pid == own.pid
    joined.stop()
    with connect(own.url) as client:
        assert client.ping()
    own.stop()
    assert not is_alive(own.pid)


def test_a_second_server_is_not_started_beside_a_silent_one(
    start_server: Start, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A removed socket once looked like no server; two on one folder ruin the log."""
    server = start_server()
    monkeypatch.setattr(redis_server, "READY_S", 0.2)
    (state_dir / "redis.sock").unlink()
    with pytest.raises(StoreDown, match="does not answer"):
        start_server()
    assert is_alive(server.pid)


def test_a_given_address_is_used_and_nothing_is_started(redis_url: str, state_dir: Path) -> None:
    server = redis_server.start(Settings.read({}, redis_url=redis_url, state_dir=str(state_dir)))
    assert (server.url, server.process) == (redis_url, None)
    assert not state_dir.exists()


def test_a_given_address_that_is_silent_is_named_without_its_password(state_dir: Path) -> None:
    url = f"redis://:hidden@127.0.0.1:{free_port()}"
    with pytest.raises(StoreDown, match=r"127\.0\.0\.1") as caught:
        redis_server.start(Settings.read({}, redis_url=url, state_dir=str(state_dir)))
    assert "hidden" not in str(caught.value)
    with pytest.raises(StoreDown, match=r"127\.0\.0\.1") as caught, connect(url) as client:
        require_safe(client)
    assert "hidden" not in str(caught.value)


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["folder" * 5] * 5)
    server = redis_server.start(Settings.read({}, state_dir=str(deep)))
    try:
        with connect(server.url) as client:
            assert client.ping()
    finally:
        server.stop()


def test_a_loopback_port_needs_no_password(start_server: Start, server_path: str) -> None:
    port = free_port()
    server = start_server(server_path, redis_port=port)
    assert server.join_line == ""
    with connect(f"redis://127.0.0.1:{port}") as client:
        assert inspect(client).process_id == server.pid


@pytest.mark.parametrize("already_running", [False, True])
def test_an_open_port_makes_a_password_and_a_join_line(
    start_server: Start, server_path: str, state_dir: Path, already_running: bool
) -> None:
    port = free_port()
    if already_running:
        start_server(server_path)
    server: Server = start_server(server_path, redis_port=port, redis_bind="0.0.0.0")
    words = server.join_line.split()
    assert words[:4] == ["rq", "worker", "hydra", "--url"]
    password = (state_dir / "redis-password").read_text().strip()
    assert stat.S_IMODE((state_dir / "redis-password").stat().st_mode) == 0o600
    for url in (words[4], server.url, f"redis://:{password}@127.0.0.1:{port}"):
        with connect(url) as client:
            assert inspect(client).process_id == server.pid
    for url in (f"redis://127.0.0.1:{port}", f"unix://{state_dir}/redis.sock"):
        with connect(url) as client, pytest.raises(StoreDown, match="wants a password"):
            inspect(client)
    assert start_server(server_path).url == server.url, "whoever joins later knows the password"


def test_a_port_that_is_taken_is_one_sentence(start_server: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StoreDown, match="ended at once"):
            start_server(redis_port=taken.getsockname()[1])


def test_an_evicting_server_is_refused(start_server: Start) -> None:
    server = start_server()
    with connect(server.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(StoreUnsafe, match=r"allkeys-lru.*noeviction"):
            require_safe(client)


def test_too_old_a_server_is_refused(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect(redis_url) as client:
        monkeypatch.setattr(client, "info", lambda: {"redis_version": "6.2.14"})
        with pytest.raises(StoreUnsafe, match=r"redis 6\.2\.14.*7\.0 or newer"):
            require_safe(client)


def test_too_old_a_program_is_passed_over(
    start_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another package once hid the system's 7.0 behind its own 6.2 in the venv's bin."""
    fake_server(tmp_path, "Redis server v=6.2.14 sha=00000000:0 bits=64")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert start_server().path != str(tmp_path / "redis-server")


def test_a_chosen_program_is_never_replaced(start_server: Start, tmp_path: Path) -> None:
    old = fake_server(tmp_path, "Redis server v=6.2.14 sha=00000000:0 bits=64")
    with pytest.raises(BadSetting, match=r"HYDRA_REDIS_SERVER.*6\.2\.14.*7\.0"):
        start_server(old)
    with pytest.raises(BadSetting, match=r"HYDRA_REDIS_SERVER.*no Redis"):
        start_server("/bin/true")


def test_a_folder_of_somebody_else_is_left_alone(start_server: Start, state_dir: Path) -> None:
    state_dir.mkdir(mode=0o755)
    (state_dir / "thesis.tex").write_text("")
    with pytest.raises(BadSetting, match="HYDRA_STATE_DIR"):
        start_server()
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o755
