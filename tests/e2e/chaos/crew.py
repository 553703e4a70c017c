"""Every process of the fleet under test, each at its seat, started again when it has ended.

Two reapers, two schedulers, three stock RQ workers, two of Hydra's; each reaches Redis through a
door of its own. A worker's name tells its seat and its life (`stock-1.3`), so that what one life
lost can be told from what the next one takes.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hydra.work import sessions
from tests.e2e.chaos.doors import Door, Doors
from tests.e2e.chaos.server import Server
from tests.e2e.fleet import Hand, children, clean_env, environment, hydra, stock
from tests.plugin import plugin

STOCK = ("stock-1", "stock-2", "stock-3")
OURS = ("hydra-1", "hydra-2")
WORKERS = STOCK + OURS
REAPERS = ("reaper-1", "reaper-2")
SCHEDULERS = ("scheduler-1", "scheduler-2")

PAUSE_S = 1.0
"""How long a seat stays empty, as a supervisor of containers would leave it."""

ROOT = Path(__file__).parents[3]


@dataclass
class Seat:
    """One place in the fleet, and the process that has it now."""

    name: str
    door: Door
    wanted: bool = True
    """Whether it is to be started again when it has ended."""
    first: str = ""
    """Python that the next life runs first."""
    life: int = 0
    hand: Hand | None = None
    due_s: float = 0.0
    ends: int = 0
    """How often it ended without a fault of ours: stock workers give up on a silent Redis."""
    killed: bool = False
    listener: socket.socket | None = None
    """A scheduler's open port: it outlives the scheduler, whose callers wait meanwhile."""

    @property
    def worker(self) -> str:
        """The name under which the store knows this life."""
        return f"{self.name}.{self.life}"

    @property
    def pid(self) -> int:
        return self.hand.process.pid if self.hand else 0

    def pids(self) -> list[int]:
        """The process and all that it started."""
        return sessions.members([self.pid]) if self.hand else []

    def horse(self) -> list[int]:
        """The work-horse, if there is one now."""
        return children(self.pid) if self.hand else []


class Crew:
    """All seats. `tend` is to be called often: it fills the empty ones."""

    def __init__(self, folder: Path, server: Server, doors: Doors, tree: Path = ROOT) -> None:
        """`tree` is the checkout whose Hydra is under test."""
        self.folder = folder
        self.server = server
        self.trace = folder / "trace"
        self._env = clean_env(
            HYDRA_STATE_DIR=str(folder / "state"),
            HYDRA_FSYNC=server.fsync,
            CHAOS_TRACE=str(self.trace),
        )
        kernel = plugin(folder, "tests.e2e.chaos.drip")
        paths = [str(tree), kernel, str(ROOT), self._env["PYTHONPATH"]]
        self._env["PYTHONPATH"] = os.pathsep.join(paths)
        (folder / "logs").mkdir()
        self.seats: dict[str, Seat] = {}
        self.nobody = Seat("nobody", doors.open())
        """For faults that strike no process of the crew."""
        for name in (*REAPERS, *SCHEDULERS, *WORKERS):
            self.seats[name] = Seat(name, doors.open())
            if name in SCHEDULERS:
                self.seats[name].listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.tend()

    def urls(self) -> list[str]:
        """Where the schedulers are."""
        ports = (seat.listener.getsockname()[1] for seat in self.seats.values() if seat.listener)
        return [f"http://127.0.0.1:{port}" for port in ports]

    def tend(self) -> None:
        """Start what has ended and is wanted."""
        self.server.tend()
        for seat in self.seats.values():
            self._tend(seat)

    def _tend(self, seat: Seat) -> None:
        if seat.hand is not None:
            if seat.hand.process.poll() is None:
                return
            seat.hand = None
            seat.ends += not seat.killed
            seat.due_s = time.monotonic() + PAUSE_S
        if seat.wanted and time.monotonic() >= seat.due_s:
            seat.life += 1
            seat.killed = False
            seat.hand = self._start(seat)

    def _start(self, seat: Seat) -> Hand:
        descriptor = seat.listener.fileno() if seat.listener else -1
        words = {
            "reaper": hydra("reaper"),
            "scheduler": hydra("scheduler", "--descriptor", str(descriptor)),
            "stock": stock(seat.door.url),
            "hydra": hydra("worker"),
        }[seat.name.partition("-")[0]]
        env = self._env | {"REDIS_URL": seat.door.url, "HYDRA_WORKER_ID": seat.worker}
        if seat.first:
            place = self.folder / f"first-{seat.worker}"
            place.mkdir()
            (place / "sitecustomize.py").write_text(seat.first)
            env["PYTHONPATH"] = os.pathsep.join([str(place), env["PYTHONPATH"]])
        descriptors = (descriptor,) if seat.listener else ()
        return Hand(seat.name, words, env, self._log(seat, seat.life), descriptors)

    def kill(self, seat: Seat, pids: Iterable[int]) -> None:
        """End these processes of the seat as a loss of power would."""
        seat.killed = True
        sessions.send(signal.SIGKILL, pids)

    def said(self, seat: Seat, text: str, life: int) -> bool:
        """Whether the seat's process has written this in that life or a later one."""
        logs = (self._log(seat, each) for each in range(life, seat.life + 1))
        return any(text in log.read_text(errors="replace") for log in logs)

    def _log(self, seat: Seat, life: int) -> Path:
        return self.folder / "logs" / f"{seat.name}.{life}.log"

    def family(self) -> list[int]:
        """Every process of ours, by the environment that it was given."""
        mark = f"HYDRA_STATE_DIR={self.folder / 'state'}".encode()
        return [pid for pid, _ in sessions.living() if mark in environment(pid)]

    def rest(self) -> None:
        """End every process for good."""
        for seat in self.seats.values():
            seat.wanted = False
        sessions.send(signal.SIGKILL, self.family())
        for seat in self.seats.values():
            if seat.hand:
                seat.hand.process.wait()

    def close(self) -> None:
        """End every process, whatever the faults have made of it, and close the ports."""
        self.rest()
        for seat in self.seats.values():
            if seat.listener:
                seat.listener.close()
