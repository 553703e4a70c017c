"""What must hold of a job at every moment: one function, asked by tests, simulator and doctor.

The units of a running job are tiled by what is free, what is leased (from the lease's start, which
only rises) and what was accepted. Accepted units leave no record but their number and their sums,
so their tiling shows as an equation of lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from hydra.messages import JobDump
from hydra.model import FINAL, JobState, Range, Span


def violations(dump: JobDump) -> list[str]:
    """Every invariant that does not hold, as a sentence; empty if all do."""
    return [*_amounts(dump), *_tiling(dump), *_leases(dump), *_free(dump.free), *_partials(dump)]


def _amounts(dump: JobDump) -> Iterator[str]:
    job, total = dump.job, dump.job.spec.total_units
    free = sum(r.span.units for r in dump.free)
    leased = sum(lease.span.units for lease in dump.leases)
    if job.state is JobState.RUNNING:
        if free + leased + job.done_units != total:
            yield f"free {free} + leased {leased} + done {job.done_units} is not {total}"
        if job.unassigned_units != free:
            yield f"unassigned says {job.unassigned_units}, free ranges hold {free}"
        if job.done_units == total:
            yield "every unit is done, but the job is not reducing"
    elif free or leased or job.unassigned_units:
        yield f"a {job.state} job still has {free} free and {leased} leased units"
    if job.state in (JobState.REDUCING, JobState.DONE) and job.done_units != total:
        yield f"a {job.state} job has {job.done_units} of {total} units"
    if (job.state in FINAL) != (job.ended_ms is not None):
        yield f"a {job.state} job ended at {job.ended_ms}"


def _tiling(dump: JobDump) -> Iterator[str]:
    spans = sorted([r.span for r in dump.free] + [lease.span for lease in dump.leases])
    for span in spans:
        if not 0 <= span.start < span.stop <= dump.job.spec.total_units:
            yield f"span {_show(span)} is empty or outside the job"
    for left, right in pairwise(spans):
        if left.stop > right.start:
            yield f"spans {_show(left)} and {_show(right)} overlap"


def _leases(dump: JobDump) -> Iterator[str]:
    sessions = [lease.session for lease in dump.leases]
    if len(set(sessions)) != len(sessions):
        yield "a session holds two leases"
    tokens = frozenset(lease.token for lease in dump.leases)
    if dump.job.state is JobState.RUNNING and tokens != dump.deadline_tokens:
        yield "leases and deadlines name different tokens"


def _free(free: Sequence[Range]) -> Iterator[str]:
    ordered = sorted(free, key=lambda r: r.span)
    for left, right in pairwise(ordered):
        same = (left.losses, left.loser, left.losers_many) == (
            right.losses, right.loser, right.losers_many,
        )
        if left.span.stop == right.span.start and same:
            yield f"free ranges {_show(left.span)} and {_show(right.span)} should be one"
    for r in ordered:
        if (r.losses == 0) != (r.loser == ""):
            yield f"range {_show(r.span)} has {r.losses} losses and the loser {r.loser!r}"


def _partials(dump: JobDump) -> Iterator[str]:
    spec, done = dump.job.spec, dump.job.done_units
    for name, value in dump.job.sums.items():
        low, high = spec.sum_bounds.get(name, (0, 0))
        if not low * done <= value <= high * done:
            yield f"sum {name} is {value}, impossible for {done} units"
    if spec.sum_bounds or dump.job.state in FINAL:
        if dump.pieces:
            yield f"{len(dump.pieces)} pieces are kept for nothing"
        return
    if len(dump.pieces) != done:
        yield f"{done} units are done, but {len(dump.pieces)} pieces are here"
    for span in [r.span for r in dump.free] + [lease.span for lease in dump.leases]:
        if any(unit in dump.pieces for unit in range(*span)):
            yield f"a piece inside {_show(span)} was counted already"


def _show(span: Span) -> str:
    return f"{span.start}..{span.stop}"
