"""What the nouns of the wire are made of: one base for their structs, and the values in them.

A struct is the one statement of its noun: it checks a body, makes a reply's JSON, and draws its
schema. A limit stands in the `Meta` of the field that it limits; a `title` there is what an error
says that the field must be.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from hydra.model.cursors import RUN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Wire(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of every noun: an object with its fields and no others."""


def says(doc: str) -> Meta:
    """What a field tells, where its name does not."""
    return Meta(description=doc)


Value = int | float | str
"""Of a kernel's parameter."""

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
Time = Annotated[
    str, Meta(description="UTC, milliseconds", extra_json_schema={"format": "date-time"})
]
Binary = Annotated[str, Meta(extra_json_schema={"format": "binary"})]

JOB_ID = "^[0-9a-f]{32}$"
JobId = Annotated[str, Meta(pattern=JOB_ID)]

Cursor = Annotated[
    str, Meta(pattern="^([A-Za-z0-9_-]{22})?$", title="one that a page of jobs gave")
]

StoryId = Annotated[
    str,
    Meta(
        pattern=rf"^(({RUN}\.)?[0-9]{{1,19}}(-[0-9]{{1,19}})?)?$",
        title="the id of an entry of the story",
    ),
]

Place = Annotated[str, Meta(pattern=rf"^(({RUN}\.)?[0-9]{{1,15}})?$", title="a count or a cursor")]
"""Of a list of which only the order counts: how many to leave out, or where to go on."""


def iso(ms: int) -> Time:
    """Milliseconds since 1970 as ISO 8601 in UTC."""
    at = _EPOCH + timedelta(milliseconds=ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_or_none(ms: int | None) -> Time | None:
    """The same of a moment that may not have come."""
    return None if ms is None else iso(ms)
