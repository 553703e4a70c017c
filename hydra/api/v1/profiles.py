"""A job's profile over HTTP: who worked when and how fast, as JSON and as CSV."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from hydra.api.v1.shapes import BASE, chunk_json, profile_json
from hydra.http import body
from hydra.http.reply import reply
from hydra.model.limits import TIMELINE_READ_MAX
from hydra.model.profile import table
from hydra.services import Hydra

CHUNKS = 1_000
"""Chunks in one reply, unless the caller says otherwise."""

COLUMNS = ("worker", "start", "stop", "lent_at", "ended_at", "busy_s", "end")


class ProfileRoutes:
    """The routes that tell how a job's work was done."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def install(self, door: Blueprint) -> None:
        """Put the routes on the blueprint."""
        own = f"{BASE}/jobs/<job>"
        door.add_url_rule(f"{own}/chunks", view_func=self.chunks)
        door.add_url_rule(f"{own}/profile", view_func=self.profile)
        door.add_url_rule(f"{own}/profile.csv", view_func=self.profile_csv)

    def chunks(self, job: str) -> Response:
        """Chunks whose leases have ended, oldest first, after the chunk `after`."""
        after = body.story_id(request.args.get("after", ""), "after")
        limit = int(body.query_number("limit", CHUNKS, 1, TIMELINE_READ_MAX))
        found = self._h.store.views.job(body.job_id(job))
        return reply({"id": found.id, "chunks": self._chunks(found.id, after, limit)})

    def profile(self, job: str) -> Response:
        """The chunks, what each worker did, throughput and efficiency."""
        return reply(profile_json(self._h, self._h.store.views.job(body.job_id(job))))

    def profile_csv(self, job: str) -> Response:
        """The chunks as a table."""
        found = self._h.store.views.job(body.job_id(job))
        text = table(self._chunks(found.id, "", TIMELINE_READ_MAX), COLUMNS)
        response = Response(text, mimetype="text/csv")
        response.headers["Cache-Control"] = "no-store"
        short = f"{found.spec.kernel}-{found.id[:8]}-chunks.csv"
        response.headers.set("Content-Disposition", "attachment", filename=short)
        return response

    def _chunks(self, job: str, after: str, limit: int) -> list[dict[str, Any]]:
        return [chunk_json(chunk) for chunk in self._h.store.views.timeline(job, after, limit)]
