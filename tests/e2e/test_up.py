"""`hydra up` as a person uses it: one command, one address, one Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hydra.work import sessions
from tests.e2e.fleet import clean_env, free_port, hydra
from tests.waiting import until


class Up:
    """A running `hydra up` and what it has said."""

    def __init__(self, state_dir: Path, *options: str) -> None:
        self.state_dir = state_dir
        env = {name: text for name, text in os.environ.items() if not name.startswith("HYDRA_")}
        env |= {"HYDRA_STATE_DIR": str(state_dir), "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "hydra", "up", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )

    def line(self) -> str:
        """The next line of its output; empty at the end."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Signal it and wait: exit code and what it said on stderr."""
        self.process.send_signal(number)
        _, error = self.process.communicate(timeout=20)
        return self.process.returncode, error

    def family(self) -> list[int]:
        """Every process that belongs to this folder, by the environment that it was given."""
        mark = f"HYDRA_STATE_DIR={self.state_dir}".encode()
        return [pid for pid, _ in sessions.living() if mark in environment(pid)]


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Start `hydra up` in a folder of the test's own."""
    started: list[Up] = []

    def start(*options: str) -> Up:
        started.append(Up(tmp_path / "state", *options))
        return started[-1]

    yield start
    for run in started:
        # Asked, not killed: it stops its server, which family() cannot see (a server writes its
        # title over its environment). After a kill the guard has ended the server already.
        run.process.terminate()
        try:
            run.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            run.process.kill()
            run.process.communicate()
    for run in started:
        sessions.send(signal.SIGKILL, run.family())


def address(line: str) -> str:
    match = re.search(r"http://\S+", line)
    assert match, line
    return match[0]


def server_pid(run: Up) -> int:
    return int(json.loads((run.state_dir / "server.json").read_text())["pid"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_command_one_address_one_stop(up: Callable[..., Up], number: signal.Signals) -> None:
    run = up("--port", "0", "--workers", "1")
    url = address(run.line())
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        assert answer.status == 200
    assert json.loads((run.state_dir / "up.json").read_text()) == {
        "url": url,
        "pid": run.process.pid,
    }
    code, error = run.end(number)
    assert (code, error) == (0, "")
    assert run.family() == []
    assert not (run.state_dir / "up.json").exists()


def test_a_second_up_is_refused_by_name(up: Callable[..., Up]) -> None:
    first = up("--port", "0", "--workers", "0")
    url = address(first.line())
    second = up("--port", "0", "--workers", "0")
    _, error = second.process.communicate(timeout=20)
    assert second.process.returncode == 1
    assert error.count("\n") == 1
    assert url in error
    with urllib.request.urlopen(f"{url}/healthz", timeout=5) as answer:
        assert answer.status == 200, "the first one did not notice"


def test_a_port_that_is_taken_is_one_line_and_starts_nothing(up: Callable[..., Up]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        run = up("--port", str(taken.getsockname()[1]), "--workers", "0")
        output, error = run.process.communicate(timeout=20)
    assert run.process.returncode == 1
    assert output == ""
    assert error.count("\n") == 1
    assert "--port" in error
    assert not (run.state_dir / "server.json").exists()


def test_a_killed_up_leaves_nobody(up: Callable[..., Up]) -> None:
    run = up("--port", "0", "--workers", "1")
    address(run.line())
    pid = server_pid(run)
    run.process.kill()
    run.process.wait()
    until(lambda: run.family() == [], within_s=20, what="everything has ended")
    assert pid not in {living for living, _ in sessions.living()}, "the server, too"


def test_a_killed_server_comes_back(up: Callable[..., Up]) -> None:
    run = up("--port", "0", "--workers", "0")
    address(run.line())
    first = server_pid(run)
    os.kill(first, signal.SIGKILL)
    assert "ended and starts again" in run.line()
    until(lambda: server_pid(run) != first, what="another server")
    assert run.end(signal.SIGINT)[0] == 0
    assert server_pid_is_gone(run)


def server_pid_is_gone(run: Up) -> bool:
    return not (run.state_dir / "server.json").exists()


def test_a_killed_scheduler_comes_back(up: Callable[..., Up]) -> None:
    run = up("--port", "0", "--workers", "0")
    url = address(run.line())
    scheduler = next(pid for pid in run.family() if b"scheduler" in command(pid))
    os.kill(scheduler, signal.SIGKILL)
    assert "scheduler ended by SIGKILL" in run.line()
    with urllib.request.urlopen(f"{url}/healthz", timeout=20) as answer:
        assert answer.status == 200, "the caller waited instead of being refused"
    assert run.end(signal.SIGINT)[0] == 0


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_off_loopback_there_is_a_token_and_a_link(up: Callable[..., Up]) -> None:
    run = up("--port", "0", "--bind", "0.0.0.0", "--workers", "0")
    link = run.line()
    token = (run.state_dir / "token").read_text().strip()
    assert f"/login?token={token}" in link
    assert stat.S_IMODE((run.state_dir / "token").stat().st_mode) == 0o600
    assert token not in (run.state_dir / "up.json").read_text()
    assert run.end(signal.SIGINT)[0] == 0
    again = up("--port", "0", "--bind", "0.0.0.0", "--workers", "0")
    assert token in again.line(), "the link of yesterday still works"


@pytest.mark.usefixtures("redis_client")  # empties it
def test_a_scheduler_that_is_refused_says_why_in_one_sentence(
    redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "generation").write_text("another\n")
    env = clean_env(
        HYDRA_STATE_DIR=str(tmp_path), REDIS_URL=redis_url, HYDRA_PORT="0", HYDRA_FSYNC="everysec"
    )
    done = subprocess.run(
        hydra("scheduler"), env=env, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode != 0
    assert done.stdout == "", "an address that is not served is not announced"
    assert f"{tmp_path / 'generation'} knows generation another" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scheduler_alone_makes_its_token_and_prints_the_link(
    redis_url: str, tmp_path: Path
) -> None:
    said = []
    for _ in range(2):
        port = free_port()
        env = clean_env(
            HYDRA_STATE_DIR=str(tmp_path / "state"),
            HYDRA_PUBLIC_URL=f"http://127.0.0.1:{port}",
            REDIS_URL=redis_url,
            HYDRA_BIND="0.0.0.0",
            HYDRA_PORT=str(port),
            HYDRA_FSYNC="everysec",
        )
        process = subprocess.Popen(
            hydra("scheduler"),
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            link = address(process.stdout.readline())
            base, _, token = link.partition("/login?token=")
            said.append(token)
            asked = urllib.request.Request(
                f"{base}/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}
            )
            with urllib.request.urlopen(asked, timeout=10) as answer:
                assert answer.status == 200
            with pytest.raises(urllib.error.HTTPError, match="401") as refused:
                urllib.request.urlopen(f"{base}/api/v1/jobs", timeout=10)
            refused.value.close()
        finally:
            process.terminate()
            process.communicate(timeout=20)
    assert said[0] == said[1]
    assert len(said[0]) == 32
