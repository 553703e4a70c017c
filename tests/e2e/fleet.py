"""A whole fleet of real processes: `hydra up` and workers of every kind, each ended by its id."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rq import Worker as RqWorker

from hydra.adapters.rq_queue import RqQueue
from hydra.client import Client, Handle
from hydra.kernels import Kernel
from hydra.server.connection import connect
from hydra.services import Hydra
from hydra.settings import Settings
from hydra.wiring import over
from hydra.work import sessions
from tests.e2e import nap
from tests.plugin import plugin
from tests.waiting import until

SEED = 7

NAP = "tests.e2e.nap"
"""The kernel that sleeps: every process of a fleet finds it."""

HITS = {
    10**8: 78_537_272,
    10**9: 785_403_210,
    10**10: 7_854_010_172,
    10**11: 78_539_790_142,
    2 * 10**11: 157_079_685_644,
}
"""Points of seed 7 -> hits, counted once in one process without Hydra around the kernel."""

BLOCKED = "import sys; sys.modules['hydra.kernels.native.pi'] = None\n"
"""Put into a process's start, it makes the NumPy edition compute."""


def other_edition(kernel: str) -> str:
    """Put into a process's start, it gives it another version of this kernel's module."""
    return f"import {kernel} as kernel; kernel.VERSION += 1\n"


def napping(h: Hydra) -> Hydra:
    """The same services, which know the kernel that sleeps, too."""
    return replace(h, kernels=lambda: {**h.kernels(), "nap": Kernel.of(nap)})


def clean_env(**more: str) -> dict[str, str]:
    """This process's environment without a person's own settings, and this very Hydra in it."""
    env = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("HYDRA_", "RQ_")) and name != "REDIS_URL"
    }
    # Beside other tests, work that gives way to all of them would take too long.
    return env | {"PYTHONPATH": os.pathsep.join(sys.path), "HYDRA_NICE": "0", **more}


def hydra(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "hydra", *arguments]


def stock(url: str, *options: str, python: str = sys.executable) -> list[str]:
    """RQ's own command, as it comes from the package."""
    return [python, "-P", "-m", "rq.cli", "worker", "hydra", "--url", url, *options]


def free_port() -> int:
    """A port that nobody has, below those that the system gives to connections by itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def children(pid: int) -> list[int]:
    """The living children of a process."""
    found = []
    for living, _ in sessions.living():
        try:
            words = Path(f"/proc/{living}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(words[1]) == pid:
            found.append(living)
    return found


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


class Hand:
    """One started worker: the leader of a session of its own."""

    def __init__(
        self,
        name: str,
        words: list[str],
        env: dict[str, str],
        log: Path,
        descriptors: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
                pass_fds=descriptors,
            )

    def horse(self) -> int:
        """The work-horse, once there is one."""
        return until(lambda: children(self.process.pid), what=f"{self.name} has a work-horse")[0]

    def kill(self) -> None:
        """End it as a loss of power would: the worker and its work-horse at once."""
        sessions.kill([self.process.pid])
        self.process.wait()


class Fleet:
    """`hydra up` in a folder of its own, with as many other workers as a test wants."""

    def __init__(self, folder: Path, workers: int = 0, **env: str) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.env = clean_env(HYDRA_STATE_DIR=str(self.state_dir), **env)
        self.env["PYTHONPATH"] += os.pathsep + plugin(folder, NAP)
        self.redis_url = f"redis://127.0.0.1:{free_port()}"
        self.hands: list[Hand] = []
        self.up = Hand(
            "up",
            hydra(
                "up",
                "--workers",
                str(workers),
                "--port",
                "0",
                "--redis-port",
                self.redis_url.rpartition(":")[2],
            ),
            self.env,
            folder / "up.log",
        )
        try:
            until(self._answers, within_s=30, what="hydra up says where it is")
        except BaseException:
            self.close()
            raise
        self.url = str(json.loads((self.state_dir / "up.json").read_text())["url"])
        self.client = Client(self.url, "")
        self.redis = connect(self.redis_url)
        self.queue = RqQueue(self.redis)
        self.store = over(self.redis, Settings.read({}, state_dir=str(self.state_dir))).store

    def _answers(self) -> bool:
        if self.up.process.poll() is not None:
            raise AssertionError(self.up.log.read_text())
        return (self.state_dir / "up.json").exists()

    def _hand(self, name: str, words: list[str], start: str, env: dict[str, str]) -> Hand:
        more = {"REDIS_URL": self.redis_url, **env}
        if start:
            place = self.folder / f"{name}-start"
            place.mkdir()
            (place / "sitecustomize.py").write_text(start)
            more["PYTHONPATH"] = os.pathsep.join([str(place), self.env["PYTHONPATH"]])
        hand = Hand(name, words, self.env | more, self.folder / f"{name}.log")
        self.hands.append(hand)
        return hand

    def stock(self, name: str, start: str = "", **env: str) -> Hand:
        """Start `rq worker hydra` as RQ ships it; `start` is Python that it runs first."""
        return self._hand(name, stock(self.redis_url, "--name", name), start, env)

    def worker(self, name: str, cores: int = 1, start: str = "", **env: str) -> Hand:
        """Start `hydra worker`; with more cores than one its workers are NAME-1, NAME-2..."""
        words = hydra("worker", "--cores", str(cores))
        return self._hand(name, words, start, {"HYDRA_WORKER_ID": name, **env})

    def reaper(self, name: str) -> Hand:
        """Start one reaper more."""
        return self._hand(name, hydra("reaper"), "", {})

    def submit(self, points: int) -> Handle:
        """A job of pi that has a known answer."""
        return self.client.submit("pi", samples=points, seed=SEED)

    def nap(self, worker_s: float) -> Handle:
        """A job that one worker does in so many seconds, asleep; `slept` knows its answer."""
        return self.client.submit("nap", **nap.lasting(worker_s))

    def wait_working(self, job: Handle, *names: str, within_s: float = 20.0) -> None:
        """Wait until each of these workers holds a part of the job."""
        until(
            lambda: set(names) <= {lease.worker for lease in self.store.vitals.dump(job.id).leases},
            within_s=within_s,
            what=f"{names} work; so far:\n{self.told(job)}",
        )

    def told(self, job: Handle) -> str:
        """The job's story, a line an entry."""
        return "\n".join(f"{e['at']} {e['verb']} {e['text']}" for e in job.story())

    def entry(self, job: Handle, verb: str, start: str, after: str = "") -> dict[str, Any]:
        """The first entry of the story that begins so, as soon as it is there."""

        def found() -> dict[str, Any] | None:
            return next(
                (e for e in job.story(after) if e["verb"] == verb and e["text"].startswith(start)),
                None,
            )

        return until(found, within_s=20, what=f"{verb} {start} in the story") or {}

    def part_of(self, name: str) -> int:
        """The id of a process of `up`, such as the scheduler."""
        return until(
            lambda: next(
                (pid for pid in children(self.up.process.pid) if name.encode() in command(pid)), 0
            ),
            within_s=20,
            what=f"a {name}",
        )

    def ended_tasks(self, hand: Hand) -> int:
        """How many chunk tasks this worker has ended, by RQ's own count."""
        return sum(
            worker.successful_job_count
            for worker in RqWorker.all(self.redis)
            if worker.pid == hand.process.pid
        )

    def server_pid(self) -> int:
        return int(json.loads((self.state_dir / "server.json").read_text())["pid"])

    def family(self) -> list[int]:
        """Every process of this folder but the server, by the environment that it was given."""
        mark = f"HYDRA_STATE_DIR={self.state_dir}".encode()
        return [pid for pid, _ in sessions.living() if mark in environment(pid)]

    def dismiss(self) -> None:
        """End the hands, however the test has left them, and whatever jobs are open."""
        for hand in self.hands:
            ended = [hand.process.pid, *children(hand.process.pid)]
            hand.process.kill()  # the guard of a worker with many cores ends those
            sessions.kill(ended)
            hand.process.wait()
        self.hands.clear()
        keep = {self.up.process.pid, *self._kin(self.up.process.pid)}
        until(lambda: set(self.family()) <= keep, what="every worker has ended")
        for job in self.client.jobs(20):
            if not job.is_final:
                job.cancel()

    def _kin(self, pid: int) -> Iterable[int]:
        for child in children(pid):
            yield child
            yield from self._kin(child)

    def close(self) -> None:
        """End everything: the hands at once, `up` as a person would, since it ends its server."""
        for hand in self.hands:
            hand.kill()
        self.up.process.terminate()
        try:
            self.up.process.wait(20)
        except subprocess.TimeoutExpired:
            self.up.process.kill()
            self.up.process.wait()
        sessions.send(signal.SIGKILL, self.family())


def loaded(pid: int) -> str:
    """The names of the files that a process has mapped: its shared libraries among them."""
    return Path(f"/proc/{pid}/maps").read_text()


def environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def slept(job: Handle, within_s: float = 60.0) -> bool:
    """Wait for a job of `nap`: whether every unit was counted once."""
    return job.result(within_s) == nap.answer(job.shape["params"])


def right(answer: dict[str, Any], points: int) -> bool:
    """Whether every point was counted once."""
    return (answer["samples"], answer["hits"]) == (points, HITS[points])
