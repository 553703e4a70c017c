"""Lanes without threads: one does all, each lane as far as it comes; for tests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from hydra.clock import Clock
from hydra.work.acts import Lane, Pending, Steps, Wait
from hydra.work.lanes import ends_wait


@dataclass(slots=True)
class _Job:
    """What a lane without a thread does."""

    work: Steps[Any]
    pending: Pending[Any]
    waits: Wait | None = None


class OneThread:
    """All lanes in the loop's own thread, each as far as it comes; there are no heartbeats."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._todo: dict[Lane, deque[_Job]] = {}
        self._advancing = False

    def start(self, lane: Lane, work: Steps[Any], pending: Pending[Any]) -> None:
        """Begin something on a lane."""
        if lane is not Lane.HEART:
            self._todo.setdefault(lane, deque()).append(_Job(work, pending))
            self.advance(None)

    def wait(
        self, until_s: float, pending: tuple[Pending[Any], ...], mine: Pending[Any] | None
    ) -> None:
        """Let the lanes go on until then, and let time pass where none can."""
        wait = Wait(until_s, pending)
        while not ends_wait(wait, self._clock.monotonic_s(), mine):
            self.advance(mine)
            if ends_wait(wait, now_s := self._clock.monotonic_s(), mine):
                return
            waits = [jobs[0].waits for jobs in self._todo.values() if jobs]
            next_s = min([until_s, *(other.until_s for other in waits if other)])
            self._clock.sleep_s(max(next_s - now_s, 0.0))

    def advance(self, mine: Pending[Any] | None) -> None:
        """Let each lane go on as far as it comes."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while sum(self._step(jobs) for jobs in self._todo.values() if jobs):
                pass  # every lane has its turn, until none can go on
        finally:
            self._advancing = False

    def _step(self, jobs: deque[_Job]) -> bool:
        """One act of a lane; whether there was one to do."""
        job = jobs[0]
        if job.waits and not ends_wait(job.waits, self._clock.monotonic_s(), job.pending):
            return False
        job.waits = None
        try:
            job.waits = drive_to_wait(job.work)
        except StopIteration as end:
            job.pending.end(end.value)
        except Exception as error:  # the loop looks at the result
            job.pending.end(None, error)
        if job.pending.done:
            jobs.popleft()
        return True

    def close(self) -> None:
        """What is not done is dropped."""
        self._todo.clear()


def drive_to_wait(steps: Steps[Any]) -> Wait:
    """Do the acts of a lane until it waits; StopIteration with what it returns at its end."""
    act = next(steps)
    while not isinstance(act, Wait):
        try:
            answer = act.run()  # type: ignore[union-attr]  # lanes start nothing
        except Exception as error:
            act = steps.throw(error)
        else:
            act = steps.send(answer)
    return act
