"""What the memory store keeps of workers and sessions, and sets sorted as Redis sorts them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, takewhile
from typing import Any, Generic, TypeVar

from hydra.model import LeaseId, Worker
from hydra.model.pauses import Pause
from hydra.model.story import Fields, sentence_of

T = TypeVar("T", str, LeaseId)


NO_LEASE = LeaseId("", "")

BUCKET_MS = 100.0
FAR_MS = 1e15
"""Scores beyond this share one bucket."""


class SortedSet(Generic[T]):
    """Members by their score, as Redis keeps them; scores are times in ms.

    Those of a tenth of a second are a list in order, and so are the tenths: a single list of 10^5
    members would be moved in memory by every change.
    """

    def __init__(self) -> None:
        self._scores: dict[T, float] = {}
        self._buckets: dict[float, list[tuple[float, T]]] = {}
        self._order: list[float] = []

    def put(self, member: T, score: float) -> None:
        """Add the member, or move it."""
        self.drop(member)
        self._scores[member] = score
        place = min(score, FAR_MS) // BUCKET_MS
        if place not in self._buckets:
            self._buckets[place] = []
            insort(self._order, place)
        insort(self._buckets[place], (score, member))

    def drop(self, member: T) -> None:
        """Take the member away if it is here."""
        score = self._scores.pop(member, None)
        if score is None:
            return
        place = min(score, FAR_MS) // BUCKET_MS
        bucket = self._buckets[place]
        del bucket[bisect_left(bucket, (score, member))]
        if not bucket:
            del self._buckets[place], self._order[bisect_left(self._order, place)]

    def score(self, member: T) -> float:
        """The score of a member."""
        return self._scores[member]

    def __contains__(self, member: object) -> bool:
        return member in self._scores

    def highest(self, limit: int) -> list[T]:
        """Members with the highest scores, highest first."""
        falling = (reversed(self._buckets[place]) for place in reversed(self._order))
        return [member for _, member in islice(chain.from_iterable(falling), limit)]

    def until(self, score: float, limit: int) -> list[T]:
        """Members of at most that score, lowest first."""
        low = takewhile(lambda item: item[0] <= score, self._rising())
        return [member for _, member in islice(low, limit)]

    def members(self) -> list[T]:
        """All of them, lowest first."""
        return [member for _, member in self._rising()]

    def _rising(self) -> Iterator[tuple[float, T]]:
        return chain.from_iterable(self._buckets[place] for place in self._order)


@dataclass(slots=True)
class WorkerRecord:
    """A worker as its last call showed it: the fields of `Worker`."""

    id: str
    host: str = ""
    pid: int = 0
    session: str = ""
    """Its last one."""
    seen_ms: int = 0
    live_until_ms: int = 0
    job: str = ""
    claimed: Fields = field(default_factory=dict)
    """The fields of its last claim."""
    rates: dict[str, float] = field(default_factory=dict)
    pause: Pause | None = None

    def view(self) -> Worker:
        """As the port gives it."""
        return Worker(
            id=self.id,
            host=self.host,
            pid=self.pid,
            seen_ms=self.seen_ms,
            live_until_ms=self.live_until_ms,
            job=self.job,
            doing=sentence_of("claim", self.claimed),
            rates=dict(self.rates),
            pause=self.pause,
        )


@dataclass(slots=True)
class Lane:
    """The last call of one kind and the reply it got."""

    seq: int = 0
    digest: str = ""
    reply: Any = None


@dataclass(slots=True)
class SessionRecord:
    """What a session called last in each lane, and the leases that it holds, the older first."""

    worker: str
    claims: Lane = field(default_factory=Lane)
    hand_ins: Lane = field(default_factory=Lane)
    older: LeaseId = NO_LEASE
    younger: LeaseId = NO_LEASE
    freed_ms: float = 0.0
    """When the last older one ended, Hydra time."""
    freed_wall_ms: int = 0
    alone: bool = False
    """Whether the older one's range was lost before: then nothing is lent behind it."""
    reduces: str = ""
    """The job whose reduction it took last."""
    passed: frozenset[str] = frozenset()
    """Jobs that it cannot serve."""
    ended: bool = False
