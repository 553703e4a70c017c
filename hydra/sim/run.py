"""One fleet, one policy, one seed: the loop of events, and what came of it."""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hydra.adapters.memory_queue import MemoryQueue
from hydra.clock import ManualClock
from hydra.kernels import Kernel, Param, add_sums, join_pieces
from hydra.model import FINAL, JobState, Params, Pieces, Span, Sums
from hydra.model.invariants import violations
from hydra.services import Hydra
from hydra.services.reap import PAUSE_S_MIN, reap
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.sim.chance import Life, draws, life_of
from hydra.sim.curve import bound_s
from hydra.sim.scenarios import Scenario
from hydra.sim.store import CountedStore
from hydra.sim.worker import SUM, SimPacing, SimPort, SimWorker, Wire

HORIZON = 10.0
"""Machines change during this many times the ideal duration, and five minutes more."""

START_S = 0.05
"""The workers that are there at the start ask within this time; they are known already."""

STILL_S_MAX = 300.0
"""A job of which nothing is counted for so long, while a worker is there, is stuck: a lost lease of
the slowest policy is noticed after 80 s."""

PATIENCE = 40.0
"""A run is given up after this many times its bound, and ten minutes more."""


class Broken(RuntimeError):
    """An invariant does not hold, or a job stands still: a fault of Hydra, not of its user."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to simulate."""

    scenario: Scenario
    policy: str
    ideal_s: float
    overhead_s: float
    seed: int
    check: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one run."""

    efficiency: float
    """The bound divided by the makespan."""
    makespan_s: float
    bound_s: float
    used: float
    """The part of all speed that was there until the end that the answer needed."""
    wasted: float
    """Work computed in vain, as a part of the job's."""
    chunks: int
    splits: int
    losses: int
    calls: int
    calls_per_s: float
    calls_per_s_peak: int
    idle_polls: int
    """How often idle workers looked for work, each time with a few calls."""
    first_s: tuple[float, ...]
    """When the first chunk of each job began, from its submission."""
    ended_s: tuple[float, ...]
    """When each job ended, from its submission."""


def kernel(unit_bytes: int) -> Kernel:
    """A kernel that counts its units, so that the right answer is known; pieces if they have bytes.

    All pieces are the same bytes in memory.
    """
    piece = bytes(unit_bytes)

    def count(_params: Params, span: Span) -> Sums:
        return {SUM: span.units}

    def fill(_params: Params, span: Span) -> Pieces:
        return dict.fromkeys(range(*span), piece)

    module: dict[str, Any] = {
        "__name__": "counting",
        "__doc__": "Counts units.",
        "VERSION": 1,
        "GOLDEN": (),
        "PARAMS": {SUM: Param(int, 1, 1, 2**53 - 1)},
        "size": lambda params: params[SUM],
    }
    if unit_bytes:
        module |= {"PIECE_BYTES_MAX": unit_bytes, "run": fill, "merge": join_pieces}
        module["finish"] = lambda params, whole: {SUM: len(whole)}
    else:
        module |= {"SUMS": {SUM: (1, 1)}, "run": count, "merge": add_sums}
        module["finish"] = lambda params, whole: whole
    return Kernel.of(SimpleNamespace(**module))


class Run:
    """A fleet over the memory store, driven by a heap of events (when, number, what)."""

    def __init__(self, task: Task) -> None:
        self._task = task
        scenario = task.scenario
        self._clock = ManualClock(0.0)
        self._counted = CountedStore(self._clock)
        over: dict[str, Any] = {"sizing": task.policy, "state_dir": "-"}
        if scenario.target_s:
            over["target_seconds"] = scenario.target_s
        known = {"counting": kernel(scenario.unit_bytes)}
        self._h = Hydra(
            self._counted.store,
            MemoryQueue(),
            self._clock,
            Settings.read({}, **over),
            lambda: known,
        )
        self._horizon_s = HORIZON * task.ideal_s + 300.0
        machines = range(scenario.workers)
        speeds = [scenario.speeds[i % len(scenario.speeds)] * scenario.units_s for i in machines]
        links = [self._link_units_s(i) for i in machines]
        self._units = int(sum(map(min, speeds, links)) * task.ideal_s)
        self._lives = [
            life_of(scenario, i, speed, self._horizon_s, task.seed)
            for i, speed in enumerate(speeds)
        ]
        self._useful = [life.curve.at_most(most) for life, most in zip(self._lives, links)]
        """What each machine can compute and hand in."""
        self._workers = [self._worker(i, life) for i, life in enumerate(self._lives)]
        if scenario.quiet:
            self._counted.quiet = {worker.name: worker for worker in self._workers}
        self._listening: set[int] = set()
        """Workers that the bell wakes."""
        self._heap: list[tuple[float, int, str, int, int]] = []
        self._number = itertools.count()
        self._jobs: dict[str, int] = {}
        self._unbegun: dict[str, int] = {}
        self._still: dict[str, tuple[object, float]] = {}
        """Of each job, what was counted, and for how long nothing more was."""
        self._looked_s = 0.0
        self._first = [math.nan] * len(scenario.jobs)
        self._ended = [math.nan] * len(scenario.jobs)

    def _link_units_s(self, i: int) -> float:
        """Units a second that the machine's link carries."""
        scenario = self._task.scenario
        rate = scenario.bytes_s[i % len(scenario.bytes_s)]
        return rate / scenario.unit_bytes if scenario.unit_bytes else math.inf

    def _worker(self, i: int, life: Life) -> SimWorker:
        scenario, h = self._task.scenario, self._h
        trips, rates = scenario.round_trip_s, scenario.bytes_s
        wire = Wire(trips[i % len(trips)], self._task.overhead_s, rates[i % len(rates)])
        return SimWorker(
            str(i),
            SimPort(h),
            dict(h.kernels()),
            life,
            self._clock,
            wire,
            SimPacing(h.settings.slice_seconds, h.settings.poll_seconds),
            began=self._note_begin,
            liar=i >= scenario.workers - scenario.liars,
            quiet=self._counted if scenario.quiet else None,
        )

    def go(self) -> Outcome:
        """Run to the last job's answer."""
        starts = draws(self._task.seed, len(self._workers) * 8)
        for i, worker in enumerate(self._workers):
            worker.at_s = worker.away_until(START_S * next(starts))
            if worker.at_s < START_S:
                worker.enlist()
            self._push(worker.at_s, "worker", i, worker.turn)
        self._counted.store.verbs.tick()
        for n, job in enumerate(self._task.scenario.jobs):
            self._push(job.at_s, "submit", n)
        self._push(next(starts), "reap")
        bound = bound_s(self._useful, self._units, self._horizon_s)
        limit_s = PATIENCE * bound + 600.0
        while any(map(math.isnan, self._ended)):
            at_s, _, what, i, turn = heapq.heappop(self._heap)
            if what == "worker" and turn != self._workers[i].turn:
                continue
            if at_s > limit_s:
                raise Broken(f"the run has not ended after {limit_s:.0f} s")
            self._clock.now_s = at_s
            self._do(what, i)
        return self._outcome(bound)

    def _push(self, at_s: float, what: str, i: int = 0, turn: int = 0) -> None:
        if at_s < math.inf:
            heapq.heappush(self._heap, (at_s, next(self._number), what, i, turn))

    def _do(self, what: str, i: int) -> None:
        """One event, and what follows from it at once."""
        if what == "worker":
            self._act(i)
        elif what == "reap":
            self._require_progress()
            reap(self._h)
            pause_s = min(
                max(self._h.store.views.due_s(), PAUSE_S_MIN), self._h.settings.reap_seconds
            )
            self._push(self._clock.now_s + pause_s, "reap")
        elif what == "submit":
            self._submit(i)
        elif what == "bell":
            self._ring()
        while self._counted.cut_or_lost:
            self._lease_changed(int(self._counted.cut_or_lost.pop()))
        if self._counted.rang:
            self._counted.rang = False
            self._note_ends()
            self._push(self._clock.now_s, "bell")
        if self._task.check:
            self._require_invariants()

    def _act(self, i: int) -> None:
        """What is due at a worker."""
        worker = self._workers[i]
        worker.act(self._clock.now_s)
        if worker.listens:
            self._listening.add(i)
        else:
            self._listening.discard(i)
        self._push(worker.at_s, "worker", i, worker.turn)

    def _lease_changed(self, i: int) -> None:
        """Tell a worker whose beats are quiet that its lease was cut or lost."""
        if self._task.scenario.quiet:
            worker = self._workers[i]
            if worker.lease_changed():
                self._act(i)

    def _ring(self) -> None:
        """Wake those who listen."""
        for i in sorted(self._listening):
            self._workers[i].ring()
            self._act(i)

    def _submit(self, n: int) -> None:
        ordered = self._task.scenario.jobs[n]
        units = max(1, int(self._units * ordered.share))
        job = submit(self._h, "counting", {SUM: units}, priority=ordered.priority)
        self._jobs[job.id] = self._unbegun[job.id] = n

    def _note_begin(self, job: str) -> None:
        """Note when the first chunk of a job is begun."""
        if job in self._unbegun:
            n = self._unbegun.pop(job)
            self._first[n] = self._clock.now_s - self._task.scenario.jobs[n].at_s

    def _note_ends(self) -> None:
        """Note when jobs end; raises Broken if one has not its exact answer."""
        for job in [job for job in self._jobs if self._h.store.views.job(job).state in FINAL]:
            self._require_invariants()
            n = self._jobs.pop(job)
            found, ordered = self._h.store.views.job(job), self._task.scenario.jobs[n]
            if found.state is not JobState.DONE:
                raise Broken(f"job {n} ended as {found.state}: {found.reason}")
            if self._h.store.views.answer(job) != {SUM: found.spec.total_units}:
                raise Broken(f"job {n} has the answer {self._h.store.views.answer(job)}")
            self._ended[n] = self._clock.now_s - ordered.at_s

    def _require_progress(self) -> None:
        """Raise Broken if a job stands still though somebody could work on it."""
        now_s = self._clock.now_s
        passed_s, self._looked_s = now_s - self._looked_s, now_s
        if not any(worker.away_until(now_s) <= now_s for worker in self._workers):
            return
        for job, n in self._jobs.items():
            record = self._counted.state.jobs[job]
            counted, still_s = self._still.get(job, (None, 0.0))
            now = (record.state, record.done)
            still_s = still_s + passed_s if counted == now else 0.0
            if still_s > STILL_S_MAX:
                raise Broken(f"nothing of job {n}, which is {record.state}, for {still_s:.0f} s")
            self._still[job] = (now, still_s)

    def _require_invariants(self) -> None:
        found = [said for job in self._jobs for said in violations(self._h.store.vitals.dump(job))]
        if found:
            raise Broken(f"after {self._clock.now_s:.3f} s: {'; '.join(found)}")

    def _outcome(self, bound: float) -> Outcome:
        makespan_s, counted = self._clock.now_s, self._counted
        there = sum(curve.done(makespan_s) for curve in self._useful)
        done = sum(worker.computed_units for worker in self._workers)
        calls = sum(counted.calls.values())
        return Outcome(
            efficiency=bound / makespan_s,
            makespan_s=makespan_s,
            bound_s=bound,
            used=self._units / there,
            wasted=max(0.0, done / self._units - 1),
            chunks=counted.grants,
            splits=counted.splits,
            losses=counted.losses,
            calls=calls,
            calls_per_s=calls / makespan_s,
            calls_per_s_peak=max(counted.calls.values()),
            idle_polls=sum(worker.listened for worker in self._workers),
            first_s=tuple(self._first),
            ended_s=tuple(self._ended),
        )
