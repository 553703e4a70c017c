"""A route as one record: address, handler, what it takes and gives. Groups of them make the API.

::

    class KernelRoutes(Routes):
        @route("GET", f"{BASE}/kernels", Kernels)
        def kernels(self) -> Response:
            '''Kernels and their parameters.'''

What is declared here is what is served and what is described: nothing lists addresses again. The
summary is the first line of the handler's docstring, a part of the address is described by the type
of the handler's argument, and a body that needs no field may be left out. The problems that follow
from that are described unasked: 404 where a job is named, 400 for a query, 400, 413 and 415 for a
body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from hydra.http.wire import Wire

Handler = Callable[..., Response]
Wires = type[Wire] | None


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply that a route gives when all is well."""

    kind: Any
    """The type of its content; None if it has none."""
    status: int = 200
    what: str = ""
    """In words; without, those of its noun."""
    media: Sequence[str] = ("application/json",)
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each says."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address."""

    method: str
    path: str
    """As Flask writes it: `/jobs/<job>`."""
    handler: Handler
    """Takes its group, then the parts of the path."""
    replies: Sequence[Reply]
    problems: Sequence[int]
    """Statuses of problems that do not follow from the rest."""
    body: Any
    """The type of its JSON body: a struct, or a union of tagged ones; None if it reads none."""
    query: Wires
    headers: Wires
    public: bool
    """Whether it needs no credential."""

    @property
    def name(self) -> str:
        """What `url_for` and the description call it."""
        return self.handler.__name__

    @property
    def address(self) -> str:
        """The path as OpenAPI writes it: `/jobs/{job}`."""
        return re.sub(r"<(\w+)>", r"{\1}", self.path)


def route(
    method: str,
    path: str,
    *replies: Reply | type[Wire],
    problems: Sequence[int] = (),
    body: Any = None,
    query: Wires = None,
    headers: Wires = None,
    public: bool = False,
) -> Callable[[Handler], Route]:
    """Make the route of a handler; a noun alone stands for the reply 200 with it."""
    given = [each if isinstance(each, Reply) else Reply(each) for each in replies]

    def made(handler: Handler) -> Route:
        return Route(
            method=method,
            path=path,
            handler=handler,
            replies=given,
            problems=problems,
            body=body,
            query=query,
            headers=headers,
            public=public,
        )

    return made


class Routes:
    """The routes of one file."""

    @classmethod
    def declared(cls) -> list[Route]:
        """Each, in the order in which they stand."""
        return [value for value in vars(cls).values() if isinstance(value, Route)]

    def install(self, blueprint: Blueprint) -> None:
        """Put the routes on the blueprint."""
        for route in self.declared():
            view = partial(route.handler, self)
            blueprint.add_url_rule(route.path, route.name, view, methods=[route.method])
