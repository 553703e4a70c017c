"""Reading what the caller sent: strict JSON, query numbers, ids. All of it may be hostile."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Collection
from typing import Any

from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from hydra.errors import BadParam, BadWire, NoSuchJob, TooLarge
from hydra.http.reply import pointer

DEPTH_MAX = 16
"""Deepest nesting of a body: ours have two levels."""

DIGITS_MAX = 64
"""Longest whole number in a body: nothing longer is inside any bound."""

KEY_CHARS_MAX = 255
"""Longest Idempotency-Key."""

SHOWN_CHARS_MAX = 64
"""How much of what the caller sent an error repeats."""

_JOB_ID = re.compile(r"[0-9a-f]{32}")
_STORY_ID = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?")
_KEY = re.compile(rf"[!-~]([ -~]{{0,{KEY_CHARS_MAX - 2}}}[!-~])?")


def bound_chunked() -> None:
    """Read a body of unknown length up to the limit, and give it a length.

    Raises TooLarge, or BadWire if its chunks are no chunks: the server finds that only now.

    Werkzeug cuts such a body off at the limit and says nothing: half a form would pass as a whole.
    """
    environ, limit = request.environ, request.max_content_length
    chunked = request.content_length is None and environ.get("wsgi.input_terminated")
    if not chunked or limit is None:
        return
    found = b""
    try:
        while len(found) <= limit and (more := environ["wsgi.input"].read(limit + 1 - len(found))):
            found += more
    except Exception:  # each server has errors of its own for what it finds in a message
        raise BadWire("the body's chunks are wrong, or it ended early") from None
    if len(found) > limit:
        raise TooLarge(f"the body may have at most {limit} bytes")
    environ["wsgi.input"] = io.BytesIO(found)
    environ["CONTENT_LENGTH"] = str(len(found))


def json_object(known: Collection[str]) -> dict[str, Any]:
    """The request's body, which must be one JSON object with no names but `known`.

    Stricter than the json module: no NaN, no name twice, no deep nesting, no endless numbers.
    Raises BadWire for a body that is none, BadParam for an unknown name.
    """
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("the body must be application/json")
    value = _parse(request.get_data(cache=False))
    if not isinstance(value, dict):
        raise BadWire("the body must be a JSON object")
    for name in value:
        if name not in known:
            raise BadParam(
                f"{_shown(name)} is not known here; known are {', '.join(known)}",
                field=pointer(_shown(name)),
            )
    return value


def _parse(raw: bytes) -> object:
    try:
        value: object = json.loads(
            raw.decode(),
            parse_constant=_no_constant,
            parse_int=_whole_number,
            object_pairs_hook=_no_doubles,
        )
    except RecursionError:
        raise BadWire(f"the body is nested deeper than {DEPTH_MAX} levels") from None
    except json.JSONDecodeError as error:
        raise BadWire(
            f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}"
        ) from None
    except UnicodeDecodeError:
        raise BadWire("the body is not UTF-8") from None
    _check_depth(value)
    return value


def _no_constant(name: str) -> object:
    raise BadWire(f"the body is not JSON: {name} is no number of JSON")


def _whole_number(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise BadWire(f"a number of the body has more than {DIGITS_MAX} digits")
    return int(text)


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadWire(f"the name {_shown(twice)} comes twice in one object")
    return found


def _check_depth(value: object) -> None:
    level: list[object] = [value]
    for _ in range(DEPTH_MAX):
        inner: list[object] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        if not inner:
            return
        level = inner
    raise BadWire(f"the body is nested deeper than {DEPTH_MAX} levels")


def _shown(text: str) -> str:
    return repr(text[:SHOWN_CHARS_MAX])[1:-1]


def number(value: object, field: str) -> float:
    """A finite number of a body; raises BadParam naming `field`."""
    name = field.lstrip("/")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadParam(f"{name} must be a number", field=field)
    found = float(value)
    if not math.isfinite(found):
        raise BadParam(f"{name} must be a finite number", field=field)
    return found


def text(value: object, field: str, chars_max: int) -> str:
    """A text of a body of at most `chars_max` characters; raises BadParam naming `field`."""
    name = field.lstrip("/")
    if not isinstance(value, str):
        raise BadParam(f"{name} must be a text", field=field)
    if len(value) > chars_max:
        raise BadParam(f"{name} may have at most {chars_max} characters", field=field)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadParam(f"{name} holds half a character", field=field) from None
    return value


def query_number(name: str, default: float, low: float, high: float, kind: type = int) -> float:
    """A number of the query, within bounds; raises BadParam naming it."""
    given = request.args.get(name)
    if given is None:
        return default
    noun = "a whole number" if kind is int else "a number"
    try:
        # Ours are ASCII: int() takes the digits of every script.
        plain = given.isascii() and len(given) <= DIGITS_MAX
        found: float = kind(given) if plain else math.nan
    except ValueError:
        found = math.nan
    if not low <= found <= high:
        raise BadParam(f"{name} must be {noun} from {low} to {high}", field=name)
    return found


def job_id(given: str) -> str:
    """A job's id as it came in a URL, or NoSuchJob: what has another form names nothing."""
    if not _JOB_ID.fullmatch(given):
        raise NoSuchJob(f"no job {_shown(given)!r}", field="job")
    return given


def story_id(given: str, field: str) -> str:
    """The id of a story's entry after which to go on; raises BadParam naming `field`."""
    if given and not _STORY_ID.fullmatch(given):
        raise BadParam(f"{field} must be the id of an entry of the story", field=field)
    return given


def idempotency_key() -> str:
    """The request's Idempotency-Key, or empty."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return ""
    if not _KEY.fullmatch(given):
        raise BadParam(
            f"Idempotency-Key must be 1 to {KEY_CHARS_MAX} printable ASCII characters",
            field="Idempotency-Key",
        )
    return given
