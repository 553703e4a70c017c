"""What drives the loop and its lanes: whoever does their acts in real time."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeVar

from hydra.work.acts import Lane, Pending, Start, Steps, Wait

T = TypeVar("T")


class Lanes(Protocol):
    """How the lanes of one shift are driven."""

    def start(self, lane: Lane, work: Steps[Any], pending: Pending[Any]) -> None:
        """Begin something on a lane."""

    def wait(
        self, until_s: float, pending: tuple[Pending[Any], ...], mine: Pending[Any] | None
    ) -> None:
        """Wait for a moment, or for the first of these; `mine` is what the caller's lane does."""

    def advance(self, mine: Pending[Any] | None) -> None:
        """A moment in which other lanes may go on; raises Closed in a lane whose shift is over."""

    def close(self) -> None:
        """The shift is over: nothing goes on."""


def drive(steps: Steps[T], lanes: Lanes, mine: Pending[Any] | None = None) -> T:
    """Do the acts of a loop, or of a lane, and give back what it returns."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            act = steps.throw(error) if error else steps.send(answer)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = error = None
        try:
            lanes.advance(mine)
            if isinstance(act, Start):
                lanes.start(act.lane, act.work, act.pending)
            elif isinstance(act, Wait):
                lanes.wait(act.until_s, act.pending, mine)
            else:
                answer = act.run()
        except BaseException as raised:  # the loop tells which of them it handles
            error = raised


def ends_wait(wait: Wait, now_s: float, mine: Pending[Any] | None) -> bool:
    """Whether a wait has ended; a hurry ends one wait and is spent by it."""
    if mine is not None and math.isfinite(wait.until_s) and mine.was_hurried():
        return True
    return now_s >= wait.until_s or any(other.done for other in wait.pending)


class Closed(BaseException):
    """Ends what a lane does when the shift is over."""
