"""Who watches every step of the store, and judges at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from hydra.errors import HydraError
from hydra.model import FINAL, JobState
from hydra.model.invariants import clashes, regressions, violations
from hydra.model.messages import JobDump
from hydra.ports import Store
from tests.faults.blame import Blame
from tests.faults.kernels import POISON, answer_of, bad_unit, picture_of, sum_of
from tests.faults.loop import Loop
from tests.faults.plan import JobPlan

CHANGES = frozenset(
    (
        "submit",
        "claim",
        "complete",
        "beat",
        "turn",
        "expire",
        "leave",
        "cancel",
        "reduce",
        "renew",
        "release",
        "upload",
        "finish",
        "fail",
    )
)
"""The calls that may change a job."""


class Broken(AssertionError):
    """Something that was promised does not hold."""


class Witness:
    """Knows every call that ran, and what every job should hold."""

    def __init__(self, store: Store, loop: Loop) -> None:
        self._store, self._loop = store, loop
        self._calls: list[tuple[str, tuple[Any, ...]]] = []
        self._jobs: dict[str, JobDump] = {}
        self._replies: dict[tuple[str, str], tuple[int, Any]] = {}
        """By session and verb, each a lane."""
        self._blame = Blame()
        self.steps = 0

    @property
    def met(self) -> Counter[str]:
        """How often each of the rarer things occurred."""
        return self._blame.met

    def remember(self) -> Callable[[], None]:
        """What makes the witness know what it knows now: for a store that does the same."""
        jobs, calls = list(self._jobs), list(self._calls)
        replies, blame = dict(self._replies), self._blame.copy()

        def fall_back() -> None:
            self._jobs, self._calls = self._dumps(jobs), calls
            self._replies, self._blame = replies, blame
            self.met["the store fell back"] += 1

        return fall_back

    def saw(self, name: str, args: tuple[Any, ...], said: Any) -> None:
        """A call has run; check everything if it may have changed anything."""
        self.steps += 1
        if name not in CHANGES:
            return
        self._calls.append((name, args))
        if name == "submit":
            self._jobs.setdefault(said.id, self._store.vitals.dump(said.id))
        elif name in ("claim", "complete"):
            self._answered((args[0].id, name), args[1], said)
        self.check(name, args, said)

    def _answered(self, lane: tuple[str, str], seq: int, said: Any) -> None:
        """A call that came before, with none after it on its lane, must get the same reply."""
        last, reply = self._replies.get(lane, (0, None))
        if seq == last and reply is not None and said != reply:
            raise Broken(f"call {seq} of {lane} got {reply}, and then {said}")
        if seq >= last:
            self._replies[lane] = seq, said

    def check(self, name: str, args: tuple[Any, ...], said: Any) -> None:
        """Raise Broken unless all invariants hold of every job after that call."""
        before, self._jobs = self._jobs, self._dumps(self._jobs)
        for job, dump in self._jobs.items():
            if faults := [*violations(dump), *regressions(before[job], dump), *_untrue(dump)]:
                raise Broken(f"{job}: " + "; ".join(faults))
        faults = clashes(list(self._jobs.values()))
        if faults := faults + self._blame.wrong(name, args, said, before, self._jobs):
            raise Broken("; ".join(faults))

    def _dumps(self, jobs: Iterable[str]) -> dict[str, JobDump]:
        return {job: self._store.vitals.dump(job) for job in jobs}

    def reached(self, job: str) -> str:
        """How far a job is, for people too."""
        if job not in self._jobs:
            return "nothing: the store does not know it"
        found = self._jobs[job].job
        return f"{found.done_units} units, {found.state}"

    def losses(self, job: str) -> int:
        """Of all that has not come in."""
        dump = self._jobs.get(job)
        return sum(each.losses for each in [*dump.free, *dump.leases]) if dump else 0

    def ended(self, job: str) -> bool:
        """Whether it has."""
        return job in self._jobs and self._jobs[job].job.state in FINAL

    def all_ended(self, expected: dict[str, JobPlan]) -> bool:
        """Whether every job that was submitted has ended."""
        return all(map(self.ended, expected))

    def judge(self, expected: dict[str, JobPlan]) -> None:
        """Raise Broken unless every job ended as it should and nothing is left of it."""
        if set(self._jobs) != set(expected):
            raise Broken(f"{len(expected)} submits made {len(self._jobs)} jobs")
        for job, plan in expected.items():
            if fault := self._wrong(job, plan):
                raise Broken(f"{job} of {plan}: {fault}")
        before = self._dumps(self._jobs)
        for name, args in self._calls:
            if name == "reduce":
                continue
            try:
                getattr(self._store.verbs, name)(*args)
            except HydraError:
                pass  # refused: so nothing has changed
            if before != (after := self._dumps(self._jobs)):
                raise Broken(f"{name}{args}, sent again at the end, changed {before} to {after}")

    def _wrong(self, job: str, plan: JobPlan) -> str:
        found = self._store.views.job(job)
        if found.state is JobState.CANCELLED:
            return "" if plan.cancelled_at_s is not None else "nobody cancelled it"
        if plan.kernel in POISON:
            named = f"unit {bad_unit(found.spec.params)} was lost"
            return "" if found.reason.startswith(named) else f"{found.state}: {found.reason}"
        if found.state is not JobState.DONE:
            return f"{found.state}: {found.reason}"
        answer, right = self._store.views.answer(job), answer_of(plan.kernel, plan.units)
        for name in answer.get("files", ()):
            if self._store.views.file(job, name) != picture_of(plan.units):
                return f"the file {name} is another one"
        return "" if answer == right else f"the answer is {answer}, not {right}"


def _untrue(dump: JobDump) -> list[str]:
    """Sums and pieces must be those of exactly the units that nobody holds and nobody lacks."""
    if dump.job.state in FINAL:
        return []
    lacking = [r.span for r in dump.free] + [lease.span for lease in dump.leases]
    whole = range(dump.job.spec.total_units)
    if dump.job.spec.sum_bounds:
        right = answer_of("adding", len(whole))["value"] - sum(map(sum_of, lacking))
        found = dump.job.sums.get("value", 0)
        return [] if found == right else [f"the sum is {found}, the units that are in make {right}"]
    done = set(whole).difference(*(range(*span) for span in lacking))
    return [] if dump.pieces == done else ["the pieces are not those of the units that are in"]
