"""The nouns of Hydra, as frozen dataclasses; nothing here does I/O.

The short imports of jobs, leases and workers; messages, limits, costs and the rest have their own.
"""

from hydra.model.checks import Check
from hydra.model.jobs import (
    FINAL,
    TRANSITIONS,
    Job,
    JobSpec,
    JobState,
    Params,
    Partial,
    Pieces,
    Sample,
    Span,
    Sums,
    move,
)
from hydra.model.leases import Chunk, End, Lease, LeaseId, Range, Rest, Verdict
from hydra.model.story import StoryEntry
from hydra.model.workers import Session, Worker

__all__ = [
    "FINAL",
    "TRANSITIONS",
    "Check",
    "Chunk",
    "End",
    "Job",
    "JobSpec",
    "JobState",
    "Lease",
    "LeaseId",
    "Params",
    "Partial",
    "Pieces",
    "Range",
    "Rest",
    "Sample",
    "Session",
    "Span",
    "StoryEntry",
    "Sums",
    "Verdict",
    "Worker",
    "move",
]
