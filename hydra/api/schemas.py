"""The shapes of the API as JSON Schema: what `shapes.py` writes and `body.py` reads."""

from __future__ import annotations

from typing import Any

from hydra.model import End, JobState
from hydra.services.roster import Presence

Schema = dict[str, Any]

NAME_CHARS_MAX = 128
"""Longest id that a caller of the ancestor's endpoints may choose."""


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
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
UNREAD: Schema = {"description": "not read here"}
ANSWER: Schema = {"type": "object", "description": "what the kernel's finish gives"}

LINKS = ("self", "events", "result", "story", "history", "profile", "cancel")
ESTIMATE: Schema = {
    "oneOf": [
        _object({"name": TEXT, **dict.fromkeys(("value", "low", "high"), NUMBER)}),
        {"type": "null"},
    ],
    "description": "what the sums say so far, with a 95 % interval; null if nothing",
}
ETA: Schema = {
    "oneOf": [_object(dict.fromkeys(("p10", "p50", "p90"), NUMBER)), {"type": "null"}],
    "description": "seconds it will still take, with a band that holds four times out of five; "
    "null if unknown or not running; not in lists",
}
SUMS: Schema = {
    "type": "object",
    "additionalProperties": {"type": "integer"},
    "description": "named sums so far; whole numbers that may pass 2^53",
}

JOB = _object(
    {
        "id": JOB_ID,
        "kernel": TEXT,
        "version": {"type": "string", "description": "digest of the kernel's version"},
        "params": {"type": "object", "additionalProperties": VALUE},
        "state": {"enum": [state.value for state in JobState]},
        "priority": {"type": "number", "exclusiveMinimum": 0},
        "total_units": {"type": "integer", "minimum": 1},
        "done_units": COUNT,
        "progress": {"type": "number", "minimum": 0, "maximum": 1},
        "created_at": TIME,
        "ended_at": {**TIME, "type": ["string", "null"]},
        "reason": {"type": "string", "description": "why it failed or was cancelled, or empty"},
        "sums": SUMS,
        "estimate": ESTIMATE,
        "unit_holds": {
            **_object({"count": {"type": "integer", "minimum": 1}, "noun": TEXT}),
            "description": "what one unit is made of, such as 262144 points",
        },
        "canvas": {
            "oneOf": [_object({"columns": COUNT, "rows": COUNT}), {"type": "null"}],
            "description": "size of the picture that it draws, or null",
        },
        "leases": {**COUNT, "description": "workers that hold a part of it now"},
        "links": _object(dict.fromkeys(LINKS, TEXT)),
    },
    {
        "eta_s": ETA,
        "answer": {**ANSWER, "description": "only of a job that is done, and not in lists"},
    },
)

CHUNK = _object(
    {
        "id": {"type": "string", "description": "grows along the timeline"},
        "worker": TEXT,
        "start": {**COUNT, "description": "first unit that it handed in"},
        "stop": {**COUNT, "description": "the unit after its last; `start` if there is none"},
        "lent_at": TIME,
        "ended_at": TIME,
        "busy_s": {**SECONDS, "description": "inside the kernel, as last reported"},
        "end": {"enum": [end.value for end in End], "description": "how its lease ended"},
    }
)

PROFILE = _object(
    {
        "id": JOB_ID,
        "whole": {"type": "boolean", "description": "whether no chunk has been dropped; else all "
                  "but `throughput` tells of the time since the first that is left"},
        "began_at": TIME,
        "ended_at": TIME,
        "makespan_s": NUMBER,
        "bound_s": {**NUMBER, "description": "work / sum of the workers' speeds while busy on it"},
        "efficiency": {"type": ["number", "null"], "description": "bound_s / makespan_s"},
        "workers": _list(
            _object({"worker": TEXT, "chunks": COUNT, "units": COUNT, "busy_s": SECONDS,
                     "units_s": {**NUMBER, "description": "while busy"}})
        ),
        "throughput": _list(_object({"from": TIME, "to": TIME, "units_s": NUMBER})),
        "chunks": _list(ref("Chunk")),
    }
)

PARAM = _object(
    {
        "type": {"enum": ["int", "float", "str"]},
        "default": VALUE,
        "low": {"type": ["number", "null"], "description": "least value, inclusive"},
        "high": {"type": ["number", "null"], "description": "greatest value, inclusive"},
        "doc": TEXT,
    },
    {"choices": _list(TEXT)},
)

PROBLEM = _object(
    {
        "type": {"type": "string", "format": "uri"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT,
        "instance": TEXT,
        "code": {"type": "string", "description": "one word for machines, such as no-such-job"},
    },
    {
        "errors": _list(
            _object(
                {"detail": TEXT},
                {
                    "pointer": {"type": "string", "description": "JSON pointer into the body"},
                    "parameter": {"type": "string", "description": "of the query or a header"},
                },
            )
        )
    },
)

SCHEMAS: dict[str, Schema] = {
    "Job": JOB,
    "NewJob": _object(
        {"kernel": TEXT},
        {
            "params": {"type": "object", "additionalProperties": VALUE},
            "priority": {"type": "number", "minimum": 0.01, "maximum": 100, "default": 1.0},
        },
    ),
    "JobPage": _object(
        {"jobs": _list(ref("Job"))},
        {"cursor": {"type": "string", "description": "of the next page; opaque"}, "next": TEXT},
    ),
    "Reason": _object({}, {"reason": {"type": "string", "maxLength": 200}}),
    "Sample": _object({"at": TIME, "done_units": COUNT, "sums": SUMS, "estimate": ESTIMATE}),
    "History": _object({"id": JOB_ID, "samples": _list(ref("Sample"))}),
    "Result": _object({"id": JOB_ID, "answer": ANSWER}),
    "Entry": _object({"id": TEXT, "at": TIME, "verb": TEXT, "text": TEXT}),
    "Story": _object({"id": JOB_ID, "story": _list(ref("Entry"))}),
    "Kernel": _object(
        {
            "name": TEXT,
            "doc": TEXT,
            "version": TEXT,
            "params": {"type": "object", "additionalProperties": PARAM},
            "presets": {
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": VALUE},
                "description": "named sets of parameters worth trying",
            },
        }
    ),
    "Chunks": _object({"id": JOB_ID, "chunks": _list(ref("Chunk"))}),
    "Chunk": CHUNK,
    "Profile": PROFILE,
    "Kernels": _object({"kernels": _list(ref("Kernel"))}),
    "Worker": _object(
        {
            "id": TEXT,
            "host": TEXT,
            "pid": COUNT,
            "seen_at": TIME,
            "state": {"enum": list(Presence), "description": "idle: it waits for work"},
            "job": {"type": "string", "description": "the job it holds a part of, or empty"},
            "doing": {"type": "string", "description": "its last claim, and why it was sized so"},
            "paused": {
                "oneOf": [_object({"why": TEXT, "until": {"oneOf": [TIME, {"type": "null"}]}}),
                          {"type": "null"}],
                "description": "why it takes no work now; null if it does",
            },
            "rates": {
                "type": "object",
                "additionalProperties": NUMBER,
                "description": "cost units a second, by kernel version",
            },
        }
    ),
    "Workers": _object(
        {
            "workers": _list(ref("Worker")),
            "live_workers": {**COUNT, "description": "those at work, as chunks are sized for"},
            "fresh_workers": {**COUNT, "description": "those that wait for a first task, and so "
                              "are not in the list"},
        }
    ),
    "Health": _object(
        {
            "ready": {"type": "boolean"},
            "checks": _list(_object({"name": TEXT, "ok": {"type": "boolean"}, "detail": TEXT})),
        }
    ),
    "Problem": PROBLEM,
    "AncestorNewJob": {
        "oneOf": [
            _object(
                {"job_id": NAME, "task_type": {"const": "calculate_pi"},
                 "points": {"type": "integer", "minimum": 1, "maximum": 10**18}},
                {"resolution": UNREAD},
            ),
            _object(
                {"job_id": NAME, "task_type": {"const": "calculate_mandelbrot"}},
                {"resolution": {"type": "integer", "minimum": 0, "maximum": 8192,
                                "description": "0 stands for 256"}, "points": UNREAD},
            ),
        ]
    },
    "AncestorJob": _object({"job_id": NAME, "status": TEXT}),
    "AncestorStatus": _object(
        {
            "status": {"enum": ["in-progress", "finished", "error"]},
            "result": TEXT,
            "partial_result": TEXT,
            "percent_complete": {"type": "number", "minimum": 0, "maximum": 100},
        }
    ),
    "AncestorHistory": _object(
        {
            "samples": _list(_object({"percent": NUMBER, "approx_pi": NUMBER})),
            "pixels": _list(_object({"index": COUNT, "color": TEXT})),
        }
    ),
}
