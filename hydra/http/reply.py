"""What the API sends back: JSON, and RFC 9457 problems for everything that went wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from hydra.errors import FieldError, HydraError, TooLarge

LOG = logging.getLogger(__name__)

RETRY_S = 1
"""What a 429 or 503 asks the caller to wait."""

ERRORS_MAX = 16
"""Wrong fields that one problem lists."""

TYPE = "urn:hydra:problem:"
"""Start of every problem's `type`; its code follows."""


def text_of(value: object) -> str:
    """The one way this door writes JSON: ASCII, one line, no NaN."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; never cached unless `headers` say so."""
    response = Response(text_of(value) + "\n", status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def problem(
    status: int, code: str, title: str, detail: str, errors: Sequence[FieldError] = ()
) -> Response:
    """An RFC 9457 problem; a field that starts with `/` is a JSON pointer into the body."""
    body: dict[str, Any] = {
        "type": TYPE + code,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "code": code,
    }
    if errors:
        body["errors"] = [
            {"pointer" if field.startswith("/") else "parameter": field, "detail": sentence}
            for field, sentence in errors[:ERRORS_MAX]
        ]
    response = reply(body, status)
    response.mimetype = "application/problem+json"
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_S)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="hydra"'
    return response


def pointer(*names: str) -> str:
    """A JSON pointer (RFC 6901) to a member of the body."""
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def handle_errors(door: Blueprint) -> None:
    """Answer every error of the application with a problem."""
    door.app_errorhandler(HydraError)(on_hydra_error)
    door.app_errorhandler(HTTPException)(on_http_error)
    door.app_errorhandler(Exception)(on_surprise)


def on_hydra_error(error: HydraError) -> Response:
    """A problem from the error tree."""
    if error.status >= 500:
        LOG.warning("unavailable path=%s code=%s: %s", request.path, error.code, error.sentence)
    title = (type(error).__doc__ or error.code).partition("\n")[0].rstrip(".")
    return problem(error.status, error.code, title, error.sentence, error.errors)


def on_http_error(error: HTTPException) -> AnyResponse:
    """A problem from what Flask or Werkzeug raised: no such page, wrong method, and the like."""
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


def on_surprise(error: Exception) -> Response:
    """A bug of ours: logged whole, told to the caller without its inside."""
    LOG.error("surprise path=%s", request.path, exc_info=error)
    return problem(500, "error", "Internal Server Error", "an error in Hydra; its log says more")
