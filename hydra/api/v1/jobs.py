"""Jobs over HTTP: open, list, look, wait, cancel, result, story, history."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from flask import Response, url_for
from msgspec import UNSET, Meta, UnsetType, field

from hydra import model
from hydra.api.v1.shapes import OWN, Entry, Job, Priority, Sample, history_of, is_final, job_of
from hydra.api.v1.streams import Streams
from hydra.errors import BadParam, FieldError, HydraError, NoSuchKernel, NotFinished
from hydra.http import body
from hydra.http.reply import pointer, reply
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import Cursor, JobId, StoryId, Wire, says
from hydra.kernels import parse_params
from hydra.model import JobState
from hydra.model.limits import BASE, JOBS_PAGE_MAX, WAIT_S_MAX
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit

LIMIT = 50
KEY_CHARS_MAX = 255
"""Longest Idempotency-Key."""

REASON_CHARS_MAX = 200
PAUSE_S = 0.02
PAUSE_S_MAX = 0.25
PAUSE_GROWTH = 1.3


class NewJob(Wire, frozen=True):
    """A request to open a job; the kernel says which params it takes."""

    kernel: str
    params: Annotated[
        dict[str, Any],
        Meta(extra_json_schema={"additionalProperties": {"type": ["integer", "number", "string"]}}),
    ] = field(default_factory=dict)
    priority: Priority = 1.0


class Key(Wire, frozen=True):
    """The header that makes a request safe to repeat."""

    key: Annotated[
        str,
        Meta(
            pattern=f"^[!-~]([ -~]{{0,{KEY_CHARS_MAX - 2}}}[!-~])?$",
            title=f"1 to {KEY_CHARS_MAX} printable ASCII characters",
            description="makes the request safe to repeat, for a day",
        ),
    ] = field(name="Idempotency-Key", default="")


class Onward(Wire, frozen=True):
    """Where in the list to continue."""

    cursor: Annotated[Cursor, says("`cursor` of the page before")] = ""


class Page(Onward, frozen=True):
    """Which page of the list."""

    limit: Annotated[int, Meta(ge=1, le=JOBS_PAGE_MAX, description="jobs a page")] = LIMIT


class JobPage(Wire, frozen=True):
    """Jobs, newest first, without answers."""

    jobs: list[Job]
    cursor: Annotated[str, says("of the next page; opaque")] | UnsetType = UNSET
    next: str | UnsetType = UNSET


class Wait(Wire, frozen=True):
    """How long a request may stay open."""

    wait: Annotated[
        float,
        Meta(
            ge=0,
            le=WAIT_S_MAX,
            description="answer once the job is final, or after this many seconds",
        ),
    ] = 0.0


class Reason(Wire, frozen=True):
    """Why a job is cancelled."""

    reason: Annotated[str, Meta(max_length=REASON_CHARS_MAX)] = ""


class Result(Wire, frozen=True):
    """What the kernel's finish gave."""

    id: JobId
    answer: dict[str, Any]


class After(Wire, frozen=True):
    """Where in the story to go on."""

    after: Annotated[StoryId, says("id of the entry of the story after which to go on")] = ""


class Story(Wire, frozen=True):
    """What happened to a job."""

    id: JobId
    story: list[Entry]


class History(Wire, frozen=True):
    """A job's progress over time."""

    id: JobId
    samples: list[Sample]


class JobRoutes(Routes):
    """The routes under `/jobs` that answer at once, or after `wait` seconds at most."""

    def __init__(self, h: Hydra, streams: Streams) -> None:
        self._h = h
        self._streams = streams

    @route(
        "POST",
        f"{BASE}/jobs",
        Reply(Job, 201, headers={"Location": "its address"}),
        Reply(
            Job,
            what="the job that this key opened before",
            headers={"Location": "its address", "Idempotency-Replayed": "true"},
        ),
        problems=(404, 409, 429),
        body=NewJob,
        headers=Key,
    )
    def submit(self) -> Response:
        """Open a job."""
        key = body.headers(Key).key
        given = body.read(NewJob, also=self._wrong_params)
        job_id = self._h.clock.new_id()
        try:
            job = submit(
                self._h, given.kernel, given.params, priority=given.priority, key=key, job_id=job_id
            )
        except HydraError as error:
            # What is wrong is the kernel's name, or one of its parameters.
            if isinstance(error, NoSuchKernel):
                raise NoSuchKernel(error.sentence, field=pointer("kernel")) from None
            error.errors = _inside_params(error.errors)
            raise
        headers = {"Location": url_for("api.job", job=job.id)}
        if job.id != job_id:
            headers["Idempotency-Replayed"] = "true"
            return reply(Job.whole(self._h, job), 200, headers)
        return reply(Job.whole(self._h, job), 201, headers)

    def _wrong_params(self, found: Mapping[str, Any]) -> Iterable[FieldError]:
        """What the kernel, if it is here, says of the params."""
        kernel = self._h.kernels().get(found.get("kernel", ""))
        try:
            if kernel:
                parse_params(kernel, found.get("params", {}))
        except BadParam as error:
            return _inside_params(error.errors)
        return ()

    @route("GET", f"{BASE}/jobs", JobPage, query=Page)
    def jobs(self) -> Response:
        """The latest jobs, newest first, without answers."""
        asked = body.query(Page)
        found = list(self._h.store.views.jobs(asked.limit + 1, cursor_read(asked.cursor)))
        jobs = [Job.of(self._h, job) for job in found[: asked.limit]]
        if len(found) <= asked.limit:
            return reply(JobPage(jobs=jobs))
        cursor = cursor_write(jobs[-1].id)
        following = url_for("api.jobs", limit=asked.limit, cursor=cursor)
        return reply(JobPage(jobs=jobs, cursor=cursor, next=following))

    @route("GET", OWN, Job, query=Wait)
    def job(self, job: JobId) -> Response:
        """One job."""
        wait_s = body.query(Wait).wait
        return reply(Job.whole(self._h, self._wait(body.job_id(job), wait_s)))

    @route("POST", f"{OWN}/cancel", Job, body=Reason)
    def cancel(self, job: JobId) -> Response:
        """End a job; one that has ended stays as it is."""
        reason = body.read(Reason).reason
        return reply(Job.whole(self._h, cancel(self._h, body.job_id(job), reason)))

    @route("GET", f"{OWN}/result", Result, problems=(409,))
    def result(self, job: JobId) -> Response:
        """The answer of a job that is done."""
        found = job_of(self._h, job)
        if not is_final(found):
            raise NotFinished(f"the job is {found.state.value}; it has no answer yet")
        if found.state is not JobState.DONE:
            why = f": {found.reason}" if found.reason else ""
            raise NotFinished(f"the job is {found.state.value} and has no answer{why}")
        return reply(Result(id=found.id, answer=self._h.store.views.answer(found.id)))

    @route("GET", f"{OWN}/story", Story, query=After)
    def story(self, job: JobId) -> Response:
        """What happened to the job and why, oldest first."""
        after = body.query(After).after
        found = job_of(self._h, job)
        entries = self._h.store.views.story(found.id, after)
        return reply(Story(id=found.id, story=[Entry.of(entry) for entry in entries]))

    @route("GET", f"{OWN}/history", History)
    def history(self, job: JobId) -> Response:
        """The job's sums over time, evenly over its progress."""
        found = job_of(self._h, job)
        return reply(History(id=found.id, samples=history_of(self._h, found)))

    def _wait(self, job: str, seconds: float) -> model.Job:
        clock, found = self._h.clock, self._h.store.views.job(job)
        if seconds == 0 or is_final(found) or not self._streams.take_seat():
            # Without a seat the caller is answered at once: it asks again, and pages still load.
            return found
        try:
            deadline_s, pause_s = clock.monotonic_s() + seconds, PAUSE_S
            while not is_final(found) and not self._streams.closed:
                left_s = deadline_s - clock.monotonic_s()
                if left_s <= 0:
                    break
                self._h.store.views.listen(min(pause_s, left_s))
                pause_s = min(pause_s * PAUSE_GROWTH, PAUSE_S_MAX)
                found = self._h.store.views.job(job)
            return found
        finally:
            self._streams.give_seat()


def _inside_params(errors: Iterable[FieldError]) -> tuple[FieldError, ...]:
    """A kernel's errors with the places in the body that they tell of."""
    return tuple(FieldError(pointer("params", error.field), error.sentence) for error in errors)


def cursor_write(job: str) -> str:
    """The cursor that goes on behind a job."""
    return base64.urlsafe_b64encode(bytes.fromhex(job)).decode().rstrip("=")


def cursor_read(cursor: Cursor) -> str:
    """The job of a cursor, or empty for none."""
    return base64.urlsafe_b64decode(cursor + "==").hex() if cursor else ""
