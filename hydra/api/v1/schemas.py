"""The shapes of the API as JSON Schema: what `shapes.py` writes and `body.py` reads."""

from __future__ import annotations

from hydra.http.schema import (
    COUNT,
    JOB_ID,
    NAME,
    NUMBER,
    SECONDS,
    TEXT,
    TIME,
    VALUE,
    Schema,
    list_of,
    object_of,
    ref,
)
from hydra.model import End, JobState
from hydra.services.roster import Presence

UNREAD: Schema = {"description": "not read here"}
ANSWER: Schema = {"type": "object", "description": "what the kernel's finish gives"}

LINKS = ("self", "events", "result", "story", "history", "profile", "cancel")
ESTIMATE: Schema = {
    "oneOf": [
        object_of({"name": TEXT, **dict.fromkeys(("value", "low", "high"), NUMBER)}),
        {"type": "null"},
    ],
    "description": "what the sums say so far, with a 95 % interval; null if nothing",
}
ETA: Schema = {
    "oneOf": [object_of(dict.fromkeys(("p10", "p50", "p90"), NUMBER)), {"type": "null"}],
    "description": "seconds it will still take, with a band that holds four times out of five; "
    "null if unknown or not running; not in lists",
}
SUMS: Schema = {
    "type": "object",
    "additionalProperties": {"type": "integer"},
    "description": "named sums so far; whole numbers that may pass 2^53",
}

JOB = object_of(
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
            **object_of({"count": {"type": "integer", "minimum": 1}, "noun": TEXT}),
            "description": "what one unit is made of, such as 262144 points",
        },
        "canvas": {
            "oneOf": [object_of({"columns": COUNT, "rows": COUNT}), {"type": "null"}],
            "description": "size of the picture that it draws, or null",
        },
        "leases": {**COUNT, "description": "workers that hold a part of it now"},
        "links": object_of(dict.fromkeys(LINKS, TEXT)),
    },
    {
        "eta_s": ETA,
        "answer": {**ANSWER, "description": "only of a job that is done, and not in lists"},
    },
)

CHUNK = object_of(
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

PROFILE = object_of(
    {
        "id": JOB_ID,
        "whole": {
            "type": "boolean",
            "description": "whether no chunk has been dropped; else all "
            "but `throughput` tells of the time since the first that is left",
        },
        "began_at": TIME,
        "ended_at": TIME,
        "makespan_s": NUMBER,
        "bound_s": {**NUMBER, "description": "work / sum of the workers' speeds while busy on it"},
        "efficiency": {"type": ["number", "null"], "description": "bound_s / makespan_s"},
        "workers": list_of(
            object_of(
                {
                    "worker": TEXT,
                    "chunks": COUNT,
                    "units": COUNT,
                    "busy_s": SECONDS,
                    "units_s": {**NUMBER, "description": "while busy"},
                }
            )
        ),
        "throughput": list_of(object_of({"from": TIME, "to": TIME, "units_s": NUMBER})),
        "chunks": list_of(ref("Chunk")),
    }
)

PARAM = object_of(
    {
        "type": {"enum": ["int", "float", "str"]},
        "default": VALUE,
        "low": {"type": ["number", "null"], "description": "least value, inclusive"},
        "high": {"type": ["number", "null"], "description": "greatest value, inclusive"},
        "doc": TEXT,
    },
    {"choices": list_of(TEXT)},
)

PROBLEM = object_of(
    {
        "type": {"type": "string", "format": "uri"},
        "title": TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": TEXT,
        "instance": TEXT,
        "code": {"type": "string", "description": "one word for machines, such as no-such-job"},
    },
    {
        "errors": list_of(
            object_of(
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
    "NewJob": object_of(
        {"kernel": TEXT},
        {
            "params": {"type": "object", "additionalProperties": VALUE},
            "priority": {"type": "number", "minimum": 0.01, "maximum": 100, "default": 1.0},
        },
    ),
    "JobPage": object_of(
        {"jobs": list_of(ref("Job"))},
        {"cursor": {"type": "string", "description": "of the next page; opaque"}, "next": TEXT},
    ),
    "Reason": object_of({}, {"reason": {"type": "string", "maxLength": 200}}),
    "Sample": object_of({"at": TIME, "done_units": COUNT, "sums": SUMS, "estimate": ESTIMATE}),
    "History": object_of({"id": JOB_ID, "samples": list_of(ref("Sample"))}),
    "Result": object_of({"id": JOB_ID, "answer": ANSWER}),
    "Entry": object_of({"id": TEXT, "at": TIME, "verb": TEXT, "text": TEXT}),
    "Story": object_of({"id": JOB_ID, "story": list_of(ref("Entry"))}),
    "Kernel": object_of(
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
    "Chunks": object_of({"id": JOB_ID, "chunks": list_of(ref("Chunk"))}),
    "Chunk": CHUNK,
    "Profile": PROFILE,
    "Kernels": object_of({"kernels": list_of(ref("Kernel"))}),
    "Worker": object_of(
        {
            "id": TEXT,
            "host": TEXT,
            "pid": COUNT,
            "seen_at": TIME,
            "state": {"enum": list(Presence), "description": "idle: it waits for work"},
            "job": {"type": "string", "description": "the job it holds a part of, or empty"},
            "doing": {"type": "string", "description": "its last claim, and why it was sized so"},
            "paused": {
                "oneOf": [
                    object_of({"why": TEXT, "until": {"oneOf": [TIME, {"type": "null"}]}}),
                    {"type": "null"},
                ],
                "description": "why it takes no work now; null if it does",
            },
            "rates": {
                "type": "object",
                "additionalProperties": NUMBER,
                "description": "cost units a second, by kernel version",
            },
        }
    ),
    "Workers": object_of(
        {
            "workers": list_of(ref("Worker")),
            "live_workers": {**COUNT, "description": "those at work, as chunks are sized for"},
            "fresh_workers": {
                **COUNT,
                "description": "those that wait for a first task, and so are not in the list",
            },
        }
    ),
    "Health": object_of(
        {
            "ready": {"type": "boolean"},
            "checks": list_of(object_of({"name": TEXT, "ok": {"type": "boolean"}, "detail": TEXT})),
        }
    ),
    "Problem": PROBLEM,
    "AncestorNewJob": {
        "oneOf": [
            object_of(
                {
                    "job_id": NAME,
                    "task_type": {"const": "calculate_pi"},
                    "points": {"type": "integer", "minimum": 1, "maximum": 10**18},
                },
                {"resolution": UNREAD},
            ),
            object_of(
                {"job_id": NAME, "task_type": {"const": "calculate_mandelbrot"}},
                {
                    "resolution": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 8192,
                        "description": "0 stands for 256",
                    },
                    "points": UNREAD,
                },
            ),
        ]
    },
    "AncestorJob": object_of({"job_id": NAME, "status": TEXT}),
    "AncestorStatus": object_of(
        {
            "status": {"enum": ["in-progress", "finished", "error"]},
            "result": TEXT,
            "partial_result": TEXT,
            "percent_complete": {"type": "number", "minimum": 0, "maximum": 100},
        }
    ),
    "AncestorHistory": object_of(
        {
            "samples": list_of(object_of({"percent": NUMBER, "approx_pi": NUMBER})),
            "pixels": list_of(object_of({"index": COUNT, "color": TEXT})),
        }
    ),
}
