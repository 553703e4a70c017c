"""The API's own description, OpenAPI 3.1. A test holds it against the routes and their replies."""

from __future__ import annotations

from typing import Any

from hydra import __version__
from hydra.api.ancestor import adaptive
from hydra.api.v1.jobs import LIMIT, LIMIT_MAX, WAIT_S_MAX
from hydra.api.v1.pictures import ARRIVED, TILES, TILES_MAX, TYPES
from hydra.api.v1.profiles import CHUNKS
from hydra.api.v1.schemas import SCHEMAS
from hydra.api.v1.shapes import BASE
from hydra.http.operations import (
    binary,
    header,
    job_in_path,
    operation,
    problems,
    query,
    reply_of,
    stream,
)
from hydra.http.schema import CURSOR, KEY, NAME, STORY_ID, TEXT, ref
from hydra.model.limits import TIMELINE_READ_MAX

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
        "paths": {
            **_jobs_path(),
            **_job_paths(),
            **_profile_paths(),
            **_picture_paths(),
            **_fleet_paths(),
            **_ancestor_paths(),
            **adaptive.paths(),
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _jobs_path() -> dict[str, Any]:
    job = ref("Job")
    limit = {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX, "default": LIMIT}
    new = reply_of("the job", job, {"Location": "its address"})
    again = reply_of(
        "the job that this key opened before",
        job,
        {"Location": "its address", "Idempotency-Replayed": "true"},
    )
    return {
        f"{BASE}/jobs": {
            "post": operation(
                "submit",
                "Open a job",
                {"201": new, "200": again, **problems(400, 404, 409, 413, 415, 429)},
                [header("Idempotency-Key", "makes the request safe to repeat, for a day", KEY)],
                ref("NewJob"),
            ),
            "get": operation(
                "jobs",
                "The latest jobs, newest first, without answers",
                {"200": reply_of("a page", ref("JobPage")), **problems(400)},
                [
                    query("limit", limit, "jobs a page"),
                    query("cursor", CURSOR, "`cursor` of the page before"),
                ],
            ),
        },
    }


def _job_paths() -> dict[str, Any]:
    own, job = f"{BASE}/jobs/{{job}}", ref("Job")
    wait = {"type": "number", "minimum": 0, "maximum": WAIT_S_MAX, "default": 0}
    return {
        own: {
            "parameters": [job_in_path()],
            "get": operation(
                "job",
                "One job",
                {"200": reply_of("the job", job), **problems(400, 404)},
                [query("wait", wait, "answer once the job is final, or after this many seconds")],
            ),
        },
        f"{own}/cancel": {
            "parameters": [job_in_path()],
            "post": operation(
                "cancel",
                "End a job; one that has ended stays as it is",
                {"200": reply_of("the job", job), **problems(400, 404, 413, 415)},
                body=ref("Reason"),
                body_required=False,
            ),
        },
        f"{own}/result": {
            "parameters": [job_in_path()],
            "get": operation(
                "result",
                "The answer of a job that is done",
                {"200": reply_of("the answer", ref("Result")), **problems(404, 409)},
            ),
        },
        **_way_paths(),
    }


def _way_paths() -> dict[str, Any]:
    own = f"{BASE}/jobs/{{job}}"
    after = query("after", STORY_ID, "id of the entry of the story after which to go on")
    return {
        f"{own}/story": {
            "parameters": [job_in_path()],
            "get": operation(
                "story",
                "What happened to the job and why, oldest first",
                {"200": reply_of("at most 500 entries", ref("Story")), **problems(400, 404)},
                [after],
            ),
        },
        f"{own}/history": {
            "parameters": [job_in_path()],
            "get": operation(
                "history",
                "The job's sums on its way, evenly over its progress",
                {"200": reply_of("at most 256 samples", ref("History")), **problems(404)},
            ),
        },
        f"{own}/events": {
            "parameters": [job_in_path()],
            "get": operation(
                "events",
                "Follow a job: events `story`, `tiles`, `progress`, and a last `end`",
                {"200": stream(), **problems(400, 404, 503)},
                [
                    after,
                    header(
                        "Last-Event-ID", "as `after`; sent by browsers that reconnect", STORY_ID
                    ),
                ],
            ),
        },
    }


def _profile_paths() -> dict[str, Any]:
    own = f"{BASE}/jobs/{{job}}"
    limit = {"type": "integer", "minimum": 1, "maximum": TIMELINE_READ_MAX, "default": CHUNKS}
    return {
        f"{own}/profile": {
            "parameters": [job_in_path()],
            "get": operation(
                "profile",
                "Who worked when and how fast, and how near that is to the bound",
                {"200": reply_of("the profile", ref("Profile")), **problems(404)},
            ),
        },
        f"{own}/profile.csv": {
            "parameters": [job_in_path()],
            "get": operation(
                "profile_csv",
                "The chunks of the profile as a table",
                {
                    "200": {"description": "the chunks", "content": {"text/csv": {"schema": TEXT}}},
                    **problems(404),
                },
            ),
        },
        f"{own}/chunks": {
            "parameters": [job_in_path()],
            "get": operation(
                "chunks",
                "Chunks whose leases have ended, oldest first",
                {"200": reply_of("the chunks", ref("Chunks")), **problems(400, 404)},
                [
                    query("after", STORY_ID, "id of the chunk after which to go on"),
                    query("limit", limit, "at most"),
                ],
            ),
        },
    }


def _picture_paths() -> dict[str, Any]:
    own = f"{BASE}/jobs/{{job}}"
    whole = {"type": "integer", "minimum": 0, "default": 0}
    limit = {"type": "integer", "minimum": 1, "maximum": TILES_MAX, "default": TILES}
    name = {"name": "name", "in": "path", "required": True, "schema": TEXT}
    tiles = binary(
        "tiles: x, y (32 bits), columns, rows (16 bits), length (32 bits), little-endian; then "
        "so many bytes of zlib, which hold three bytes a pixel",
        ("application/octet-stream",),
        {ARRIVED: "give this as `after` next time"},
    )
    content = binary(
        "the file", (*TYPES.values(), "application/octet-stream"), {"ETag": "its SHA-256"}
    )
    preview = binary("a small PNG", ("image/png",), {})
    return {
        f"{own}/preview.png": {
            "parameters": [job_in_path()],
            "get": operation(
                "preview",
                "About what the picture will show, at once, if the kernel can tell",
                {"200": preview, **problems(404)},
            ),
        },
        f"{own}/tiles": {
            "parameters": [job_in_path()],
            "get": operation(
                "tiles",
                "New tiles of the picture of a job that runs, in the order they came",
                {"200": tiles, **problems(400, 404)},
                [query("after", whole, "leave out so many"), query("limit", limit, "at most")],
            ),
        },
        f"{own}/files/{{name}}": {
            "parameters": [job_in_path(), name],
            "get": operation(
                "file",
                "A file that the answer names under `files`",
                {"200": content, "304": {"description": "as before"}, **problems(404, 409)},
                [header("If-None-Match", "the SHA-256 of what the caller has")],
            ),
        },
    }


def _ancestor_paths() -> dict[str, Any]:
    given = {"name": "job_id", "in": "path", "required": True, "schema": NAME}
    status = reply_of("how it stands", ref("AncestorStatus"))
    unknown = reply_of("no such job", ref("AncestorStatus"))
    way = ref("AncestorHistory")
    return {
        "/api/create_job": {
            "post": operation(
                "create_job",
                "Open a job under an id of the caller's choice",
                {
                    "200": reply_of("it is there", ref("AncestorJob")),
                    **problems(400, 404, 409, 413, 415, 429),
                },
                body=ref("AncestorNewJob"),
            ),
        },
        "/api/job_status/{job_id}": {
            "parameters": [given],
            "get": operation(
                "job_status", "How such a job stands", {"200": status, "404": unknown}
            ),
        },
        "/api/mark_job_error/{job_id}": {
            "parameters": [given],
            "post": operation(
                "mark_job_error",
                "End such a job; one that has ended stays as it is",
                {"200": reply_of("how it stands now", ref("AncestorJob")), **problems(404)},
            ),
        },
        "/api/job_history/{job_id}": {
            "parameters": [given],
            "get": operation(
                "job_history",
                "Its estimates on its way, and the pixels that are there",
                {
                    "200": reply_of("its way", way),
                    "404": reply_of("no such job", way),
                    **problems(413),
                },
            ),
        },
    }


def _fleet_paths() -> dict[str, Any]:
    anybody: dict[str, Any] = {"security": []}
    health = ref("Health")
    alive = {"description": "this process lives", "content": {"text/plain": {"schema": TEXT}}}
    login = {"303": {"description": "to the page, with a cookie"}, **problems(401)}
    return {
        f"{BASE}/kernels": {
            "get": operation(
                "kernels",
                "Kernels and their parameters",
                {"200": reply_of("the kernels", ref("Kernels"))},
            )
        },
        f"{BASE}/workers": {
            "get": operation(
                "workers", "Workers seen lately", {"200": reply_of("the workers", ref("Workers"))}
            )
        },
        "/api/openapi.json": {
            "get": operation(
                "openapi", "This document", {"200": reply_of("OpenAPI 3.1", {"type": "object"})}
            )
        },
        "/healthz": {
            "get": operation("healthz", "Whether this process lives", {"200": alive}) | anybody
        },
        "/readyz": {
            "get": operation(
                "readyz",
                "Whether jobs can be served, and if not, why",
                {"200": reply_of("yes", health), "503": reply_of("no", health)},
            )
            | anybody
        },
        "/metrics": {
            "get": operation(
                "metrics",
                "Totals and alarms in the text format of Prometheus",
                {"200": {**alive, "description": "the metrics"}},
            )
        },
        "/login": {
            "get": operation(
                "login",
                "Exchange the token for a cookie",
                login,
                [query("token", TEXT, "the scheduler's token")],
            )
            | anybody
        },
    }
