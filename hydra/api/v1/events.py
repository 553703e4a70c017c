"""Live events of a job as server-sent events: `story`, `tiles`, `progress`, and a last `end`."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from msgspec import field

from hydra.api.v1.jobs import After
from hydra.api.v1.shapes import OWN, job_of
from hydra.api.v1.streams import Streams
from hydra.http import body
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import JobId, StoryId, Wire, says
from hydra.services import Hydra

KIND = "text/event-stream"
EVENTS = "server-sent events; `data` is an Entry (story), a Job (progress, end), a count (tiles)"
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class Seen(Wire, frozen=True):
    """What a browser that reconnects has seen."""

    last: Annotated[StoryId, says("as `after`; sent by browsers that reconnect")] = field(
        name="Last-Event-ID", default=""
    )


class EventRoutes(Routes):
    """The one route that stays open."""

    def __init__(self, h: Hydra, streams: Streams) -> None:
        self._h = h
        self._streams = streams

    @route(
        "GET",
        f"{OWN}/events",
        Reply(str, what=EVENTS, media=(KIND,)),
        problems=(503,),
        query=After,
        headers=Seen,
    )
    def events(self, job: JobId) -> Response:
        """Follow a job: events `story`, `tiles`, `progress`, and a last `end`."""
        after = body.headers(Seen).last or body.query(After).after
        found = job_of(self._h, job)
        if request.method == "HEAD":
            return Response(mimetype=KIND, headers=HEADERS)
        viewer = self._streams.open(found.id, after)
        response = Response(viewer.lines(), mimetype=KIND, headers=HEADERS)
        # Not a `finally` in the generator: one that was never started runs none.
        response.call_on_close(lambda: self._streams.leave(viewer))
        return response
