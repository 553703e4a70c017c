"""The fleet under test: `hydra up` without workers, and one `hydra worker` for each quota.

They run as they would anywhere; only the cgroup makes a worker slow. Quotas are lifted while a
worker starts or ends, since importing Python with a twentieth of a core takes half a minute and is
not what is measured. Each worker calls itself a host of its own, as speeds are kept by host.
"""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hydra.bench.processes import Processes, clean_env
from hydra.bench.quotas import Group, groups
from hydra.client import Client
from hydra.clock import Clock, SystemClock
from hydra.errors import Unavailable
from hydra.model.sizing import Sizing
from hydra.ports import Store
from hydra.server.connection import connect
from hydra.server.running import running_server
from hydra.settings import Settings
from hydra.wiring import over
from hydra.work.supervisor import hydra_command

READY_S = 120.0
"""How long the services or a worker may take to be there."""

WAIT_BEFORE_S = 2.5
"""Pause before a measurement: the reaper has counted who is there, and nobody is starting."""

STOP_GRACE_S = 20.0

SHIFT_S_MAX = "240"
"""The longest shift there is: chunks of the rules of others last longer than ordinary ones."""

LOOK_EVERY_S = 0.02
PROBE_EVERY_S = 1.0

T = TypeVar("T")


@dataclass(slots=True)
class Seat:
    """A worker's place in the fleet; `leader` is its process while there is one."""

    name: str
    cores: float
    group: Group
    leader: int = 0
    sizing: str = ""


@dataclass(slots=True)
class Fleet:
    """Services that run, and places for workers."""

    folder: Path
    processes: Processes
    client: Client
    store: Store
    seats: list[Seat]
    clock: Clock = field(default_factory=SystemClock)

    def set_workers(self, seats: Sequence[Seat], sizing: str) -> None:
        """Have a worker at each of these places that sizes its chunks by this rule, and no other.

        Quotas hold once all of them look for work.
        """
        self.end([seat for seat in self.seats if seat not in seats or seat.sizing != sizing])
        since_ms = self.clock.wall_s() * 1000
        fresh = [seat for seat in seats if not seat.leader]
        for seat in fresh:
            env = clean_env(
                HYDRA_STATE_DIR=str(self.folder),
                HYDRA_WORKER_ID=seat.name,
                HYDRA_HOST=seat.name,
                HYDRA_SIZING=sizing,
                **({} if sizing == Sizing.OURS else {"HYDRA_SHIFT_SECONDS": SHIFT_S_MAX}),
            )
            command = seat.group.command(hydra_command("worker", "--cores", "1"))
            seat.leader = self.processes.start(seat.name, command, env)
            seat.sizing = sizing
        self.wait_for(fresh, since_ms)
        for seat in fresh:
            seat.group.limit(seat.cores)

    def wait_for(self, seats: Sequence[Seat], since_ms: float) -> None:
        """Wait until each of them has shown itself, and looks for work."""
        wanted = {seat.name for seat in seats}
        probe_s = 0.0

        def seen() -> bool:
            nonlocal probe_s
            if self.clock.monotonic_s() >= probe_s:  # a worker shows itself when there is work
                self.client.submit("pi", samples=1).result(timeout=READY_S)
                probe_s = self.clock.monotonic_s() + PROBE_EVERY_S
            found = self.store.views.workers()
            return wanted <= {worker.id for worker in found if worker.seen_ms >= since_ms}

        self.wait(seen, "the workers show themselves")

    def end(self, seats: Sequence[Seat]) -> None:
        """Let workers end, each with its own time."""
        running = [seat for seat in seats if seat.leader]
        for seat in running:
            seat.group.limit(None)
        self.processes.end([seat.leader for seat in running])
        for seat in running:
            seat.leader = 0

    def kill(self, seat: Seat) -> None:
        """End a worker as a loss of power would."""
        self.processes.send(signal.SIGKILL, seat.leader)
        self.processes.end([seat.leader])
        seat.leader = 0
        seat.group.limit(None)

    @contextmanager
    def frozen(self, seats: Sequence[Seat]) -> Iterator[None]:
        """Workers that stand still for a while, as on a laptop whose lid is closed."""
        try:
            for seat in seats:
                self.processes.freeze(seat.leader)
            yield
        finally:
            for seat in seats:
                self.processes.send(signal.SIGCONT, seat.leader)

    def wait(self, found: Callable[[], T | None], what: str, within_s: float = READY_S) -> T:
        """What is found, as soon as it is; Unavailable if a process ends or time runs out."""
        deadline_s = self.clock.monotonic_s() + within_s
        while not (result := found()):
            for seat in self.seats:
                if seat.leader and not self.processes.runs(seat.leader):
                    raise Unavailable(f"worker {seat.name} ended; {self._log(seat.name)}")
            if self.clock.monotonic_s() > deadline_s:
                raise Unavailable(f"{what}: not within {within_s:.0f} s")
            self.clock.sleep_s(LOOK_EVERY_S)
        return result

    def _log(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(errors="replace").splitlines()
        return "its log says: " + " | ".join(lines[-4:])


@contextmanager
def fleet(cores: Sequence[float]) -> Iterator[Fleet]:
    """Services on ports of their own in a folder that goes away, and a place for each share.

    Raises Unavailable if there are no CPU quotas here, or something does not start.
    """
    clock = SystemClock()
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="hydra-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        names = [f"w{number}" for number in range(1, len(cores) + 1)]
        cgroups = stack.enter_context(groups([f"{folder.name}-{name}" for name in names]))
        processes = stack.enter_context(Processes(folder, clock, STOP_GRACE_S))
        seats = [Seat(name, share, group) for name, share, group in zip(names, cores, cgroups)]
        env = clean_env(HYDRA_STATE_DIR=str(folder))
        up = processes.start("up", hydra_command("up", "--workers", "0", "--port", "0"), env)
        url = _address(folder, processes, up, clock)
        server = running_server(Settings.read({}, state_dir=str(folder)))
        assert server is not None
        client = stack.enter_context(Client(url, ""))
        redis = stack.enter_context(connect(server.url))
        store = over(redis, Settings.read({}, state_dir=str(folder))).store
        made = Fleet(folder, processes, client, store, seats, clock)
        stack.callback(made.end, seats)
        yield made


def _address(folder: Path, processes: Processes, up: int, clock: Clock) -> str:
    deadline_s = clock.monotonic_s() + READY_S
    while not (folder / "up.json").exists():
        if not processes.runs(up) or clock.monotonic_s() > deadline_s:
            log = (folder / "up.log").read_text(errors="replace").splitlines()
            raise Unavailable("hydra up did not start: " + " | ".join(log[-4:]))
        clock.sleep_s(LOOK_EVERY_S)
    return str(json.loads((folder / "up.json").read_text())["url"])
