"""The words of JSON Schema that every shape is made of."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

NAME_CHARS_MAX = 128
"""Longest id that a caller of the ancestor's endpoints may choose."""


def object_of(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def list_of(items: Schema) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": items}


def ref(name: str) -> Schema:
    """A pointer to a shape of this module."""
    return {"$ref": f"#/components/schemas/{name}"}


TEXT: Schema = {"type": "string"}
TIME: Schema = {"type": "string", "format": "date-time", "description": "UTC, milliseconds"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
SECONDS: Schema = {"type": "number", "minimum": 0}
JOB_ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
CURSOR: Schema = {"type": "string", "pattern": "^([A-Za-z0-9_-]{22})?$"}
STORY_ID: Schema = {"type": "string", "pattern": "^([0-9]{1,19}(-[0-9]{1,19})?)?$"}
KEY: Schema = {"type": "string", "pattern": "^[!-~]([ -~]{0,253}[!-~])?$"}
VALUE: Schema = {"type": ["integer", "number", "string"]}
NAME: Schema = {
    "type": "string",
    "pattern": f"^[A-Za-z0-9_:-][A-Za-z0-9_.:-]{{0,{NAME_CHARS_MAX - 1}}}$",
}
