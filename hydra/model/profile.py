"""What a job's timeline and history say: who worked how long and how fast, and how near the bound.

The bound is the time that the same work takes if every worker computes all the time, each at its
own speed: work / sum of speeds. A worker's speed is its work / its time inside the kernel, both on
this job. So a slow machine costs no efficiency; waiting, calls to the store, lost work, coming late
and leaving early do, and so does a worker that had other jobs to serve meanwhile.

Nothing here does I/O. Tables are rows of plain values, so that the API, the command line and a
notebook show the same.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hydra.model import Chunk, End, Job, Sample, limits
from hydra.model.costs import Costs

INTERVALS_MAX = 64
"""Throughput is told for at most so many parts of a job's way."""

INTERVAL_MS_MIN = 2_000
"""Over a shorter time it would only tell when who handed in: they do so once a second."""

END_WORDS = {
    End.COMPLETE: "handed in",
    End.CUT: "far part taken",
    End.RETURN: "rest given back",
    End.LOST: "kernel failed",
    End.EXPIRE: "worker fell silent",
}
"""How a chunk ended, for people."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one worker did of a job."""

    worker: str
    chunks: int
    units: int
    work: float
    """Its units in cost."""
    busy_s: float

    @property
    def speed(self) -> float:
        """Cost a second inside the kernel; 0.0 if it was too short to measure."""
        return self.work / self.busy_s if self.busy_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A job's chunks summed up, over the time that they tell of."""

    shares: Sequence[Share]
    """By worker."""
    whole: bool
    """Whether no chunk has left the timeline; else time counts from the first that is there."""
    began_ms: int
    ended_ms: int
    """As the job's when it has ended, else when the last chunk did."""

    @property
    def makespan_s(self) -> float:
        """The time that it took."""
        return (self.ended_ms - self.began_ms) / 1000

    @property
    def bound_s(self) -> float:
        """The time in which these workers could have done it, without a pause."""
        speed = sum(share.speed for share in self.shares)
        return sum(share.work for share in self.shares) / speed if speed else 0.0

    @property
    def efficiency(self) -> float | None:
        """The bound as a part of the makespan; None while there is nothing to tell."""
        return self.bound_s / self.makespan_s if self.bound_s and self.makespan_s > 0 else None


def profile(job: Job, chunks: Sequence[Chunk], costs: Costs) -> Profile:
    """Sum up a job's timeline."""
    found: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        found.setdefault(chunk.worker, []).append(chunk)
    shares = [
        Share(
            worker,
            len(own),
            sum(chunk.span.units for chunk in own),
            sum(costs.of(chunk.span) for chunk in own),
            sum(chunk.busy_s for chunk in own),
        )
        for worker, own in sorted(found.items())
    ]
    whole = len(chunks) < limits.TIMELINE_CHUNKS_MAX
    began = job.created_ms if whole else min(chunk.lent_ms for chunk in chunks)
    last = max((chunk.ended_ms for chunk in chunks), default=began)
    return Profile(shares, whole, began, last if job.ended_ms is None else job.ended_ms)


@dataclass(frozen=True, slots=True)
class Interval:
    """How fast a job went on for a while."""

    from_ms: int
    to_ms: int
    units_s: float


def throughput(job: Job, samples: Sequence[Sample]) -> list[Interval]:
    """Units a second over the job's way, from its beginning to its last sample."""
    if not samples:
        return []
    last = samples[-1]
    long_ms = max(INTERVAL_MS_MIN, (last.at_ms - job.created_ms) / INTERVALS_MAX)
    ends = [(job.created_ms, 0)]
    for sample in samples:
        if sample.at_ms - ends[-1][0] >= long_ms:
            ends.append((sample.at_ms, sample.done_units))
    # What is left at the end is too short to stand alone.
    ends[max(len(ends) - 1, 1) :] = [(last.at_ms, last.done_units)]
    return [
        Interval(at_ms, to_ms, (then - done) / (to_ms - at_ms) * 1000)
        for (at_ms, done), (to_ms, then) in pairwise(ends)
        if to_ms > at_ms
    ]


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV (RFC 4180) with the names of the columns in the first line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
