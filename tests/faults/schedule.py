"""One schedule: a fleet in a storm of faults, watched at every step, judged at the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest import mock

from hydra.adapters.memory_queue import MemoryQueue
from hydra.errors import Missing, NoSuchJob, Unavailable
from hydra.model import Session
from hydra.model.messages import Hint
from hydra.ports import Store
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.dispatch import dispatch
from hydra.services.reap import reap
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import LocalPort
from hydra.work.renewing import RENEW_EVERY_S, RenewedHold
from hydra.work.threads import ThreadLanes
from hydra.work.worker import Worker
from tests.faults.accounts import MakeAccounts, in_memory
from tests.faults.kernels import POISON, kernels_of
from tests.faults.loop import Loop, Process, SkewedClock, Stuck, Threads
from tests.faults.network import Link, Server
from tests.faults.plan import JobPlan, Plan, draw
from tests.faults.witness import Witness

REAPERS = 2
RESTART_S_MAX = 5.0
"""A process that died is started again within this."""

CALM_S_MAX = 600.0
"""How long after the storm every job must have ended: a reduction may be tried three times, a
poisoned unit five times at up to a minute each."""

STILL_S_MAX = 90.0
"""How long a job that can be done may stand still after the storm: the lease of a range that was
lost again and again lasts a minute, and who died in the storm's last moment may have held one. A
loss of a poisoned job begins that time anew, as it brings its end nearer: a lone worker may do
nothing else until then."""

FINISH_SHARE = 0.9
"""Of the longest that a kernel call may take."""

PART_BYTES = {"PART_BYTES_MIN": 1 << 10, "PART_BYTES_FIRST": 1 << 14, "PART_BYTES_MAX": 1 << 16}
FILE_PART_BYTES = 2_000
SPLIT_GAIN_S_MIN, SPLIT_LEAD_BEATS = 0.1, 0.1


def worker_of(process: Process, *given: Any) -> Worker:
    """The worker as it is, with threads that take turns in virtual time."""
    worker = Worker(
        *given,
        interrupt=process.interrupt,
        give_up=lambda: process.crash("its kernel does not come back"),
        lanes=lambda clock: ThreadLanes(clock, Threads(process)),
    )
    process.on_interrupt = worker.break_off
    return worker


class SimPort(LocalPort):
    """The port as it is, whose second thread takes turns, too."""

    def __init__(self, process: Process, h: Hydra) -> None:
        super().__init__(h, lambda: process.crash("its kernel does not come back"))
        self._process = process

    @contextmanager
    def _renewing(self, hold: RenewedHold) -> Iterator[RenewedHold]:
        making = True

        def renew() -> None:
            while making and hold.ours:
                self._process.sleep(RENEW_EVERY_S)
                if making:
                    hold.renew_or_abandon()

        self._process.start(renew)
        try:
            yield hold
        finally:
            making = False


@contextmanager
def small_limits() -> Iterator[None]:
    """Limits as small as schedules are short.

    A second of a worker's pieces is a large part, a tenth of a second is worth a split, and who is
    split need not have heard of it in time.
    """
    with (
        mock.patch.multiple("hydra.work.link", **PART_BYTES),
        mock.patch("hydra.work.sender.PART_BYTES_MIN", PART_BYTES["PART_BYTES_MIN"]),
        mock.patch("hydra.model.limits.FILE_PART_BYTES", FILE_PART_BYTES),
        mock.patch("hydra.model.limits.SPLIT_GAIN_S_MIN", SPLIT_GAIN_S_MIN),
        mock.patch("hydra.policy.splitting.LEAD_BEATS", SPLIT_LEAD_BEATS),
    ):
        yield


class TaskQueue(MemoryQueue):
    """RQ's queue, from which a worker takes."""

    def take(self) -> tuple[str, int] | None:
        """The next task, if there is one."""
        return self.tasks.pop(0) if self.tasks else None


class Schedule:
    """Everything of one seed; `run` raises AssertionError if anything is not as promised."""

    def __init__(
        self, seed: int, make_accounts: MakeAccounts = in_memory, *, tell: bool = False
    ) -> None:
        self.loop = Loop(seed)
        self.loop.told = [] if tell else None
        self.plan: Plan = draw(self.loop.chance)
        self.server = Server(self.loop.process("server"))
        ids = count(1)
        self.accounts = make_accounts(lambda: f"t{next(ids)}", self.server.now_ms)
        self.store = self.accounts.store
        self.queue = TaskQueue(listening=list(map(str, range(len(self.plan.speeds)))))
        self.witness = Witness(self.store, self.loop)
        self.settings = Settings.read(self.plan.settings, state_dir="none")
        self.trips: dict[Any, int] = {}
        self.workers: dict[int, tuple[Process, Link]] = {}
        self.sessions: dict[int, str] = {}
        """The last of each worker, which its parent knows."""
        self.reapers: dict[int, Process] = {}
        self.expected = dict[str, JobPlan]()
        self.falls = 0
        self.moved: dict[str, tuple[str, float]] = {}
        """How far each job was when it last moved, and when that was."""

    def run(self) -> None:
        """Let it all happen, then judge."""
        try:
            for number in range(len(self.plan.speeds)):
                self.start_worker(number)
            for number in range(REAPERS):
                self.start_reaper(number)
            for number, job in enumerate(self.plan.jobs):
                self.start_client(f"job-{number}", job)
            for at_s, fault in self.plan.faults:
                self.loop.after(at_s, lambda fault=fault: self.strike(fault))
            for at_s, back_s in self.plan.falls:
                then_s = max(at_s - back_s, 0.0)
                self.loop.after(then_s, lambda s=at_s - then_s: self.remember(s))
            self.loop.after(self.plan.storm_s, self.calm)
            with small_limits():
                self.loop.run(self.ended, self.plan.storm_s + CALM_S_MAX)
            self.witness.judge(self.expected)
        finally:
            self.loop.close()

    def require_progress(self) -> None:
        """Raise Stuck if a job that can be done has stood still for too long."""
        poison = [job for job, plan in self.expected.items() if plan.kernel in POISON]
        losses = f"{[self.witness.losses(job) for job in poison]} losses of poisoned jobs"
        for job in self.expected.keys() - poison:
            mark = f"{self.witness.reached(job)}, {losses}"
            before, since_s = self.moved.get(job, ("", 0.0))
            if self.witness.ended(job) or mark != before:
                self.moved[job] = mark, self.loop.now_s
            elif self.loop.now_s - since_s > STILL_S_MAX:
                plan = self.expected[job]
                raise Stuck(f"{job} of {plan} stands still since {since_s:.1f} s, at {mark}")

    def ended(self) -> bool:
        """Whether the storm is over and every job has been submitted and has ended."""
        submitted = len(self.expected) == len(self.plan.jobs)
        over = submitted and self.loop.now_s > self.plan.storm_s
        return over and self.witness.all_ended(self.expected)

    # Who is there ---------------------------------------------------------------------------

    def hydra(
        self, process: Process, speed: float = 1.0, bytes_s: float = math.inf
    ) -> tuple[Hydra, Link]:
        """The services of one process, with the network between it and the store."""
        link = Link(process, self.server, self.plan.weather, bytes_s)
        kernels = kernels_of(process, speed, self.trips, self.finish_s)
        saw, near = self.witness.saw, self.store
        far = Store(
            verbs=link.far(near.verbs, saw),
            views=link.far(near.views, saw),
            vitals=link.far(near.vitals, saw),
        )
        return Hydra(
            far,
            link.far(self.queue, self.witness.saw),
            SkewedClock(process),
            self.settings,
            lambda: kernels,
        ), link

    def finish_s(self) -> float:
        """How long the answer of a picture takes: longer than a lease, but not in a storm."""
        calm = self.loop.now_s > self.plan.storm_s
        return FINISH_SHARE * self.settings.call_seconds if calm else 0.1

    def start_worker(self, number: int) -> None:
        """A worker process, which takes shift after shift."""
        process = self.loop.process(f"worker-{number}")
        h, link = self.hydra(process, self.plan.speeds[number], self.plan.links_bytes_s[number])
        self.workers[number] = process, link

        def work() -> None:
            while True:
                try:
                    task = h.queue.take()  # type: ignore[attr-defined]
                    if task is None:
                        process.sleep(0.5)
                        continue
                    session = Session(h.clock.new_id(), process.name, process.name, 1)
                    self.sessions[number] = session.id
                    worker = worker_of(
                        process, SimPort(process, h), h.kernels(), h.clock, self.settings, session
                    )
                    if worker.shift(Hint(*task)):
                        dispatch(h)
                except (Missing, Unavailable) as error:
                    self.loop.tell(process.name, f"leaves its shift: {error}")

        process.start(work)

    def start_parent(self, number: int, session: str) -> None:
        """The process that has seen a worker's process die, and says so once."""
        process = self.loop.process(f"parent-{number}")
        h, _ = self.hydra(process)

        def work() -> None:
            try:
                h.store.verbs.leave(session, "its process ended by SIGKILL")
            except Unavailable:
                pass

        process.start(work)

    def start_reaper(self, number: int) -> None:
        """A reaper process."""
        process = self.loop.process(f"reaper-{number}")
        h, _ = self.hydra(process)
        self.reapers[number] = process

        def work() -> None:
            while True:
                try:
                    reap(h)
                except Unavailable:
                    pass
                process.sleep(self.loop.chance.uniform(0.9, 1.1))

        process.start(work, self.loop.chance.random())

    def start_client(self, name: str, job: JobPlan) -> None:
        """Somebody who submits a job, tries until it is there, and again if it is gone."""
        process = self.loop.process(name)
        h, _ = self.hydra(process)

        def insist(act: Callable[[], Any]) -> Any:
            while True:
                try:
                    return act()
                except Unavailable:
                    process.sleep(0.5)

        def open_it() -> str:
            opened = insist(
                lambda: submit(
                    h,
                    job.kernel,
                    {"units": job.units, "seed": int(name[4:]), "hard": int(job.hard)},
                    priority=job.priority,
                    key=name,
                    job_id=f"{name}-{h.clock.new_id()}",
                )
            )
            return str(opened.id)

        def follow(opened: str) -> None:
            """See to the job; NoSuchJob once the store knows it no more."""
            if job.cancelled_at_s is not None:
                process.sleep(max(0.0, job.cancelled_at_s - self.loop.now_s))
                insist(lambda: cancel(h, opened, "enough"))
            while self.plan.falls:
                process.sleep(1.0)
                insist(lambda: h.store.views.job(opened))

        def work() -> None:
            while True:
                opened = open_it()
                self.expected[opened] = job
                try:
                    return follow(opened)
                except NoSuchJob:
                    del self.expected[opened]

        process.start(work, job.at_s)

    # What goes wrong ------------------------------------------------------------------------

    def strike(self, fault: str) -> None:
        """One fault, on whom the seed says."""
        chance, loop = self.loop.chance, self.loop
        number = chance.randrange(len(self.plan.speeds))
        process, link = self.workers[number]
        span_s = chance.choice([0.5, 2.0, 5.0, 20.0])
        loop.tell("nemesis", f"{fault}, {process.name}, {span_s} s")
        match fault:
            case "crash":
                process.crash("a power cut")
            case "sleep":
                process.asleep_until_s = loop.now_s + span_s
            case "slows down":
                process.slow(chance.choice([4.0, 16.0]), span_s)
            case "cut":
                link.cut_until_s = loop.now_s + span_s
            case "reaper dies":
                self.reapers[chance.randrange(REAPERS)].crash("a power cut")
            case "server stops":
                self.server.stopped_until_s = loop.now_s + span_s
            case "clock is set":
                self.server.wall_offset_ms += chance.choice([-1, 1]) * span_s * 3600
            case "queue is lost":
                self.queue.tasks.clear()
            case "tasks come twice":
                self.queue.tasks *= 2
        self.loop.after(chance.uniform(0, RESTART_S_MAX), self.mend)

    def remember(self, seconds: float) -> None:
        """The store will fall back to this moment; unless it falls behind it before that."""
        falls, store, witness = self.falls, self.accounts.remember(), self.witness.remember()

        def fall_back() -> None:
            if self.falls == falls:
                self.falls += 1
                self.loop.tell("nemesis", f"the store falls back by {seconds:.2f} s")
                store()
                witness()

        self.loop.after(seconds, fall_back)

    def mend(self) -> None:
        """Start what has died, as a supervisor does."""
        for number, (process, _) in list(self.workers.items()):
            if not process.alive:
                last = self.sessions.get(number)
                self.start_worker(number)
                if self.plan.parents and last:
                    self.start_parent(number, last)
        for number, process in list(self.reapers.items()):
            if not process.alive:
                self.start_reaper(number)

    def calm(self) -> None:
        """No fault from now on, but for kernels that kill their process; so all jobs move."""
        self.plan.weather.fair()
        self.mend()
        self.require_progress()
        if not self.ended():
            self.loop.after(1.0, self.calm)
