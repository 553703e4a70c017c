"""Live events of a job as server-sent events: `story`, `tiles`, `progress`, and a last `end`."""

from __future__ import annotations

from flask import Blueprint, Response, request

from hydra.api.v1.shapes import BASE
from hydra.api.v1.streams import Streams
from hydra.http import body
from hydra.services import Hydra

HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class EventRoutes:
    """The one route that stays open."""

    def __init__(self, h: Hydra, streams: Streams) -> None:
        self._h = h
        self._streams = streams

    def install(self, door: Blueprint) -> None:
        """Put the route on the blueprint."""
        door.add_url_rule(f"{BASE}/jobs/<job>/events", view_func=self.events)

    def events(self, job: str) -> Response:
        """Follow a job; `Last-Event-ID` (or `after`) goes on behind a story entry seen before."""
        header = request.headers.get("Last-Event-ID", "")
        after = body.story_id(header, "Last-Event-ID")
        after = after or body.story_id(request.args.get("after", ""), "after")
        found = self._h.store.views.job(body.job_id(job))
        if request.method == "HEAD":
            return Response(mimetype="text/event-stream", headers=HEADERS)
        viewer = self._streams.open(found.id, after)
        response = Response(viewer.lines(), mimetype="text/event-stream", headers=HEADERS)
        # Not a `finally` in the generator: one that was never started runs none.
        response.call_on_close(lambda: self._streams.leave(viewer))
        return response
