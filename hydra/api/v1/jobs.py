"""Jobs over HTTP: open, list, look, wait, cancel, result, story, history."""

from __future__ import annotations

import base64
import binascii

from flask import Blueprint, Response, request, url_for

from hydra.api.v1.shapes import BASE, entry_json, history_json, is_final, job_json, whole_job_json
from hydra.api.v1.streams import Streams
from hydra.errors import BadParam, FieldError, HydraError, NotFinished
from hydra.http import body
from hydra.http.reply import pointer, reply
from hydra.model import Job, JobState
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit

LIMIT = 50
LIMIT_MAX = 200
STORY_LIMIT = 500
"""Entries of a story in one reply."""

REASON_CHARS_MAX = 200
WAIT_S_MAX = 25
PAUSE_S = 0.02
PAUSE_S_MAX = 0.25
PAUSE_GROWTH = 1.3


class JobRoutes:
    """The routes under `/jobs` that answer at once, or after `wait` seconds at most."""

    def __init__(self, h: Hydra, streams: Streams) -> None:
        self._h = h
        self._streams = streams

    def install(self, door: Blueprint) -> None:
        """Put the routes on the blueprint."""
        own = f"{BASE}/jobs/<job>"
        door.add_url_rule(f"{BASE}/jobs", view_func=self.submit, methods=["POST"])
        door.add_url_rule(f"{BASE}/jobs", view_func=self.jobs)
        door.add_url_rule(own, view_func=self.job)
        door.add_url_rule(f"{own}/cancel", view_func=self.cancel, methods=["POST"])
        door.add_url_rule(f"{own}/result", view_func=self.result)
        door.add_url_rule(f"{own}/story", view_func=self.story)
        door.add_url_rule(f"{own}/history", view_func=self.history)

    def submit(self) -> Response:
        """Open a job: 201, or 200 if this Idempotency-Key opened it before."""
        key = body.idempotency_key()
        given = body.json_object(("kernel", "params", "priority"))
        if "kernel" not in given:
            raise BadParam("kernel is missing", field="/kernel")
        kernel, params = given["kernel"], given.get("params", {})
        if not isinstance(kernel, str):
            raise BadParam("kernel must be a text", field="/kernel")
        if not isinstance(params, dict):
            raise BadParam("params must be an object", field="/params")
        priority = body.number(given.get("priority", 1.0), "/priority")
        h, job_id = self._h, self._h.clock.new_id()
        try:
            job = submit(h, kernel, params, priority=priority, key=key, job_id=job_id)
        except HydraError as error:
            error.errors = tuple(
                FieldError(_pointed(field, h, kernel), sentence) for field, sentence in error.errors
            )
            raise
        headers = {"Location": url_for("api.job", job=job.id)}
        if job.id != job_id:
            headers["Idempotency-Replayed"] = "true"
            return reply(whole_job_json(h, job), 200, headers)
        return reply(whole_job_json(h, job), 201, headers)

    def jobs(self) -> Response:
        """The latest jobs, newest first, a page at a time; without their answers."""
        limit = int(body.query_number("limit", LIMIT, 1, LIMIT_MAX))
        before = cursor_read(request.args.get("cursor", ""))
        found = list(self._h.store.jobs(limit + 1, before))
        page: dict[str, object] = {"jobs": [job_json(self._h, job) for job in found[:limit]]}
        if len(found) > limit:
            cursor = cursor_write(found[limit - 1].id)
            page |= {"cursor": cursor, "next": url_for("api.jobs", limit=limit, cursor=cursor)}
        return reply(page)

    def job(self, job: str) -> Response:
        """One job; with `wait`, once it is final or that many seconds have gone by."""
        wait_s = body.query_number("wait", 0.0, 0, WAIT_S_MAX, float)
        return reply(whole_job_json(self._h, self._wait(body.job_id(job), wait_s)))

    def cancel(self, job: str) -> Response:
        """End a job; one that has ended stays as it is. A body may give the reason."""
        reason = ""
        # Not by its length: a body in chunks tells none.
        if request.mimetype or request.get_data():
            given = body.json_object(("reason",))
            reason = body.text(given.get("reason", ""), "/reason", REASON_CHARS_MAX)
        return reply(whole_job_json(self._h, cancel(self._h, body.job_id(job), reason)))

    def result(self, job: str) -> Response:
        """The answer of a job that is done."""
        found = self._h.store.job(body.job_id(job))
        if not is_final(found):
            raise NotFinished(f"the job is {found.state.value}; it has no answer yet")
        if found.state is not JobState.DONE:
            why = f": {found.reason}" if found.reason else ""
            raise NotFinished(f"the job is {found.state.value} and has no answer{why}")
        return reply({"id": found.id, "answer": self._h.store.answer(found.id)})

    def story(self, job: str) -> Response:
        """What happened to the job, oldest first, after the entry `after`."""
        after = body.story_id(request.args.get("after", ""), "after")
        found = self._h.store.job(body.job_id(job))
        entries = self._h.store.story(found.id, after, STORY_LIMIT)
        return reply({"id": found.id, "story": [entry_json(entry) for entry in entries]})

    def history(self, job: str) -> Response:
        """The job's sums on its way, with what the kernel makes of them."""
        found = self._h.store.job(body.job_id(job))
        return reply({"id": found.id, "samples": history_json(self._h, found)})

    def _wait(self, job: str, seconds: float) -> Job:
        clock, found = self._h.clock, self._h.store.job(job)
        if seconds == 0 or is_final(found) or not self._streams.take_seat():
            # Without a seat the caller is answered at once: it asks again, and pages still load.
            return found
        try:
            deadline_s, pause_s = clock.monotonic_s() + seconds, PAUSE_S
            while not is_final(found) and not self._streams.closed:
                left_s = deadline_s - clock.monotonic_s()
                if left_s <= 0:
                    break
                self._h.store.listen(min(pause_s, left_s))
                pause_s = min(pause_s * PAUSE_GROWTH, PAUSE_S_MAX)
                found = self._h.store.job(job)
            return found
        finally:
            self._streams.give_seat()


def _pointed(field: str, h: Hydra, kernel: str) -> str:
    """Where in the body the field is that a service named."""
    if field.startswith("/"):
        return field
    known = h.kernels().get(kernel)
    own = field in ("kernel", "priority") and not (known and field in known.PARAMS)
    return pointer(field) if own else pointer("params", field)


def cursor_write(job: str) -> str:
    """The cursor that goes on behind a job."""
    return base64.urlsafe_b64encode(bytes.fromhex(job)).decode().rstrip("=")


def cursor_read(cursor: str) -> str:
    """The job of a cursor, or empty for none; raises BadParam."""
    if not cursor:
        return ""
    try:
        job = base64.b64decode(cursor + "==", altchars=b"-_", validate=True).hex()
        if len(job) == 32:
            return job
    except (binascii.Error, ValueError):
        pass
    raise BadParam("cursor must be one that a page of jobs gave", field="cursor")
