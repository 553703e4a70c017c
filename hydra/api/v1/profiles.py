"""A job's profile over HTTP: who worked when and how fast, as JSON and as CSV."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Response
from msgspec import Meta

from hydra import model
from hydra.api.v1.shapes import OWN, job_of
from hydra.http import body
from hydra.http.reply import download, reply
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import Count, JobId, Seconds, StoryId, Time, Wire, iso, says
from hydra.model import End
from hydra.model.limits import TIMELINE_READ_MAX
from hydra.model.profile import Interval, Share, table, throughput
from hydra.services import Hydra
from hydra.services.profile import profile_of

CHUNKS = 1_000
"""Chunks in one reply, unless the caller says otherwise."""

COLUMNS = ("worker", "start", "stop", "lent_at", "ended_at", "busy_s", "end")


class Chunk(Wire, frozen=True):
    """What a worker did with one lease."""

    id: Annotated[str, says("grows along the timeline")]
    worker: str
    start: Annotated[Count, says("first unit that it handed in")]
    stop: Annotated[Count, says("the unit after its last; `start` if there is none")]
    lent_at: Time
    ended_at: Time
    busy_s: Annotated[Seconds, says("inside the kernel, as last reported")]
    end: Annotated[End, says("how its lease ended")]

    @classmethod
    def of(cls, chunk: model.Chunk) -> Chunk:
        """One line of the store's timeline."""
        return cls(
            id=chunk.id,
            worker=chunk.worker,
            start=chunk.span.start,
            stop=chunk.span.stop,
            lent_at=iso(chunk.lent_ms),
            ended_at=iso(chunk.ended_ms),
            busy_s=chunk.busy_s,
            end=chunk.end,
        )


class Chunks(Wire, frozen=True):
    """Chunks whose leases have ended."""

    id: JobId
    chunks: list[Chunk]


class Part(Wire, frozen=True):
    """What one worker did of a job."""

    worker: str
    chunks: Count
    units: Count
    busy_s: Seconds
    units_s: Annotated[float, says("while busy")]

    @classmethod
    def of(cls, share: Share) -> Part:
        """A share of the work."""
        return cls(
            worker=share.worker,
            chunks=share.chunks,
            units=share.units,
            busy_s=share.busy_s,
            units_s=share.units / share.busy_s if share.busy_s else 0.0,
        )


class Speed(Wire, frozen=True, rename={"since": "from", "until": "to"}):
    """How fast a job went on for a while."""

    since: Time
    until: Time
    units_s: float

    @classmethod
    def of(cls, part: Interval) -> Speed:
        """An interval of the throughput."""
        return cls(since=iso(part.from_ms), until=iso(part.to_ms), units_s=part.units_s)


class Profile(Wire, frozen=True):
    """How a job's work was done."""

    id: JobId
    whole: Annotated[
        bool,
        says(
            "whether no chunk has been dropped; else all but `throughput` tells of the "
            "time since the first that is left"
        ),
    ]
    began_at: Time
    ended_at: Time
    makespan_s: float
    bound_s: Annotated[float, says("work / sum of the workers' speeds while busy on it")]
    efficiency: Annotated[float | None, says("bound_s / makespan_s")]
    workers: list[Part]
    throughput: list[Speed]
    chunks: list[Chunk]

    @classmethod
    def of(cls, h: Hydra, job: model.Job) -> Profile:
        """Of the chunks that are still there."""
        chunks = h.store.views.timeline(job.id)
        said = profile_of(h, job, chunks)
        return cls(
            id=job.id,
            whole=said.whole,
            began_at=iso(said.began_ms),
            ended_at=iso(said.ended_ms),
            makespan_s=said.makespan_s,
            bound_s=said.bound_s,
            efficiency=said.efficiency,
            workers=[Part.of(share) for share in said.shares],
            throughput=[Speed.of(part) for part in throughput(job, h.store.views.history(job.id))],
            chunks=[Chunk.of(chunk) for chunk in chunks],
        )


class Which(Wire, frozen=True):
    """Which chunks of a timeline."""

    after: Annotated[StoryId, says("id of the chunk after which to go on")] = ""
    limit: Annotated[int, Meta(ge=1, le=TIMELINE_READ_MAX, description="at most")] = CHUNKS


class ProfileRoutes(Routes):
    """The routes that tell how a job's work was done."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    @route("GET", f"{OWN}/profile", Profile)
    def profile(self, job: JobId) -> Response:
        """Who worked when and how fast, and how near that is to the bound."""
        return reply(Profile.of(self._h, job_of(self._h, job)))

    @route("GET", f"{OWN}/profile.csv", Reply(str, what="the chunks", media=("text/csv",)))
    def profile_csv(self, job: JobId) -> Response:
        """The chunks of the profile as a table."""
        found = job_of(self._h, job)
        rows = msgspec.to_builtins(self._chunks(found.id, "", TIMELINE_READ_MAX))
        short = f"{found.spec.kernel}-{found.id[:8]}-chunks.csv"
        response = download(table(rows, COLUMNS), "text/csv", short)
        response.headers["Cache-Control"] = "no-store"
        return response

    @route("GET", f"{OWN}/chunks", Chunks, query=Which)
    def chunks(self, job: JobId) -> Response:
        """Chunks whose leases have ended, oldest first."""
        asked = body.query(Which)
        found = job_of(self._h, job)
        chunks = self._chunks(found.id, asked.after, asked.limit)
        return reply(Chunks(id=found.id, chunks=chunks))

    def _chunks(self, job: str, after: str, limit: int) -> list[Chunk]:
        return [Chunk.of(chunk) for chunk in self._h.store.views.timeline(job, after, limit)]
