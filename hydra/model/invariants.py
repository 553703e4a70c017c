"""What must hold of the accounts at every moment: one place, asked by tests, simulators and doctor.

The units of a running job are tiled by what is free, what is leased (from the lease's start, which
only rises) and what was accepted. Accepted units leave no record but their number and their sums,
so their tiling shows as an equation of lengths. `violations` judges one job at one moment,
`regressions` the same job at two, `clashes` several jobs at one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hydra.model import FINAL, TRANSITIONS, Job, JobState, Lease, LeaseId, Range, Span
from hydra.model.messages import JobDump

LEASES_MAX = 2
"""Leases that a session may hold over all jobs."""

INDEX = {JobState.RUNNING: "runnable", JobState.REDUCING: "reducing"}
"""Where the store finds a job that goes on; one that has ended is among the `ended`."""


def violations(dump: JobDump) -> list[str]:
    """Every invariant of one job that does not hold, as a sentence; empty if all do."""
    return [*_amounts(dump), *_tiling(dump), *_leases(dump), *_free(dump.free), *_partials(dump)]


def regressions(before: JobDump, after: JobDump) -> list[str]:
    """What went backwards between two looks at one job: nothing may."""
    return [
        *_steps_back(before.job, after.job),
        *_leases_back(before, after),
        *_losses_back(before, after),
    ]


def clashes(dumps: Sequence[JobDump]) -> list[str]:
    """Sessions that hold more than two leases at the moment of all these dumps."""
    held: dict[str, set[LeaseId]] = {}
    for dump in dumps:
        for lease in dump.leases:
            held.setdefault(lease.session, set()).add(LeaseId(dump.job.id, lease.token))
    return [
        f"session {session} holds {len(leases)} leases, "
        f"of {', '.join(sorted({lease.job for lease in leases}))}"
        for session, leases in held.items()
        if len(leases) > LEASES_MAX
    ]


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
    index = INDEX.get(job.state, "ended")
    if dump.indexes != {index}:
        yield f"a {job.state} job is among the {', '.join(sorted(dump.indexes)) or 'lost'}"


def _tiling(dump: JobDump) -> Iterator[str]:
    spans = sorted([r.span for r in dump.free] + [lease.span for lease in dump.leases])
    for span in spans:
        if not 0 <= span.start < span.stop <= dump.job.spec.total_units:
            yield f"span {_show(span)} is empty or outside the job"
    for left, right in pairwise(spans):
        if left.stop > right.start:
            yield f"spans {_show(left)} and {_show(right)} overlap"


def _leases(dump: JobDump) -> Iterator[str]:
    yield from clashes([dump])
    if dump.job.state is not JobState.RUNNING:
        return
    if {lease.token: lease.deadline_ms for lease in dump.leases} != dump.deadlines:
        yield "leases and deadlines differ"
    if frozenset(lease.token for lease in dump.leases) != dump.ends:
        yield "leases and estimated ends name different tokens"
    for lease in dump.leases:
        if lease.deadline_ms <= lease.at_ms:
            yield f"the lease of {_show(lease.span)} was late when it was renewed"


def _free(free: Sequence[Range]) -> Iterator[str]:
    ordered = sorted(free, key=lambda r: r.span)
    for left, right in pairwise(ordered):
        same = (left.losses, left.loser, left.losers_many) == (
            right.losses,
            right.loser,
            right.losers_many,
        )
        if left.span.stop == right.span.start and same:
            yield f"free ranges {_show(left.span)} and {_show(right.span)} should be one"
    for r in ordered:
        if (r.losses == 0) != (r.loser == ""):
            yield f"range {_show(r.span)} has {r.losses} losses and the loser {r.loser!r}"
        if r.losers_many and r.losses < 2:
            yield f"range {_show(r.span)} was lost once, by several workers"


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


def _steps_back(before: Job, after: Job) -> Iterator[str]:
    if (before.id, before.spec, before.created_ms) != (after.id, after.spec, after.created_ms):
        yield f"job {before.id} is another one now"
    if after.done_units < before.done_units:
        yield f"done units fell from {before.done_units} to {after.done_units}"
    if after.state not in _reachable(before.state):
        yield f"a {before.state} job is {after.state} again"
    if before.state in FINAL and before != after:
        yield f"a {before.state} job has changed"
    if before.done_units == after.done_units and before.sums != after.sums:
        yield "sums changed, and no unit came in"
    for name, (low, _) in before.spec.sum_bounds.items():
        was, now = before.sums.get(name, 0), after.sums.get(name, 0)
        if now - was < low * (after.done_units - before.done_units):
            yield f"sum {name} went from {was} to {now}"


def _leases_back(before: JobDump, after: JobDump) -> Iterator[str]:
    now: dict[str, Lease] = {lease.token: lease for lease in after.leases}
    for was in before.leases:
        lease = now.get(was.token)
        if lease is None:
            continue
        if lease.session != was.session:
            yield f"the lease of {_show(was.span)} has another holder"
        if lease.span.start < was.span.start or lease.span.stop > was.span.stop:
            yield f"a lease grew from {_show(was.span)} to {_show(lease.span)}"
        if lease.losses < was.losses and lease.span.start == was.span.start:
            yield f"losses of {_show(was.span)} fell without progress"


def _losses_back(before: JobDump, after: JobDump) -> Iterator[str]:
    """Every way of handing work out again must count: losses fall only if units come in."""
    if after.job.state is not JobState.RUNNING or after.job.done_units != before.job.done_units:
        return
    now = sorted(_lacking(after))
    for span, losses in _lacking(before):
        at = max(bisect_right(now, span.start, key=lambda item: item[0].start) - 1, 0)
        while at < len(now) and now[at][0].start < span.stop:
            found, left = now[at]
            if found.stop > span.start and left < losses:
                yield f"losses of {_show(found)} fell from {losses} without progress"
            at += 1


def _lacking(dump: JobDump) -> list[tuple[Span, int]]:
    """What has not come in, with its losses."""
    return [
        *((r.span, r.losses) for r in dump.free),
        *((lease.span, lease.losses) for lease in dump.leases),
    ]


def _reachable(state: JobState) -> frozenset[JobState]:
    found = {state}
    for _ in JobState:
        found |= {after for (before, _), after in TRANSITIONS.items() if before in found}
    return frozenset(found)


def _show(span: Span) -> str:
    return f"{span.start}..{span.stop}"
