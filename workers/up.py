"""`hydra up`: everything on this machine, from one command to one address.

This process opens the scheduler's port itself and hands it down. So a port that is taken is found
before anything starts, port 0 works, and while a scheduler that died is started again its viewers
wait instead of being refused.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hydra.clock import Clock, SystemClock
from hydra.errors import Conflict, StoreDown, Unavailable
from hydra.server import running
from hydra.server.addresses import parse_bind
from hydra.server.connection import connect, require_safe
from hydra.server.process import LOG_FILE, Server
from hydra.server.state_folder import hold, open_folder, write_whole
from hydra.settings import Settings
from hydra.work.supervisor import STEADY_S, Child, Supervisor, hydra_command, hydra_env
from hydra.workers import announce

HEALTHY_S = 30.0
"""How long the scheduler may take until it answers."""

SERVER_DEATHS_MAX = 3
"""So many quick deaths of our own server in a row are accepted."""

STOP_SLACK_S = 5.0
"""What workers get beyond one shift to end by themselves."""

_LOOK_EVERY_S = 0.02
_BACKLOG = 512
_LOG_LINES = 12


def cores_usable() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(slots=True)
class Up:
    """One `hydra up`, from start to stop."""

    settings: Settings
    workers: int
    say: Callable[[str], None]
    clock: Clock = field(default_factory=SystemClock)
    _server: Server | None = None
    _server_since_s: float = 0.0
    _server_deaths: int = 0

    def run(self) -> None:
        """Start everything, say where it is, and keep it running until a signal asks to stop.

        Raises Conflict if another `up` has the folder or the port is taken, Unavailable if
        something cannot be started or kept alive. Whatever happens, nothing is left running.
        """
        folder = open_folder(self.settings.state_dir)
        with ExitStack() as stack:
            stack.enter_context(_only_one(folder))
            listener = stack.enter_context(_listen(self.settings))
            self.settings = _resolved(self.settings, folder, listener)
            stack.callback(self._stop_server)
            supervisor = stack.enter_context(self._supervisor(folder))
            self._start_server(supervisor)
            supervisor.start(self._children(listener))
            if self._wait_healthy(supervisor, folder):
                stack.callback((folder / "up.json").unlink, missing_ok=True)
                self._announce(folder)
                while supervisor.step(1.0):
                    self._restart_server_if_dead(supervisor)

    def _supervisor(self, folder: Path) -> Supervisor:
        grace_s = self.settings.shift_seconds + STOP_SLACK_S
        return Supervisor(folder / "logs", self.say, grace_s=grace_s, clock=self.clock)

    def _start_server(self, supervisor: Supervisor) -> None:
        self._server = running.start(
            self.settings,
            redis_port=self.settings.redis_port,
            redis_bind=self.settings.redis_bind,
        )
        self._server_since_s = self.clock.monotonic_s()
        if self._server.process is not None:
            supervisor.end_last(self._server.pid)
        with connect(self._server.url) as client:
            require_safe(client, self.settings.fsync)

    def _restart_server_if_dead(self, supervisor: Supervisor) -> None:
        """Start our own server again if it died; if it dies again and again, that is an error."""
        if self._server is None or not self._server.has_ended():
            return
        quick = self.clock.monotonic_s() - self._server_since_s < STEADY_S
        self._server_deaths = self._server_deaths + 1 if quick else 1
        if self._server_deaths > SERVER_DEATHS_MAX:
            raise StoreDown(
                f"{self._server.path} ended {self._server_deaths} times in a row; its log is "
                f"{Path(self.settings.state_dir) / LOG_FILE}"
            )
        self.say(f"{self._server.path} ended and starts again")
        self._start_server(supervisor)

    def _stop_server(self) -> None:
        if self._server is not None:
            self._server.stop()

    def _children(self, listener: socket.socket) -> list[Child]:
        assert self._server is not None
        settings = dataclasses.replace(self.settings, redis_url=self._server.url)
        env = hydra_env(settings.as_env())
        scheduler = Child(
            "scheduler",
            hydra_command("scheduler", "--descriptor", str(listener.fileno())),
            env,
            (listener.fileno(),),
        )
        reaper = Child("reaper", hydra_command("reaper"), env)
        return [scheduler, reaper, *worker_children(settings, self.workers)]

    def _wait_healthy(self, supervisor: Supervisor, folder: Path) -> bool:
        """Wait for the scheduler's first answer; False if a signal asked to stop before."""
        deadline_s = self.clock.monotonic_s() + HEALTHY_S
        while not _is_healthy(self.settings):
            late = self.clock.monotonic_s() > deadline_s
            if late or supervisor.quick_deaths("scheduler"):
                log = folder / "logs" / "scheduler.log"
                why = f"did not answer within {HEALTHY_S:.0f} s" if late else "ended at its start"
                raise Unavailable(f"the scheduler {why}; the end of {log} says:\n{_tail(log)}")
            if not supervisor.step(_LOOK_EVERY_S):
                return False
        return True

    def _announce(self, folder: Path) -> None:
        assert self._server is not None
        url = self.settings.url
        write_whole(folder / "up.json", json.dumps({"url": url, "pid": os.getpid()}) + "\n")
        self.say(announce.where(self.settings))
        if self._server.join_line:
            self.say(announce.joining(self._server.join_line))


def run_workers(settings: Settings, count: int, say: Callable[[str], None]) -> None:
    """Keep `count` workers running, one core each, until a signal asks to stop."""
    folder = open_folder(settings.state_dir)
    grace_s = settings.shift_seconds + STOP_SLACK_S
    with Supervisor(folder / "logs", say, grace_s=grace_s) as supervisor:
        supervisor.start(worker_children(settings, count, "joined"))
        say(f"{count} workers run; their logs are in {folder / 'logs'}")
        while supervisor.step(60.0):
            pass


def worker_children(settings: Settings, count: int, kind: str = "worker") -> list[Child]:
    """One worker process for each core; a name that was given gets a number."""
    children = []
    for number in range(1, count + 1):
        name = f"{settings.worker_id}-{number}" if settings.worker_id else ""
        env = hydra_env(dataclasses.replace(settings, worker_id=name).as_env())
        children.append(Child(f"{kind}-{number}", hydra_command("worker", "--cores", "1"), env))
    return children


def _only_one(folder: Path) -> ExitStack:
    """Hold the folder's `up` lock, or raise Conflict naming who has it and where."""
    stack = ExitStack()
    try:
        stack.enter_context(hold(folder / "up.lock", wait_s=0.0))
    except Conflict:
        raise Conflict(f"hydra up already runs for {folder}{_where(folder)}") from None
    return stack


def _where(folder: Path) -> str:
    try:
        record = json.loads((folder / "up.json").read_text())
        return f" at {record['url']} (process {record['pid']})"
    except (OSError, ValueError, KeyError):
        return ""  # it is just starting


def _listen(settings: Settings) -> socket.socket:
    bind = parse_bind(settings.bind, "--bind")
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((bind, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Conflict(
            f"cannot listen on {bind} port {settings.port} ({error.strerror}); "
            f"choose another with --port or --bind",
            field="port",
        ) from None
    return listener


def _resolved(settings: Settings, folder: Path, listener: socket.socket) -> Settings:
    """The settings with everything that is known only now: the port, the token, the address."""
    bind = parse_bind(settings.bind, "--bind")
    port = int(listener.getsockname()[1])
    resolved = announce.with_token(
        dataclasses.replace(settings, bind=bind, port=port, state_dir=str(folder))
    )
    return dataclasses.replace(resolved, url=announce.url_of(resolved))


def _is_healthy(settings: Settings) -> bool:
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.bind, settings.bind)
    connection = http.client.HTTPConnection(here, settings.port, timeout=1.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
    except OSError:
        return "(there is none)"
