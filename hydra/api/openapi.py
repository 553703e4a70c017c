"""The API's own description, OpenAPI 3.1, assembled from what the files of routes declare."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, get_type_hints

import msgspec
from flask import Response

from hydra import __version__
from hydra.http.reply import Problem, reply
from hydra.http.routes import Reply, Route, Routes, route
from hydra.http.wire import Wire

INTRODUCTION = """\
Open jobs, follow them, read their answers. Whole numbers are JSON numbers of any size: counts may
pass 2^53, where JavaScript's own parser begins to round. Errors are RFC 9457 problems; `code` is
the word to decide on. With a token, send `Authorization: Bearer ...`.
"""

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


class DescriptionRoutes(Routes):
    """The route that describes all others, and itself."""

    def __init__(self, groups: Iterable[Routes], body_bytes_max: int) -> None:
        self._routes = [route for group in (*groups, self) for route in group.declared()]
        self._body_bytes_max = body_bytes_max

    @route("GET", "/api/openapi.json", Reply(dict[str, Any], what="OpenAPI 3.1"))
    def openapi(self) -> Response:
        """This document."""
        return reply(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return Description().of(self._routes, self._body_bytes_max)


class Description:
    """Draws routes, and collects the nouns that they name."""

    def __init__(self) -> None:
        self._nouns: dict[str, Any] = {}

    def of(self, routes: Iterable[Route], body_bytes_max: int) -> dict[str, Any]:
        """The whole document."""
        paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for each in routes:
            paths[each.address][each.method.lower()] = self._operation(each)
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
            "paths": paths,
            "components": {
                "schemas": self._nouns,
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            },
        }

    def _operation(self, each: Route) -> dict[str, Any]:
        """One method of one address."""
        found: dict[str, Any] = {
            "operationId": each.name,
            "summary": _first_line(each.handler),
            "parameters": [
                *self._parts(each),
                *self._parameters("query", each.query),
                *self._parameters("header", each.headers),
            ],
            "responses": {
                **{str(status): self._problem(PROBLEMS[status]) for status in _problems(each)},
                **{str(given.status): self._response(given) for given in each.replies},
                "default": self._problem("any other problem"),
            },
        }
        if each.body:
            found["requestBody"] = {
                "required": _needs_a_field(each.body),
                "content": {"application/json": {"schema": self._schema(each.body)}},
            }
        if each.public:
            found["security"] = []
        return found

    def _parts(self, each: Route) -> Iterator[dict[str, Any]]:
        """The parts of the path, each of the type of the handler's argument."""
        for name, kind in get_type_hints(each.handler, include_extras=True).items():
            if name != "return":
                schema = self._schema(kind)
                yield {"name": name, "in": "path", "required": True, "schema": schema}

    def _parameters(self, place: str, kind: type[Wire] | None) -> Iterator[dict[str, Any]]:
        """Each field of the query or the headers."""
        for field in msgspec.structs.fields(kind) if kind else ():
            schema = self._schema(field.type)
            found = {"name": field.encode_name, "in": place, "schema": schema}
            if "description" in schema:
                found["description"] = schema.pop("description")
            if field.default not in ("", msgspec.UNSET, msgspec.NODEFAULT):
                schema["default"] = field.default
            yield found

    def _response(self, given: Reply) -> dict[str, Any]:
        found: dict[str, Any] = {"description": given.what or _first_line(given.kind)}
        if given.kind is not None:
            schema = self._schema(given.kind)
            found["content"] = {media: {"schema": schema} for media in given.media}
        if given.headers:
            found["headers"] = {
                name: {"description": doc, "schema": {"type": "string"}}
                for name, doc in given.headers.items()
            }
        return found

    def _problem(self, what: str) -> dict[str, Any]:
        return self._response(Reply(Problem, what=what, media=("application/problem+json",)))

    def _schema(self, kind: Any) -> dict[str, Any]:
        """The schema of a type; nouns are named, and drawn once."""
        template = "#/components/schemas/{name}"
        (schema,), nouns = msgspec.json.schema_components([kind], ref_template=template)
        self._nouns |= nouns
        return schema


def _problems(each: Route) -> list[int]:
    """Statuses of the problems that the route names, or that follow from what it takes."""
    found = {*each.problems}
    if each.query or each.body:
        found.add(400)
    if each.body:
        found |= {413, 415}
    if "<job" in each.path:
        found.add(404)
    return sorted(found)


def _first_line(documented: Any) -> str:
    return (documented.__doc__ or "").partition("\n")[0].rstrip(".")


def _needs_a_field(kind: Any) -> bool:
    """Whether a body of this type cannot be empty; one of tagged structs needs its tag."""
    if not isinstance(kind, type):
        return True
    return any(field.required for field in msgspec.structs.fields(kind))
