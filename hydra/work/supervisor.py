"""Keeps a set of child processes running, and leaves none behind.

Each child leads its own session, so that a terminal's Ctrl-C reaches only the supervisor, which
then ends them all; the session is also how a child's descendants are found. If the supervisor is
killed, the guard process (see `guard`) ends them. A child waits for one line on its input before
it becomes its command: by then the guard knows it, so no child is ever without a guard.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any, Self

import hydra
from hydra.clock import Clock, SystemClock
from hydra.errors import Unavailable
from hydra.work import sessions

BACKOFF_FIRST_S = 0.5
"""Pause before a child that ended is started again; doubled with each quick death."""

BACKOFF_MAX_S = 30.0

STEADY_S = 10.0
"""A child that lived this long did not die quickly, and its count begins again."""

QUICK_DEATHS_MAX = 8
"""So many quick deaths in a row (about a minute and a half) and the supervisor gives up."""

LOG_BYTES_MAX = 10 << 20
"""A log above this is moved aside to NAME.log.1, replacing the one there."""

LOG_LOOK_EVERY_S = 30.0

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WAIT_FOR_GO = 'read -r go && exec "$@" </dev/null'


def hydra_command(*arguments: str) -> tuple[str, ...]:
    """A `hydra` command for this very interpreter."""
    # -P: a redis.py that happens to lie in the current folder is not our redis.
    return (sys.executable, "-P", "-m", "hydra", *arguments)


def hydra_env(more: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `hydra_command` finds this very Hydra, installed or not."""
    home = str(Path(hydra.__file__).parents[1])
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    return {**os.environ, **more, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    descriptors: tuple[int, ...] = ()
    """Open files that it inherits."""


@dataclass(slots=True)
class _Seat:
    """A child's place: it is empty (`process` is None) between a death and the next start."""

    child: Child
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    due_s: float = 0.0
    quick_deaths: int = 0


@dataclass(slots=True)
class Supervisor:
    """Use as a context from the main thread; leaving it ends every child."""

    logs: Path
    say: Callable[[str], None]
    grace_s: float = 15.0
    """How long children have to end by themselves; a worker finishes its task first."""
    clock: Clock = field(default_factory=SystemClock)
    signals: int = 0
    """How many signals have asked it to stop."""
    _seats: list[_Seat] = field(default_factory=list)
    _last: list[int] = field(default_factory=list)
    _guard: subprocess.Popen[str] | None = None
    _wake: tuple[int, int] = (-1, -1)
    _before: dict[int, Any] = field(default_factory=dict)
    _logs_due_s: float = 0.0

    def __enter__(self) -> Self:
        """Take over the signals and start the guard."""
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._wake = os.pipe()
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in _STOPPING:
            self._before[number] = signal.signal(number, self._on_stop)
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._start_guard()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every child, then the guard, and give the signals back."""
        try:
            self._stop_children()
        finally:
            assert self._guard is not None and self._guard.stdin is not None
            for leader in self._last:
                self._tell("drop", leader)  # its owner ends it
            self._guard.stdin.close()
            self._guard.wait()
            for number, handler in self._before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                os.close(end)

    def start(self, children: Iterable[Child]) -> None:
        """Start these children, all at once."""
        for child in children:
            seat = _Seat(child)
            self._seats.append(seat)
            self._start(seat)

    def end_last(self, leader: int) -> None:
        """Should the supervisor be killed, end this session too, after all others."""
        self._last.append(leader)
        self._tell("add-last", leader)

    def step(self, wait_s: float) -> bool:
        """Wait for something to happen, but no longer than `wait_s`, and handle it.

        False once a signal has asked to stop. Raises Unavailable if a child cannot be kept alive.
        """
        due_s = [seat.due_s for seat in self._seats if seat.process is None]
        now_s = self.clock.monotonic_s()
        self._sleep(max(0.0, min([wait_s, *(due - now_s for due in due_s)])))
        if self.signals:
            return False
        if self._guard is None or self._guard.poll() is not None:
            self._start_guard()
        for seat in self._seats:
            self._keep_running(seat)
        self._cut_long_logs()
        return True

    def quick_deaths(self, name: str) -> int:
        """How often this child has died quickly in a row."""
        return sum(seat.quick_deaths for seat in self._seats if seat.child.name == name)

    def _keep_running(self, seat: _Seat) -> None:
        now_s = self.clock.monotonic_s()
        if seat.process is None:
            if now_s >= seat.due_s:
                self._start(seat)
        elif (code := seat.process.poll()) is not None:
            self._clean_up(seat, seat.process.pid)
            quick = now_s - seat.started_s < STEADY_S
            seat.quick_deaths = seat.quick_deaths + 1 if quick else 1
            log = self._log(seat.child)
            if seat.quick_deaths > QUICK_DEATHS_MAX:
                raise Unavailable(
                    f"{seat.child.name} ended {seat.quick_deaths} times in a row, the last time "
                    f"{sessions.how_ended(code)}; its log is {log}"
                )
            pause_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** (seat.quick_deaths - 1))
            seat.due_s = now_s + pause_s
            self.say(
                f"{seat.child.name} ended {sessions.how_ended(code)} and starts again in "
                f"{pause_s:g} s; its log is {log}"
            )

    def _start(self, seat: _Seat) -> None:
        child = seat.child
        with self._log(child).open("ab") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT_FOR_GO, child.name, *child.command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(child.env),
                pass_fds=child.descriptors,
                start_new_session=True,
            )
        seat.process, seat.started_s = process, self.clock.monotonic_s()
        self._tell("add", process.pid)
        _write_and_close(process.stdin, b"go\n")

    def _clean_up(self, seat: _Seat, leader: int) -> None:
        # What a dead worker leaves running would share its core with the worker that follows.
        sessions.kill([leader])
        self._tell("drop", leader)
        seat.process = None

    def _stop_children(self) -> None:
        """SIGTERM to all, wait; a further signal, or the end of the grace, kills what is left."""
        asked = self.signals
        deadline_s = self.clock.monotonic_s() + self.grace_s
        running = [(seat, seat.process) for seat in self._seats if seat.process is not None]
        for _, process in running:
            process.terminate()
        while any(process.poll() is None for _, process in running):
            left_s = deadline_s - self.clock.monotonic_s()
            if left_s <= 0 or self.signals > max(asked, 1):
                break
            self._sleep(left_s)
        sessions.kill(process.pid for _, process in running)
        for seat, process in running:
            process.wait()
            self._clean_up(seat, process.pid)

    def _sleep(self, wait_s: float) -> None:
        """Sleep until a signal (a child's end is one, too) or for `wait_s`."""
        ready, _, _ = select.select([self._wake[0]], [], [], wait_s)
        if ready:
            os.read(self._wake[0], 4096)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1

    def _start_guard(self) -> None:
        self._guard = subprocess.Popen(
            [sys.executable, "-P", "-m", "hydra.work.guard"],
            stdin=subprocess.PIPE,
            env=hydra_env({}),
            text=True,
            start_new_session=True,
        )
        for seat in self._seats:
            if seat.process is not None:
                self._tell("add", seat.process.pid)
        for leader in self._last:
            self._tell("add-last", leader)

    def _tell(self, verb: str, leader: int) -> None:
        assert self._guard is not None and self._guard.stdin is not None
        try:
            self._guard.stdin.write(f"{verb} {leader}\n")
            self._guard.stdin.flush()
        except BrokenPipeError:
            pass  # the guard was killed; the next step starts another and tells it everything

    def _log(self, child: Child) -> Path:
        return self.logs / f"{child.name}.log"

    def _cut_long_logs(self) -> None:
        now_s = self.clock.monotonic_s()
        if now_s < self._logs_due_s:
            return
        self._logs_due_s = now_s + LOG_LOOK_EVERY_S
        for path in self.logs.glob("*.log"):  # the server's, too, which is no child of ours
            if path.stat().st_size > LOG_BYTES_MAX:
                # Copied and cut, not renamed: the writer appends to the open file for ever.
                shutil.copyfile(path, path.with_name(f"{path.name}.1"))
                os.truncate(path, 0)


def _write_and_close(pipe: IO[bytes] | None, line: bytes) -> None:
    assert pipe is not None
    try:
        pipe.write(line)
        pipe.close()
    except BrokenPipeError:
        pass  # it was killed before it began; the next step sees that
