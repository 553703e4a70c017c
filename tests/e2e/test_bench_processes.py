"""What a bench freezes stands still, even if it was just forking."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from hydra.bench.processes import Processes, clean_env
from hydra.clock import SystemClock
from hydra.work import sessions

pytestmark = pytest.mark.e2e

FORKS = """
import os, sys
ballast = bytearray(64 << 20)  # its page tables make a fork last
ballast[::4096] = bytes(len(ballast) // 4096)
while True:
    if not os.fork():
        with open(sys.argv[1], "ab", buffering=0) as out:
            for _ in range(200):
                out.write(b".")
        os._exit(0)
    os.wait()
"""


def test_nothing_moves_once_it_is_frozen(tmp_path: Path) -> None:
    """A work-horse that was being forked ran on, beside a worker that was said to be alone."""
    clock, trace = SystemClock(), tmp_path / "trace"
    trace.touch()
    with Processes(tmp_path, clock, 10.0) as processes:
        leader = processes.start("forks", [sys.executable, "-c", FORKS, str(trace)], clean_env())
        for _ in range(40):
            processes.freeze(leader)
            before = trace.stat().st_size
            clock.sleep_s(0.01)
            assert trace.stat().st_size == before
            processes.send(signal.SIGCONT, leader)
            clock.sleep_s(0.013)
        assert before > 0
        processes.end([leader])
    assert sessions.members([leader]) == []
