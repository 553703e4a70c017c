"""The words in which the API describes itself: one function for each part of an operation."""

from __future__ import annotations

from typing import Any

from hydra.http.schema import JOB_ID, TEXT, Schema, ref


def operation(
    name: str,
    summary: str,
    responses: dict[str, Any],
    parameters: list[Schema] | None = None,
    body: Schema | None = None,
    *,
    body_required: bool = True,
) -> dict[str, Any]:
    """One method of one address."""
    found: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "responses": {**responses, "default": problem_of("any other problem")},
    }
    if parameters:
        found["parameters"] = parameters
    if body:
        content = {"application/json": {"schema": body}}
        found["requestBody"] = {"required": body_required, "content": content}
    return found


def reply_of(what: str, schema: Schema, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A JSON reply of that shape."""
    found: dict[str, Any] = {
        "description": what,
        "content": {"application/json": {"schema": schema}},
    }
    if headers:
        found["headers"] = {
            name: {"description": doc, "schema": TEXT} for name, doc in headers.items()
        }
    return found


def stream() -> dict[str, Any]:
    """A reply that stays open."""
    what = "server-sent events; `data` is an Entry (story), a Job (progress, end), a count (tiles)"
    return {"description": what, "content": {"text/event-stream": {"schema": TEXT}}}


def problem_of(what: str) -> dict[str, Any]:
    """A reply that says what went wrong."""
    return {
        "description": what,
        "content": {"application/problem+json": {"schema": ref("Problem")}},
    }


def problems(*statuses: int) -> dict[str, Any]:
    """The problems of these statuses."""
    return {str(status): problem_of(PROBLEMS[status]) for status in statuses}


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


def job_in_path() -> Schema:
    """The job's id, as every address under `/jobs/` has it."""
    return {"name": "job", "in": "path", "required": True, "schema": JOB_ID}


def query(name: str, schema: Schema, doc: str) -> Schema:
    """A number or a word of the query."""
    return {"name": name, "in": "query", "schema": schema, "description": doc}


def header(name: str, doc: str, schema: Schema = TEXT) -> Schema:
    """A header that the caller may send."""
    return {"name": name, "in": "header", "schema": schema, "description": doc}


def binary(what: str, types: tuple[str, ...], headers: dict[str, str]) -> dict[str, Any]:
    """A reply of bytes."""
    content = {"schema": {"type": "string", "format": "binary"}}
    return {
        "description": what,
        "content": dict.fromkeys(types, content),
        "headers": {name: {"description": doc, "schema": TEXT} for name, doc in headers.items()},
    }
