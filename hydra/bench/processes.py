"""Processes that a bench starts: each leads a session, and none outlives the bench."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from hydra.clock import Clock
from hydra.errors import Unavailable
from hydra.work import sessions
from hydra.work.supervisor import hydra_env

LOOK_EVERY_S = 0.002
"""Pause between two checks that stopped processes stand still."""


def clean_env(**more: str) -> dict[str, str]:
    """This environment without a person's own settings of Hydra."""
    env = hydra_env(more)
    kept = {n: v for n, v in env.items() if not n.startswith("HYDRA_") and n != "REDIS_URL"}
    return kept | more


class Processes:
    """Use as a context: leaving it ends them, and a guard does if this process is killed."""

    def __init__(self, logs: Path, clock: Clock, grace_s: float) -> None:
        self._logs = logs
        self._clock = clock
        self._grace_s = grace_s
        self._leaders: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "hydra.work.guard"],
            stdin=subprocess.PIPE,
            env=hydra_env({}),
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.end(list(self._leaders))
        finally:
            assert self._guard.stdin is not None
            self._guard.stdin.close()
            self._guard.wait()

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> int:
        """Start a process that leads its own session; its id. It writes to NAME.log."""
        with (self._logs / f"{name}.log").open("ab") as output:
            process = subprocess.Popen(
                command,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._leaders[process.pid] = process
        self._tell("add", process.pid)
        return process.pid

    def runs(self, leader: int) -> bool:
        """Whether the process has not ended."""
        return self._leaders[leader].poll() is None

    def send(self, number: signal.Signals, leader: int) -> None:
        """Send a signal to everything in the process's session."""
        sessions.send(number, sessions.members([leader]))

    def freeze(self, leader: int) -> None:
        """Stop everything in the process's session; all of it stands still then.

        A signal that comes during a fork waits for its end, and the child does not get it. So it is
        sent to all that still run, again and again, until none does. One look is not enough: who
        was forked while it went over the list is not on it. Raises Unavailable if that takes too
        long.
        """
        deadline_s, still = self._clock.monotonic_s() + self._grace_s, 0
        while still < sessions.STILL_LOOKS:
            moving = sessions.moving([leader])
            still = 0 if moving else still + 1
            if moving and self._clock.monotonic_s() > deadline_s:
                raise Unavailable(f"processes {moving} do not stop")
            if moving:
                sessions.send(signal.SIGSTOP, moving)
                self._clock.sleep_s(LOOK_EVERY_S)

    def end(self, leaders: Iterable[int]) -> None:
        """Ask them to end, the last started first; then make them."""
        for leader in sorted(leaders, reverse=True):
            process = self._leaders.pop(leader)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._grace_s)
            sessions.kill([leader])
            process.wait()
            self._tell("drop", leader)

    def _tell(self, verb: str, leader: int) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.write(f"{verb} {leader}\n")
        self._guard.stdin.flush()
