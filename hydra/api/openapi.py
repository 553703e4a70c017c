"""The API's own description, OpenAPI 3.1. A test holds it against the routes and their replies."""

from __future__ import annotations

from typing import Any

from hydra import __version__
from hydra.api.jobs import LIMIT, LIMIT_MAX, WAIT_S_MAX
from hydra.api.schemas import JOB_ID, SCHEMAS, TEXT, Schema, ref
from hydra.api.shapes import BASE

INTRODUCTION = """\
Open jobs, follow them, read their answers. Whole numbers are JSON numbers of any size: counts may
pass 2^53, where JavaScript's own parser begins to round. Errors are RFC 9457 problems; `code` is
the word to decide on. With a token, send `Authorization: Bearer ...`.
"""


def document(body_bytes_max: int) -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hydra",
            "version": __version__,
            "description": f"{INTRODUCTION}A body may have {body_bytes_max} bytes.\n",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "paths": {**_jobs_path(), **_job_paths(), **_fleet_paths()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _jobs_path() -> dict[str, Any]:
    job = ref("Job")
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT}
    new = _reply("the job", job, {"Location": "its address"})
    again = _reply(
        "the job that this key opened before", job,
        {"Location": "its address", "Idempotency-Replayed": "true"},
    )
    return {
        f"{BASE}/jobs": {
            "post": _operation(
                "submit", "Open a job",
                {"201": new, "200": again, **_problems(400, 404, 409, 413, 415, 429)},
                [_header("Idempotency-Key", "makes the request safe to repeat, for a day")],
                ref("NewJob"),
            ),
            "get": _operation(
                "jobs", "The latest jobs, newest first, without answers",
                {"200": _reply("a page", ref("JobPage")), **_problems(400)},
                [_query("limit", limit, "jobs a page"),
                 _query("cursor", TEXT, "`cursor` of the page before")],
            ),
        },
    }


def _job_paths() -> dict[str, Any]:
    own, job = f"{BASE}/jobs/{{job}}", ref("Job")
    wait = {"type": "number", "minimum": 0, "maximum": WAIT_S_MAX, "default": 0}
    after = _query("after", TEXT, "id of the entry of the story after which to go on")
    return {
        own: {
            "parameters": [_job()],
            "get": _operation(
                "job", "One job",
                {"200": _reply("the job", job), **_problems(400, 404)},
                [_query("wait", wait, "answer once the job is final, or after this many seconds")],
            ),
        },
        f"{own}/cancel": {
            "parameters": [_job()],
            "post": _operation(
                "cancel", "End a job; one that has ended stays as it is",
                {"200": _reply("the job", job), **_problems(400, 404, 413, 415)},
                body=ref("Reason"), body_required=False,
            ),
        },
        f"{own}/result": {
            "parameters": [_job()],
            "get": _operation(
                "result", "The answer of a job that is done",
                {"200": _reply("the answer", ref("Result")), **_problems(404, 409)},
            ),
        },
        f"{own}/story": {
            "parameters": [_job()],
            "get": _operation(
                "story", "What happened to the job and why, oldest first",
                {"200": _reply("at most 500 entries", ref("Story")), **_problems(400, 404)},
                [after],
            ),
        },
        f"{own}/events": {
            "parameters": [_job()],
            "get": _operation(
                "events", "Follow a job: events `story`, `progress`, and a last `end`",
                {"200": _stream(), **_problems(400, 404, 503)},
                [after, _header("Last-Event-ID", "as `after`; sent by browsers that reconnect")],
            ),
        },
    }


def _fleet_paths() -> dict[str, Any]:
    anybody: dict[str, Any] = {"security": []}
    health = ref("Health")
    alive = {"description": "this process lives", "content": {"text/plain": {"schema": TEXT}}}
    login = {"303": {"description": "to the page, with a cookie"}, **_problems(401)}
    return {
        f"{BASE}/kernels": {
            "get": _operation(
                "kernels", "Kernels and their parameters",
                {"200": _reply("the kernels", ref("Kernels"))},
            )
        },
        f"{BASE}/workers": {
            "get": _operation(
                "workers", "Workers seen lately", {"200": _reply("the workers", ref("Workers"))}
            )
        },
        "/api/openapi.json": {
            "get": _operation(
                "openapi", "This document", {"200": _reply("OpenAPI 3.1", {"type": "object"})}
            )
        },
        "/healthz": {"get": _operation("healthz", "Whether this process lives",
                                       {"200": alive}) | anybody},
        "/readyz": {
            "get": _operation(
                "readyz", "Whether jobs can be served, and if not, why",
                {"200": _reply("yes", health), "503": _reply("no", health)},
            ) | anybody
        },
        "/login": {
            "get": _operation(
                "login", "Exchange the token for a cookie", login,
                [_query("token", TEXT, "the scheduler's token")],
            ) | anybody
        },
    }


def _operation(
    name: str, summary: str, responses: dict[str, Any], parameters: list[Schema] | None = None,
    body: Schema | None = None, *, body_required: bool = True,
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {**responses, "default": _problem("any other problem")},
    }
    if parameters:
        operation["parameters"] = parameters
    if body:
        content = {"application/json": {"schema": body}}
        operation["requestBody"] = {"required": body_required, "content": content}
    return operation


def _reply(what: str, schema: Schema, headers: dict[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": what,
        "content": {"application/json": {"schema": schema}},
    }
    if headers:
        found["headers"] = {
            name: {"description": doc, "schema": TEXT} for name, doc in headers.items()
        }
    return found


def _stream() -> dict[str, Any]:
    what = "server-sent events; `data` is an Entry (story) or a Job (progress, end)"
    return {"description": what, "content": {"text/event-stream": {"schema": TEXT}}}


def _problem(what: str) -> dict[str, Any]:
    return {
        "description": what,
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): _problem(PROBLEMS[status]) for status in statuses}


PROBLEMS = {
    400: "something sent can never be right; `errors` says where",
    401: "no credential, or a wrong one",
    404: "there is no such job or kernel",
    409: "right, but not in the state things are in",
    413: "over a limit",
    415: "the body must be application/json",
    429: "too many at once; try again later",
    503: "something needed does not answer; try again later",
}


def _job() -> Schema:
    return {"name": "job", "in": "path", "required": True, "schema": JOB_ID}


def _query(name: str, schema: Schema, doc: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": doc}


def _header(name: str, doc: str) -> Schema:
    return {"name": name, "in": "header", "schema": TEXT, "description": doc}
