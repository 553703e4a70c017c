"""Reduce: turn what was added up into the answer, once; running it twice is harmless."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Protocol, TypeVar

from hydra.errors import HydraError, Unavailable
from hydra.kernels import Kernel
from hydra.model import JobSpec, Partial, Pieces, Session, limits
from hydra.model.messages import Reduction
from hydra.policy.carrying import next_load
from hydra.services import Hydra

PARTS_FIRST, PIECES_FIRST = 4, 32
"""What the first call of an upload carries, 64 KB, and what the first one reads."""

LOAD_S = 0.5
"""How long one call of those should last."""

T = TypeVar("T")


class Hold(Protocol):
    """A reduction in a worker's hands, while it makes the answer."""

    @property
    def ours(self) -> bool:
        """Whether it is still the worker's, as far as that is known."""

    def compute(self, finish: Callable[[], T]) -> T:
        """Run the kernel's `finish`."""

    def call(self, call: Callable[[], T]) -> T:
        """Make a call to the store that may be repeated."""


class PlainHold:
    """Nobody renews the lease, and nothing is tried again: all has to be done within it."""

    ours = True

    def compute(self, finish: Callable[[], T]) -> T:
        """Run it."""
        return finish()

    def call(self, call: Callable[[], T]) -> T:
        """Make it once."""
        return call()


@contextmanager
def unrenewed(_reduction: Reduction) -> Iterator[Hold]:
    """For a process that reduces only what takes no time."""
    yield PlainHold()


Holding = Callable[[Reduction], AbstractContextManager[Hold]]
"""What a worker does about a reduction that it holds, until the block ends."""


def reduce(h: Hydra, session: Session, job_id: str, holding: Holding = unrenewed) -> bool:
    """Make the job's answer if all units are in and nobody else makes it; whether it was made here.

    If this process dies on the way, the reduction's lease runs out and another worker takes it. One
    that has too little memory gives it back, and raises MemoryError.
    """
    spec = h.store.views.spec(job_id)
    if not h.runs(spec.kernel, spec.version):
        return False
    reduction = h.store.verbs.reduce(session, job_id)
    if reduction is None:
        return False
    with holding(reduction) as hold:
        try:
            return _answered(h, spec, reduction, hold)
        except MemoryError:  # a fresh process may do better, or another worker
            with suppress(HydraError):  # else its lease runs out
                h.store.verbs.release(job_id, reduction.token, "MemoryError")
            raise


def _answered(h: Hydra, spec: JobSpec, reduction: Reduction, hold: Hold) -> bool:
    """Make the answer and hand it in; False if the reduction was lost on the way."""
    whole = _whole(h, spec, reduction, hold)
    if whole is None:
        return False
    job, token, kernel = reduction.job, reduction.token, h.kernels()[spec.kernel]
    try:
        answer, files = hold.compute(lambda: _finished(kernel, spec, whole))
    except MemoryError:
        raise
    except Exception as error:  # a kernel's own bug: finish is pure, so trying again cannot help
        reason = f"finish raised {type(error).__name__}: {error}"
        hold.call(lambda: h.store.verbs.fail(job, token, reason))
        return True
    parts = {}
    for name, content in files.items():
        number = _uploaded(h, reduction, name, content, hold)
        if number is None:
            return False
        parts[name] = number
    hold.call(lambda: h.store.verbs.finish(job, token, answer, parts))
    return True


def _whole(h: Hydra, spec: JobSpec, reduction: Reduction, hold: Hold) -> Partial | None:
    """All that was handed in; None if the reduction is lost meanwhile."""
    if spec.sum_bounds:
        return reduction.sums
    pieces: Pieces = {}
    loads = _Loads(h, hold, PIECES_FIRST, limits.PIECES_READ_MAX)
    first = 0
    while first < spec.total_units and hold.ours:

        def read(load: int, first: int = first) -> tuple[int, Pieces]:
            stop = min(first + load, spec.total_units)
            return stop, h.store.views.pieces(reduction.job, range(first, stop))

        first, found = loads.carry(read)
        pieces |= found
    if len(pieces) < spec.total_units and hold.ours:  # most likely the job has ended
        reason = f"{spec.total_units - len(pieces)} pieces are gone"
        hold.call(lambda: h.store.verbs.fail(reduction.job, reduction.token, reason))
        return None
    return pieces if hold.ours else None


def _finished(
    kernel: Kernel, spec: JobSpec, whole: Partial
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The kernel's answer and its files; whatever it raises, the kernel is wrong."""
    answer = kernel.finish(spec.params, whole)
    files = {name: value for name, value in answer.items() if isinstance(value, bytes)}
    if files:
        said = {name: value for name, value in answer.items() if name not in files}
        answer = {**said, "files": {name: _label(content) for name, content in files.items()}}
    json.dumps(answer, allow_nan=False)  # raises here, and not in the store
    return answer, files


def _label(content: bytes) -> dict[str, str | int]:
    """What an answer says of a file that goes with it."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _uploaded(h: Hydra, reduction: Reduction, name: str, content: bytes, hold: Hold) -> int | None:
    """Store a file's parts; how many, or None if the reduction is lost meanwhile.

    They count once `finish` names them.
    """
    size = limits.FILE_PART_BYTES
    parts = max(1, math.ceil(len(content) / size))
    loads = _Loads(h, hold, PARTS_FIRST, limits.FILE_PARTS_MAX)
    first = 0
    while first < parts and hold.ours:

        def send(load: int, first: int = first) -> tuple[int, bool]:
            stop = min(first + load, parts)
            sent = [content[at * size : (at + 1) * size] for at in range(first, stop)]
            job, token = reduction.job, reduction.token
            return stop, h.store.verbs.upload(job, token, name, first, sent)

        first, stored = loads.carry(send)
        if not stored:
            return None
    return parts if hold.ours else None


class _Loads:
    """Makes calls that carry as much as the link bears; smaller ones after one without answer."""

    def __init__(self, h: Hydra, hold: Hold, load: int, load_max: int) -> None:
        self._clock, self._hold = h.clock, hold
        self._load, self._load_max = load, load_max

    def carry(self, call: Callable[[int], T]) -> T:
        """Make the call, which is told how much it carries."""

        def attempt() -> T:
            began_s = self._clock.monotonic_s()
            try:
                said = call(self._load)
            except Unavailable:
                self._load = next_load(self._load, math.inf, LOAD_S, self._load_max)
                raise
            took_s = self._clock.monotonic_s() - began_s
            self._load = next_load(self._load, took_s, LOAD_S, self._load_max)
            return said

        return self._hold.call(attempt)


def reduce_waiting(
    h: Hydra, session: Session, job_ids: Sequence[str], holding: Holding = unrenewed
) -> bool:
    """Reduce the first of the jobs that can be; whether one was."""
    return any(reduce(h, session, job_id, holding) for job_id in job_ids)
