"""What the API sends back: JSON, and RFC 9457 problems for everything that went wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request
from msgspec import UNSET, Meta, UnsetType
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from hydra.errors import FieldError, HydraError, TooLarge
from hydra.http.wire import Wire, says

LOG = logging.getLogger(__name__)

RETRY_S = 1
"""What a 429 or 503 asks the caller to wait."""

ERRORS_MAX = 16
"""Wrong fields that one problem lists."""

TYPE = "urn:hydra:problem:"
"""Start of every problem's `type`; its code follows."""

_ENCODER = msgspec.json.Encoder()


class Fault(Wire, frozen=True):
    """One wrong field: `pointer` leads into the body, `parameter` names one of query or header."""

    detail: str
    pointer: Annotated[str, says("JSON pointer into the body")] | UnsetType = UNSET
    parameter: Annotated[str, says("of the query or a header")] | UnsetType = UNSET

    @classmethod
    def of(cls, error: FieldError) -> Fault:
        """A field that starts with `/` is a JSON pointer."""
        if error.field.startswith("/"):
            return cls(detail=error.sentence, pointer=error.field)
        return cls(detail=error.sentence, parameter=error.field)


class Problem(Wire, frozen=True):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Meta(extra_json_schema={"format": "uri"})]
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    instance: str
    code: Annotated[str, says("one word for machines, such as no-such-job")]
    errors: list[Fault] | UnsetType = UNSET


def encoded(value: object) -> bytes:
    """The one way in which the API writes JSON: UTF-8, one line, no NaN."""
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:  # a broken character that some caller sent
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; never cached unless `headers` say so."""
    response = Response(encoded(value) + b"\n", status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def download(content: bytes | str, kind: str, name: str) -> Response:
    """A file to save under that name."""
    response = Response(content, mimetype=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def problem(
    status: int, code: str, title: str, detail: str, errors: Sequence[FieldError] = ()
) -> Response:
    """A problem with each of the wrong fields."""
    faults = [Fault.of(error) for error in errors[:ERRORS_MAX]] or UNSET
    said = Problem(
        type=TYPE + code,
        title=title,
        status=status,
        detail=detail,
        instance=request.path,
        code=code,
        errors=faults,
    )
    response = reply(said, status)
    response.mimetype = "application/problem+json"
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_S)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="hydra"'
    return response


def pointer(*names: str) -> str:
    """A JSON pointer (RFC 6901) to a member of the body."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def handle_errors(blueprint: Blueprint) -> None:
    """Answer every error of the application with a problem."""
    blueprint.app_errorhandler(HydraError)(on_hydra_error)
    blueprint.app_errorhandler(HTTPException)(on_http_error)
    blueprint.app_errorhandler(Exception)(on_unexpected_error)


def on_hydra_error(error: HydraError) -> Response:
    """A problem from the error tree."""
    if error.status >= 500:
        LOG.warning("unavailable path=%s code=%s: %s", request.path, error.code, error.sentence)
    title = (type(error).__doc__ or error.code).partition("\n")[0].rstrip(".")
    return problem(error.status, error.code, title, error.sentence, error.errors)


def on_http_error(error: HTTPException) -> AnyResponse:
    """A problem from what Flask or Werkzeug raised, such as an unknown page or a wrong method."""
    status = error.code or 500
    if status < 400:
        return error.get_response(request.environ)  # a redirect
    if status == 413:
        limit = request.max_content_length
        return on_hydra_error(TooLarge(f"the body may have at most {limit} bytes"))
    code = error.name.lower().replace(" ", "-")
    response = problem(status, code, error.name, error.description or error.name)
    for name, value in error.get_headers(request.environ):
        if name in ("Allow", "Accept", "Location"):
            response.headers[name] = value
    return response


def on_unexpected_error(error: Exception) -> Response:
    """A bug in Hydra: logged in full; the caller is told no details."""
    LOG.error("unexpected error path=%s", request.path, exc_info=error)
    return problem(500, "error", "Internal Server Error", "an error in Hydra; its log says more")
