"""The clients: they open jobs all the time, through whichever scheduler answers, and check answers.

Every request is repeated until it is answered, a submit under one Idempotency-Key, as any careful
client does. What the right answer is was computed in this process, without Hydra around the kernel.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

from hydra import kernels
from hydra.api.v1.shapes import BASE
from hydra.kernels import Kernel
from hydra.model import Params, Span
from tests.e2e.chaos import drip

OPEN_JOBS = 3
"""Unfinished jobs that the clients keep going."""

PATIENCE_S = 5.0
"""How long one request may take before another scheduler is asked."""

PAUSE_S = 0.2

DRIP_SHARE = 0.6
"""Of the jobs: drip takes time, and leaves the processors to the faults."""


@dataclass(frozen=True)
class Task:
    """A request, and the one right answer; an empty one is that of a job which has to fail."""

    kernel: str
    params: Params
    answer: dict[str, Any]


@dataclass
class Opened:
    """A job as its client sees it."""

    key: str
    task: Task
    id: str = ""
    state: str = ""
    doomed: bool = False
    """Whether a cancel was sent: then the job may be cancelled, or done before that."""
    shape: dict[str, Any] = field(default_factory=dict)


def one_process(kernel: Kernel, given: Mapping[str, Any]) -> Task:
    """The task with what one process says to it."""
    params = kernels.parse_params(kernel, given)
    answer = kernel.finish(params, kernel.run(params, Span(0, kernel.size(params))))
    files = {key: value for key, value in answer.items() if isinstance(value, bytes)}
    if files:
        labels = {
            key: {"bytes": len(value), "sha256": hashlib.sha256(value).hexdigest()}
            for key, value in files.items()
        }
        answer = {k: v for k, v in answer.items() if k not in files} | {"files": labels}
    return Task(kernel.name, params, json.loads(json.dumps(answer)))


DRIP = Kernel.of(drip)
DRIPS = ((240, 25), (900, 10), (60, 150), (2500, 5), (1200, 20))
"""Units of a drip job, and how long one takes, in ms."""


def menu(seed: int) -> list[Task]:
    """Work for processors: computed alone once, asked for many times."""
    loaded = kernels.load()
    real: list[tuple[str, dict[str, Any]]] = [
        ("pi", {"samples": 10**9 + 17, "seed": seed}),
        ("pi", {"samples": 4 * 10**9, "seed": seed + 1}),
        ("mandelbrot", {"columns": 300, "rows": 300, "iterations": 2000}),
        ("option", {"samples": 2 * 10**7, "seed": seed}),
    ]
    return [one_process(loaded[name], params) for name, params in real]


def poisoned(seed: int) -> Task:
    """A job with one unit that no worker survives."""
    given = {"units": 64, "unit_ms": 2, "seed": seed, "poison": 1 + seed % 60}
    return Task("drip", kernels.parse_params(DRIP, given), {})


class Load:
    """Clients in threads of their own, until `finish`."""

    def __init__(self, urls: list[str], seed: int) -> None:
        self.jobs: list[Opened] = []
        self.complaints: list[str] = []
        self.may_forget = False
        """Whether the server was rolled back: only then may an acknowledged job be gone."""
        self._urls = itertools.cycle(urls)
        self._http = urllib3.PoolManager(
            timeout=urllib3.Timeout(PATIENCE_S), retries=False, maxsize=8
        )
        self._chance = random.Random(seed)
        self._seed = seed
        self._menu = menu(seed)
        self._number = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._client, name=f"client-{n}", daemon=True)
            for n in range(OPEN_JOBS)
        ]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Open no more jobs; those that are open are followed to their ends."""
        self._stop.set()

    @property
    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """Give up on what is still open."""
        self._stop.set()
        self._closing.set()
        for thread in self._threads:
            thread.join()

    def poison(self) -> None:
        """Open a job that has to fail, beside the others."""
        thread = threading.Thread(target=self._follow, args=(poisoned(self._seed),), daemon=True)
        self._threads.append(thread)
        thread.start()

    def cancel(self) -> None:
        """Cancel the job that was opened last, if it runs."""
        running = [job for job in self.jobs if job.state == "running"]
        if running:
            running[-1].doomed = True
            self.ask("POST", f"/jobs/{running[-1].id}/cancel", {"reason": "chaos"})

    def ask(
        self, method: str, path: str, body: Any = None, key: str = ""
    ) -> tuple[int, dict[str, Any]]:
        """One request to the next scheduler; 0 if none answered in time."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        content = None if body is None else json.dumps(body).encode()
        with self._lock:
            url = next(self._urls)
        try:
            reply = self._http.request(method, f"{url}{BASE}{path}", body=content, headers=headers)
        except urllib3.exceptions.HTTPError:
            return 0, {}
        if reply.status >= 500 and reply.status != 503:
            self.complaints.append(f"{method} {path} gave {reply.status}: {reply.data[:200]!r}")
            return 0, {}
        return reply.status, json.loads(reply.data)

    def _client(self) -> None:
        while not self._stop.is_set():
            self._follow(
                self._drip()
                if self._chance.random() < DRIP_SHARE
                else self._chance.choice(self._menu)
            )

    def _drip(self) -> Task:
        units, unit_ms = self._chance.choice(DRIPS)
        params = {"units": units, "unit_ms": unit_ms, "seed": self._chance.getrandbits(40)}
        return one_process(DRIP, params)

    def _follow(self, task: Task) -> None:
        """Open one job and see it to its end."""
        job = Opened(f"chaos-{self._seed}-{next(self._number)}", task)
        self.jobs.append(job)
        self._submit(job)
        while not self._closing.is_set():
            status, shape = self.ask("GET", f"/jobs/{job.id}?wait=1")
            if status == 200:
                job.state, job.shape = shape["state"], shape
                if job.state in ("done", "failed", "cancelled"):
                    self._judge(job)
                    return
            elif status == 404:
                self._submit(job)  # the same key: the same job, if the server knows it after all
            self._closing.wait(PAUSE_S)

    def _submit(self, job: Opened) -> None:
        body = {"kernel": job.task.kernel, "params": job.task.params}
        while not self._closing.is_set():
            status, shape = self.ask("POST", "/jobs", body, job.key)
            if status in (200, 201):
                if job.id and job.id != shape["id"] and not self.may_forget:
                    self.complaints.append(f"job {job.id} was acknowledged and is gone")
                job.id, job.state = shape["id"], shape["state"]
                return
            if status not in (0, 503):
                self.complaints.append(f"a submit gave {status}: {shape}")
            self._closing.wait(PAUSE_S)

    def _judge(self, job: Opened) -> None:
        """Compare the end of a job with the one right answer."""
        what = f"{job.task.kernel} job {job.id}"
        if job.state == "cancelled":
            right = job.doomed
        elif not job.task.answer:
            unit = f"unit {job.task.params['poison']} "
            right = job.state == "failed" and job.shape["reason"].startswith(unit)
        else:
            right = job.state == "done" and job.shape["answer"] == job.task.answer
        if not right:
            self.complaints.append(
                f"{what} is {job.state} {job.shape.get('reason', '')}: "
                f"{job.shape.get('answer')} instead of {job.task.answer}"
            )
