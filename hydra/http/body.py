"""Reading what the caller sent: strict JSON, query, headers, ids. All of it may be hostile.

A struct says what is accepted; an error names every wrong field at once.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec
from flask import request
from msgspec import inspect
from werkzeug.datastructures import Headers
from werkzeug.exceptions import UnsupportedMediaType

from hydra.errors import BadParam, BadWire, FieldError, NoSuchJob, TooLarge
from hydra.http.reply import pointer
from hydra.http.wire import JOB_ID, JobId, Wire

W = TypeVar("W", bound=Wire)

DEPTH_MAX = 16
"""Deepest nesting of a body: ours have two levels."""

DIGITS_MAX = 64
"""Longest whole number in a body: nothing longer is inside any bound."""

SHOWN_CHARS_MAX = 64
"""How much of what the caller sent an error repeats."""


def limit_chunked_body() -> None:
    """Read a body of unknown length up to the limit, and give it a length.

    Raises TooLarge, or BadWire if its chunks are malformed, which the server finds only now.

    Werkzeug cuts such a body off at the limit and reports nothing: half a form would pass as whole.
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


ExtraCheck = Callable[[Mapping[str, Any]], Iterable[FieldError]]
"""Gets the fields that passed, and gives the errors that it finds inside them."""


def read(*kinds: type[W], also: ExtraCheck = lambda found: ()) -> W:
    """The request's JSON body as the struct; of several, the one that its tag names.

    Raises BadWire for a body that is no JSON object, BadParam with every wrong field. A body that
    needs no field may be left out.
    """
    kind = kinds[0]
    # Not by its length: a body in chunks tells none.
    if not (request.mimetype or request.get_data() or any(rule.required for rule in _rules(kind))):
        return kind()
    given = _object()
    if kind.__struct_config__.tag is not None:
        kind = _tagged(kinds, given)
    known = [rule.name for rule in _rules(kind)]
    wrong = [
        FieldError(
            pointer(_shown(name)), f"{_shown(name)} is not known here; known are {', '.join(known)}"
        )
        for name in given
        if name not in known
    ]
    found = _checked(kind, given, wrong, pointer)
    wrong += also(found)
    if wrong:
        raise BadParam.of(wrong)
    return kind(**found)


def query(kind: type[W]) -> W:
    """The request's query as the struct; raises BadParam with every wrong field."""
    return _from_texts(kind, request.args)


def headers(kind: type[W]) -> W:
    """The request's headers as the struct; raises BadParam with every wrong one."""
    return _from_texts(kind, request.headers)


def job_id(given: JobId) -> JobId:
    """A job's id as it came in a URL, or NoSuchJob: a text of another form is no id."""
    if not re.fullmatch(JOB_ID, given):
        raise NoSuchJob(f"no job {_shown(given)!r}", field="job")
    return given


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is taken for one field."""

    name: str
    """On the wire."""
    attribute: str
    kind: Any
    required: bool
    must: str
    """What it must be, for people."""
    pattern: str | None


@cache
def _rules(kind: type[Wire]) -> list[_Rule]:
    found = []
    for field in msgspec.structs.fields(kind):
        drawn = inspect.type_info(field.type)
        inner = drawn.type if isinstance(drawn, inspect.Metadata) else drawn
        pattern = inner.pattern if isinstance(inner, inspect.StrType) else None
        found.append(
            _Rule(
                name=field.encode_name,
                attribute=field.name,
                kind=field.type,
                required=field.required,
                must=_expected(drawn),
                pattern=pattern,
            )
        )
    return found


def _expected(kind: inspect.Type) -> str:
    """What a value of this type is, for people."""
    match kind:
        case inspect.Metadata(extra_json_schema={"title": str(title)}):
            return title
        case inspect.Metadata(type=inner):
            return _expected(inner)
        case inspect.IntType(ge=low, le=high):
            return "a whole number" if high is None else f"a whole number from {low} to {high}"
        case inspect.FloatType(ge=low, le=high):
            return "a number" if high is None else f"a number from {low:g} to {high:g}"
        case inspect.StrType(max_length=int(most)):
            return f"a text of at most {most} characters"
        case inspect.StrType():
            return "a text"
        case inspect.DictType():
            return "an object"
    return "of another type"


def _checked(
    kind: type[Wire],
    given: Mapping[str, Any] | Headers,
    wrong: list[FieldError],
    place: Callable[[str], str] = str,
    *,
    strict: bool = True,
) -> dict[str, Any]:
    """The fields that are right, by attribute; what is not goes to `wrong`."""
    found: dict[str, Any] = {}
    for rule in _rules(kind):
        if rule.name not in given:
            if rule.required:
                wrong.append(FieldError(place(rule.name), f"{rule.name} is missing"))
            continue
        try:
            value = msgspec.convert(given[rule.name], rule.kind, strict=strict)
            if isinstance(value, str):
                value.encode()
            # As a whole: `$` alone accepts a line break at the end.
            if rule.pattern and not re.fullmatch(rule.pattern, value):
                raise msgspec.ValidationError
            found[rule.attribute] = value
        except msgspec.ValidationError:
            wrong.append(FieldError(place(rule.name), f"{rule.name} must be {rule.must}"))
        except UnicodeEncodeError:
            wrong.append(FieldError(place(rule.name), f"{rule.name} has a broken character"))
    return found


def _from_texts(kind: type[W], given: Mapping[str, str] | Headers) -> W:
    wrong: list[FieldError] = []
    found = _checked(kind, given, wrong, strict=False)
    if wrong:
        raise BadParam.of(wrong)
    return kind(**found)


def _tagged(kinds: Iterable[type[W]], given: dict[str, Any]) -> type[W]:
    """The struct that the body's tag names; the tag is taken out."""
    known = {kind.__struct_config__.tag: kind for kind in kinds}
    field = next(iter(known.values())).__struct_config__.tag_field or ""
    tag = given.pop(field, None)
    if not isinstance(tag, str) or tag not in known:
        words = " or ".join(map(str, known))
        raise BadParam(f"{field} must be {words}", field=pointer(field))
    return known[tag]


def _object() -> dict[str, Any]:
    """The body: stricter than the json module, so no NaN, no name twice, no endless numbers."""
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("the body must be application/json")
    value = _parse(request.get_data(cache=False))
    if not isinstance(value, dict):
        raise BadWire("the body must be a JSON object")
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
