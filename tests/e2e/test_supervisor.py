"""The supervisor with real processes: what dies comes back, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import until

# Each child writes its own id and that of a grandchild in a process group of its own, as an RQ
# work-horse has, and then waits: for ever if it is stubborn.
CHILD = """
import os, signal, subprocess, sys
folder, name, stubborn = sys.argv[1:]
if stubborn == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen(["sleep", "600"], process_group=0)
with open(f"{folder}/{name}.pids", "a") as file:
    file.write(f"{os.getpid()} {grandchild.pid}\\n")
signal.pause()
"""

PROGRAM = """
import os, sys
from pathlib import Path
from hydra.errors import Unavailable
from hydra.work import supervisor
folder, stubborn, grace_s = sys.argv[1:]
supervisor.QUICK_DEATHS_MAX = 3
supervisor.BACKOFF_FIRST_S = 0.05
commands = {
    name: (sys.executable, "-c", os.environ["CHILD"], folder, name, stubborn) for name in "ab"
}
if stubborn == "hopeless":
    commands = {"a": ("/bin/sh", "-c", "echo no use; exit 3")}
children = [supervisor.Child(name, words, os.environ) for name, words in commands.items()]
try:
    with supervisor.Supervisor(Path(folder), lambda line: print(line, flush=True),
                               grace_s=float(grace_s)) as boss:
        boss.start(children)
        while boss.step(60.0):
            pass
except Unavailable as error:
    sys.exit(error.sentence)
"""


class Run:
    """A supervisor in a process of its own, with two children."""

    def __init__(self, folder: Path, stubborn: str = "", grace_s: float = 10.0) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), stubborn or "meek", str(grace_s)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "CHILD": CHILD},
        )

    def pids(self, name: str) -> list[list[int]]:
        """For each start of this child: its id and its grandchild's."""
        try:
            text = (self.folder / f"{name}.pids").read_text()
        except FileNotFoundError:
            return []
        return [[int(word) for word in line.split()] for line in text.splitlines()]

    def everyone(self) -> list[int]:
        return [pid for name in "ab" for start in self.pids(name) for pid in start]

    def wait_started(self) -> None:
        until(lambda: self.pids("a") and self.pids("b"), what="both children have started")

    def wait_gone(self) -> None:
        until(lambda: not any(map(lives, self.everyone())), what="all children are gone")


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[list[Run]]:
    """Put what is started here; it is gone at the end even if the test failed."""
    started: list[Run] = []
    yield started
    for run in started:
        run.process.kill()
        run.process.communicate()
        for pid in filter(lives, run.everyone()):
            os.kill(pid, signal.SIGKILL)


def begin(runs: list[Run], folder: Path, stubborn: str = "", grace_s: float = 10.0) -> Run:
    run = Run(folder, stubborn, grace_s)
    runs.append(run)
    if stubborn != "hopeless":
        run.wait_started()
    return run


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_one_signal_ends_all(runs: list[Run], tmp_path: Path, number: signal.Signals) -> None:
    run = begin(runs, tmp_path)
    run.process.send_signal(number)
    assert run.process.wait(10) == 0
    assert not any(map(lives, run.everyone())), "grandchildren, too"


def test_a_dead_child_comes_back_and_its_rest_is_cleared_away(
    runs: list[Run], tmp_path: Path
) -> None:
    run = begin(runs, tmp_path)
    child, grandchild = run.pids("a")[0]
    os.kill(child, signal.SIGKILL)
    until(lambda: len(run.pids("a")) == 2)
    until(lambda: not lives(grandchild), what="the dead child's grandchild is gone")
    assert len(run.pids("b")) == 1, "the other child was left alone"
    run.process.terminate()
    output, _ = run.process.communicate(timeout=10)
    assert "a ended by SIGKILL and starts again" in output
    assert not any(map(lives, run.everyone()))


def test_a_killed_supervisor_leaves_nobody(runs: list[Run], tmp_path: Path) -> None:
    run = begin(runs, tmp_path)
    run.process.kill()
    run.process.wait()
    run.wait_gone()


def test_a_second_signal_kills_the_stubborn(runs: list[Run], tmp_path: Path) -> None:
    run = begin(runs, tmp_path, "stubborn", grace_s=600)
    run.process.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        run.process.wait(0.3)
    run.process.send_signal(signal.SIGINT)
    run.process.wait(10)
    assert not any(map(lives, run.everyone()))


def test_the_grace_is_bounded(runs: list[Run], tmp_path: Path) -> None:
    run = begin(runs, tmp_path, "stubborn", grace_s=0.3)
    run.process.terminate()
    run.process.wait(10)
    assert not any(map(lives, run.everyone()))


def test_a_hopeless_child_is_given_up_with_a_sentence(runs: list[Run], tmp_path: Path) -> None:
    run = begin(runs, tmp_path, "hopeless")
    output, error = run.process.communicate(timeout=20)
    assert run.process.returncode == 1
    assert output.count("starts again") == 3
    assert "a ended 4 times in a row, the last time with code 3" in error
    assert (tmp_path / "a.log").read_text() == "no use\n" * 4


CHATTERBOX = """
import sys
from pathlib import Path
from hydra.work import supervisor
supervisor.LOG_BYTES_MAX, supervisor.LOG_LOOK_EVERY_S = 10_000, 0.0
folder = Path(sys.argv[1])
talk = ("/bin/sh", "-c", "while echo a line that says little; do :; done")
with open(folder / "server.log", "ab") as server:
    with supervisor.Supervisor(folder, print, grace_s=1.0) as boss:
        boss.start([supervisor.Child("a", talk, {})])
        while boss.step(0.02):
            server.write(b"so says the server, which is nobody's child\\n" * 50)
            server.flush()
"""


def test_logs_stay_short(tmp_path: Path) -> None:
    """A log that is too long is moved aside and its writer goes on, whoever started it."""
    with subprocess.Popen([sys.executable, "-c", CHATTERBOX, str(tmp_path)]) as talking:
        try:
            for name in ("a", "server"):
                log, old = tmp_path / f"{name}.log", tmp_path / f"{name}.log.1"
                until(old.exists, what=f"{old} is there")
                first = old.stat().st_mtime_ns
                until(lambda: old.stat().st_mtime_ns > first, what="it is replaced")  # noqa: B023
                assert b"\0" not in log.read_bytes()[:1], "cut under a writer that does not append"
        finally:
            talking.terminate()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.log",
        "a.log.1",
        "server.log",
        "server.log.1",
    ]
