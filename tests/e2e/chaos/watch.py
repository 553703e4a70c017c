"""Looks at the store all the time, past every door: what must hold, and what the faults cost."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import dataclass

from hydra.errors import HydraError, Missing
from hydra.model import FINAL, StoryEntry
from hydra.model.invariants import regressions, violations
from hydra.model.messages import JobDump
from hydra.store.redis import redis_store
from tests.e2e.chaos.server import Server
from tests.e2e.chaos.standstill import Standstill

LOOK_S = 0.2

JOBS_MAX = 40
"""The newest jobs: clients keep fewer than this open."""

SPAN = re.compile(r"^(\S+) .*?units (\d+)\.\.(\d+)")


@dataclass
class Loss:
    """A lease whose holder was ended, and what became of its first unit."""

    kind: str
    job: str
    unit: int
    worker: str
    at_s: float
    """Wall clock, as the server has it: they share a machine."""
    alone: bool
    """Whether no other fault was in force meanwhile that the recovery had to wait for."""
    took_s: float = 0.0
    """Until somebody else had claimed the unit; 0 if that never happened."""
    void: bool = False
    """Whether the job ended, or went back in time, before that."""


class Watch:
    """One thread that reads; it never writes."""

    def __init__(self, server: Server) -> None:
        self.complaints: list[str] = []
        self.counts: Counter[str] = Counter()
        """Entries of the stories by verb: claims, expiries, splits, give-backs."""
        self.losses: list[Loss] = []
        self.back_s: list[float] = []
        """After each return of the server, how long until units were counted again."""
        self.strange: set[str] = set()
        """Workers with another edition of pi: they must hold nothing of it."""
        self.checks = 0
        self.disturbances = 0
        """Faults in force that a recovery may have to wait for."""
        self.standstill = Standstill()
        self._server = server
        self.store = redis_store(server.client(), str)
        self._before: dict[str, JobDump] = {}
        self._read: dict[str, str] = {}
        self._over: set[str] = set()
        """Jobs that have ended and whose stories are read."""
        self._back_at_s = 0.0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @property
    def awake(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def lost(self, kind: str, worker: str, at_s: float) -> None:
        """Note what a worker holds that has just been ended."""
        try:
            for job in self.store.views.jobs(JOBS_MAX):
                if job.state not in FINAL:
                    leases = self.store.vitals.dump(job.id).leases
                    self.losses += [
                        Loss(kind, job.id, lease.span.start, worker, at_s, not self.disturbances)
                        for lease in leases
                        if lease.worker == worker
                    ]
        except HydraError:
            pass  # the server is away: this loss cannot be timed

    def disturbed(self) -> None:
        """A fault begins that recoveries may wait for; `disturbances` goes down at its end."""
        self.disturbances += 1
        for loss in self.losses:
            if not loss.took_s:
                loss.alone = False

    def rolled_back(self) -> None:
        """The server is about to wake up with an earlier state."""
        with self._lock:
            self._before.clear()
            self._over.clear()
            for loss in self.losses:
                loss.void = loss.void or not loss.took_s

    def came_back(self) -> None:
        """The server answers again: the next counted unit is its recovery."""
        self._back_at_s = time.monotonic()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                with self._lock:
                    self._look()
            except HydraError:
                continue  # the server is away

    def _look(self) -> None:
        dumps = []
        for job in self.store.views.jobs(JOBS_MAX):
            if job.id in self._over:
                continue
            try:
                dump = self.store.vitals.dump(job.id)
                dumps.append(dump)
                self._check(dump)
                self._follow(job.id, job.state in FINAL)
            except Missing:
                continue  # gone with a part of the log that we cut off
        if complaint := self.standstill.look(time.monotonic(), dumps):
            self.complaints.append(complaint)

    def _check(self, dump: JobDump) -> None:
        self.checks += 1
        job = dump.job
        self.complaints += [f"job {job.id}: {sentence}" for sentence in violations(dump)]
        before = self._before.get(job.id, dump)
        self.complaints += [f"job {job.id}: {text}" for text in regressions(before, dump)]
        if job.done_units > before.job.done_units and self._back_at_s:
            self.back_s.append(time.monotonic() - self._back_at_s)
            self._back_at_s = 0.0
        self._before[job.id] = dump
        if job.spec.kernel == "pi":
            self.complaints += [
                f"{lease.worker} of another edition holds a part of {job.id}"
                for lease in dump.leases
                if lease.worker in self.strange
            ]

    def _follow(self, job: str, final: bool) -> None:
        """Read on in the job's story."""
        for entry in self.store.views.story(job, self._read.get(job, "")):
            self.counts[entry.verb] += 1
            self._read[job] = entry.id
            if entry.verb == "claim":
                self._claimed(job, entry)
        if final:
            self._over.add(job)
            for loss in self.losses:
                if loss.job == job and not loss.took_s:
                    loss.void = True

    def _claimed(self, job: str, entry: StoryEntry) -> None:
        found = SPAN.match(entry.text)
        assert found, entry.text
        worker, start, stop = found[1], int(found[2]), int(found[3])
        for loss in self.losses:
            open_here = loss.job == job and not loss.took_s and not loss.void
            late = entry.at_ms / 1000 > loss.at_s
            if open_here and late and worker != loss.worker and start <= loss.unit < stop:
                loss.took_s = entry.at_ms / 1000 - loss.at_s
