"""How long lost work lies about: a worker, or the server, is killed amid a span.

The same for each system: three workers, each started again a second after its end, as containers
are; spans of about two seconds that sleep; `kill -9` of a worker with all its processes while it is
amid a call. Measured from the kill until another process begins the lost unit. For the server: from
the moment it answers again until any worker begins anything. A wait is bounded: what is not back by
then is said to be so.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import redis

from benchmarks import noted_nap
from benchmarks.bed import Bed, redis_bed, script
from benchmarks.report import Rows
from hydra.kernels import discovery
from hydra.server import running
from hydra.server.process import Server
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import over
from hydra.work import sessions
from tests.plugin import plugin

WORKERS = 3
ROUNDS = 20
PEER_ROUNDS = 1
PATIENCE_S = 120.0
DOWN_S = 2.0
SETTLE_S = 3.0
"""Between two kills: work that is lost twice without any progress waits longer by design."""

AGAIN_S = 1.0
LOOK_S = 0.02
SPAN_UNITS = 40
UNITS = 100_000


SLICE_UNITS_MIN = 4
"""A call this long (0.2 s) is not over when the kill comes."""

T = TypeVar("T")


class Note(NamedTuple):
    """One begun call."""

    leader: int
    """The session of processes that began it: its worker."""
    at_s: float
    start: int
    stop: int


@dataclass
class Staff:
    """Processes that are started again when they end."""

    commands: Sequence[Sequence[str]]
    env: dict[str, str]
    log: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ended_s: dict[int, float] = field(default_factory=dict)

    def tend(self) -> None:
        """Start what is not there; to be called often."""
        for place, command in enumerate(self.commands):
            if place >= len(self.running):
                self.running.append(self._start(command))
            elif self.running[place].poll() is not None:
                since_s = self.ended_s.setdefault(place, time.monotonic())
                if time.monotonic() - since_s > AGAIN_S:
                    self.running[place] = self._start(command)
                    del self.ended_s[place]

    def _start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            return subprocess.Popen(
                command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def end(self) -> None:
        sessions.kill([process.pid for process in self.running])
        for process in self.running:
            process.wait()


def hydra_stock(bed: Bed) -> list[list[str]]:
    """Stock RQ workers, and a reaper beside them."""
    with redis.Redis.from_url(bed.tcp_url) as client:
        submit(over(client, Settings.read({})), "noted_nap", {"units": UNITS})
    reaper = [sys.executable, "-P", "-m", "hydra", "reaper"]
    return [reaper, *[script("rq", "worker", "hydra", "--quiet", "--url", bed.tcp_url)] * WORKERS]


def hydra_own(bed: Bed) -> list[list[str]]:
    """`hydra worker`, and a reaper."""
    reaper, *_ = hydra_stock(bed)
    return [reaper, *[[sys.executable, "-P", "-m", "hydra", "worker"]] * WORKERS]


def rq_retry(bed: Bed) -> list[list[str]]:
    """One RQ job a span, to be tried again up to three times."""
    from rq import Queue, Retry

    with redis.Redis.from_url(bed.tcp_url) as client:
        Queue("bench", connection=client).enqueue_many(
            [Queue.prepare_data(noted_nap.nap, args=span, retry=Retry(max=3)) for span in _spans()]
        )
    return [script("rq", "worker", "bench", "--quiet", "--url", bed.tcp_url)] * WORKERS


def celery_late(bed: Bed) -> list[list[str]]:
    """One celery task a span, acknowledged when it is done."""
    os.environ["REDIS_URL"] = bed.tcp_url
    sys.modules.pop("benchmarks.peer_nap", None)
    peer = importlib.import_module("benchmarks.peer_nap")
    for span in _spans():
        peer.call.delay(*span)
    peer.app.close()
    return [
        script(
            "celery",
            "-A",
            "benchmarks.peer_nap",
            "worker",
            "-c",
            "1",
            "-l",
            "ERROR",
            "-n",
            f"w{number}@%h",
        )
        for number in range(WORKERS)
    ]


def _spans() -> list[tuple[int, int]]:
    return [(start, start + SPAN_UNITS) for start in range(0, 1000 * SPAN_UNITS, SPAN_UNITS)]


CONTENDERS: dict[str, Callable[[Bed], list[list[str]]]] = {
    "Hydra, rq worker hydra": hydra_stock,
    "Hydra, hydra worker": hydra_own,
    "RQ, Retry(max=3)": rq_retry,
    "celery, acks_late": celery_late,
}


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Each contender on a server of its own: kills of workers, then of the server."""
    for name, begin in CONTENDERS.items():
        if only not in name:
            continue
        many = (rounds or ROUNDS) if name.startswith("Hydra") else PEER_ROUNDS
        try:
            with _working(begin) as ground:
                killed = [_kill_worker(ground) for _ in range(many)]
                server = [_kill_server(ground) for _ in range(max(1, many // 4))]
        except ImportError as missing:
            rows.note(f"{name}: left out, {missing}")
            continue
        rows.add(
            "Worker killed (-9) until its unit is begun elsewhere", system=name, **_spread(killed)
        )
        rows.add(
            "Server killed (-9): from its return until work is begun",
            system=name,
            **_spread(server),
        )


def _spread(took_s: Sequence[float | None]) -> dict[str, float | int | str]:
    back = sorted(each for each in took_s if each is not None)
    never = {f"not_within_{PATIENCE_S:.0f}_s": len(took_s) - len(back)}
    if not back:
        return {"runs": len(took_s), **never}
    p99 = back[min(len(back) - 1, int(0.99 * len(back)))]
    return {
        "runs": len(took_s),
        **never,
        "median_s": round(statistics.median(back), 2),
        "p99_s": round(p99, 2),
        "max_s": round(back[-1], 2),
    }


@dataclass
class Ground:
    """A server, workers that work, and the notes of what they begin."""

    bed: Bed
    staff: Staff
    servers: list[Server] = field(default_factory=list)
    """Those that were started after a kill."""
    _notes: list[Note] = field(default_factory=list)
    _read_bytes: int = 0

    def notes(self) -> list[Note]:
        """All of them; only what is new is read."""
        with (self.bed.folder / "trace").open("rb") as trace:
            trace.seek(self._read_bytes)
            whole, end, _ = trace.read().rpartition(b"\n")
        self._read_bytes += len(whole + end)
        for line in whole.splitlines():
            leader, at_ns, start, stop = map(int, line.split())
            self._notes.append(Note(leader, at_ns / 1e9, start, stop))
        return self._notes

    def wait(self, look: Callable[[], T | None], patience_s: float = PATIENCE_S) -> T | None:
        """The first true value; None after `patience_s`. Meanwhile the dead are replaced."""
        ends_s = time.monotonic() + patience_s
        while time.monotonic() < ends_s:
            self.staff.tend()
            if found := look():
                return found
            time.sleep(LOOK_S)
        return None

    def close(self) -> None:
        self.staff.end()
        for server in self.servers:
            server.stop()


@contextmanager
def _working(begin: Callable[[Bed], list[list[str]]]) -> Iterator[Ground]:
    """Ground on which every worker has begun something."""
    with ExitStack() as stack:
        bed = stack.enter_context(redis_bed())
        (bed.folder / "trace").touch()
        os.environ["BENCH_TRACE"] = str(bed.folder / "trace")
        place = plugin(bed.folder, "benchmarks.noted_nap")
        sys.path.insert(0, place)
        stack.callback(sys.path.remove, place)
        discovery.look.cache_clear()
        path = os.pathsep.join([place, bed.env["PYTHONPATH"]])
        env = {**bed.env, "PYTHONPATH": path, "BENCH_TRACE": os.environ["BENCH_TRACE"]}
        ground = Ground(bed, Staff(begin(bed), env, bed.folder / "log"))
        stack.callback(ground.close)
        if not ground.wait(lambda: _busy(ground.notes())):
            print(ground.staff.log.read_text(errors="replace"), file=sys.stderr)
            raise TimeoutError("not every worker has begun to work")
        yield ground


def _busy(notes: Sequence[Note]) -> bool:
    """Whether every worker has come so far that it takes its usual share of the work."""
    units = Counter[int]()
    for note in notes:
        units[note.leader] += note.stop - note.start
    return len(units) >= WORKERS and min(units.values()) >= 2 * SPAN_UNITS


def _kill_worker(ground: Ground) -> float | None:
    """Kill one amid a call; how long until another began what was lost."""
    ground.wait(lambda: None, SETTLE_S)
    since_s = time.time()

    def begun() -> Note | None:
        living = {process.pid for process in ground.staff.running if process.poll() is None}
        fresh = [
            note
            for note in ground.notes()
            if note.at_s > since_s
            and note.leader in living
            and note.stop - note.start >= SLICE_UNITS_MIN
        ]
        return random.choice(fresh) if fresh else None

    held = ground.wait(begun)
    if held is None:
        return None
    time.sleep(random.uniform(0.0, 0.1))
    sessions.kill([held.leader])
    killed_s = time.time()
    # What was computed just before may not have been handed in: that is lost, too.
    first = held.start
    for note in reversed([note for note in ground.notes() if note.leader == held.leader]):
        first = note.start if note.stop == first else first

    def again() -> Note | None:
        return next(
            (
                note
                for note in ground.notes()
                if note.at_s > killed_s
                and note.leader != held.leader
                and first <= note.start <= held.start
            ),
            None,
        )

    found = ground.wait(again)
    return None if found is None else found.at_s - killed_s


def _kill_server(ground: Ground) -> float | None:
    """Kill it, start it again; how long until anything is begun."""
    before = ground.servers[-1].pid if ground.servers else ground.bed.server_pid
    os.kill(before, signal.SIGKILL)
    ground.wait(lambda: None, DOWN_S)
    port = int(ground.bed.tcp_url.rpartition(":")[2].partition("/")[0])
    settings = Settings.read({}, state_dir=str(ground.bed.folder))
    ground.servers.append(running.start(settings, redis_port=port))
    back_s = time.time()
    found = ground.wait(lambda: next((n for n in ground.notes() if n.at_s > back_s), None))
    return None if found is None else found.at_s - back_s
