"""What a run shows: figures of one seed, and of all together, as text and as JSON."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.e2e.chaos.scene import Scene
from tests.e2e.chaos.schedule import Strike

COMPLAINTS_MAX = 20


@dataclass(frozen=True)
class Outcome:
    """One seed."""

    seed: int
    seconds: float
    server: str
    faults: dict[str, int]
    jobs: dict[str, int]
    """By their last state."""
    chunks: int
    recoveries: int
    """Leases that were ended because their holder was silent, or gave up."""
    splits: int
    checks: int
    """Dumps of a job in which every invariant was looked for."""
    recovery_s: dict[str, list[float]]
    """From the fault to the lost span being claimed by another, by kind: nothing else was wrong."""
    recovery_amid_s: dict[str, list[float]]
    """The same where the recovery had to wait for another fault."""
    back_s: list[float]
    """After each return of the server, until units were counted again."""
    units_computed: int
    """Of the kernel drip."""
    units_wasted: int
    """Of these, computed but not counted."""
    ends: dict[str, int]
    """Processes that ended without being killed, by seat."""
    skipped: list[str]
    violations: list[str]
    folder: str
    """What is left of it, if there were violations."""


def outcome(scene: Scene, seed: int, struck: Sequence[Strike], seconds: float) -> Outcome:
    """Everything that is known at the end of a seed."""
    computed, counted = _units(scene)
    timed = [loss for loss in scene.watch.losses if loss.took_s and not loss.void]
    return Outcome(
        seed=seed,
        seconds=round(seconds, 1),
        server=f"{scene.server.name}, fsync {scene.server.fsync}",
        faults=dict(Counter(strike.fault.name for strike in struck)),
        jobs=dict(Counter(job.state for job in scene.load.jobs)),
        chunks=scene.watch.counts["claim"],
        recoveries=scene.watch.counts["expire"],
        splits=scene.watch.counts["split"],
        checks=scene.watch.checks,
        recovery_s=_by_kind([(loss.kind, loss.took_s) for loss in timed if loss.alone]),
        recovery_amid_s=_by_kind([(loss.kind, loss.took_s) for loss in timed if not loss.alone]),
        back_s=[round(each, 2) for each in scene.watch.back_s],
        units_computed=computed,
        units_wasted=computed - counted,
        ends={seat.name: seat.ends for seat in scene.crew.seats.values() if seat.ends},
        skipped=scene.skipped,
        violations=scene.found()[:COMPLAINTS_MAX],
        folder=str(scene.crew.folder) if scene.found() else "",
    )


def _units(scene: Scene) -> tuple[int, int]:
    """Units of drip that were computed for jobs that are done, and units that these jobs have."""
    sizes = {
        str(job.task.params["seed"]): int(job.task.params["units"])
        for job in scene.load.jobs
        if job.task.kernel == "drip" and job.state == "done"
    }
    if not scene.crew.trace.exists():
        return 0, 0
    lines = (line.split() for line in scene.crew.trace.read_text().splitlines())
    return sum(int(units) for seed, units in lines if seed in sizes), sum(sizes.values())


def _by_kind(pairs: Sequence[tuple[str, float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for kind, seconds in pairs:
        found.setdefault(kind, []).append(round(seconds, 2))
    return found


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All seeds together."""
    faults: Counter[str] = Counter()
    jobs: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for each in outcomes:
        faults.update(each.faults)
        jobs.update(each.jobs)
        ends.update(each.ends)
    computed = sum(each.units_computed for each in outcomes)
    wasted = sum(each.units_wasted for each in outcomes)
    return {
        "seeds": len(outcomes),
        "minutes": round(sum(each.seconds for each in outcomes) / 60, 1),
        "faults": sum(faults.values()),
        "faults_by_kind": dict(sorted(faults.items())),
        "jobs": dict(jobs),
        "chunks": sum(each.chunks for each in outcomes),
        "recoveries": sum(each.recoveries for each in outcomes),
        "splits": sum(each.splits for each in outcomes),
        "checks": sum(each.checks for each in outcomes),
        "recovery_s": _spreads(outcomes, "recovery_s"),
        "recovery_amid_other_faults_s": _spreads(outcomes, "recovery_amid_s"),
        "server_back_to_progress_s": _spread([s for each in outcomes for s in each.back_s]),
        "wasted_share": round(wasted / computed, 4) if computed else 0.0,
        "violations": sum(len(each.violations) for each in outcomes),
        "ended_by_themselves": dict(ends),
        "skipped": sorted({text for each in outcomes for text in each.skipped}),
        "by_seed": [asdict(each) for each in outcomes],
    }


def _spreads(outcomes: Sequence[Outcome], name: str) -> dict[str, dict[str, float]]:
    found: dict[str, list[float]] = {}
    for each in outcomes:
        for kind, seconds in getattr(each, name).items():
            found.setdefault(kind, []).extend(seconds)
    return {kind: _spread(seconds) for kind, seconds in sorted(found.items())}


def _spread(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {"many": 0}
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    return {
        "many": len(ordered),
        "median": round(statistics.median(ordered), 2),
        "p99": p99,
        "max": ordered[-1],
    }


def lines(found: dict[str, Any]) -> list[str]:
    """The summary for people."""
    text = [
        f"{name.replace('_', ' '):<32}{value}"
        for name, value in found.items()
        if not isinstance(value, dict | list)
    ]
    for name in (
        "faults_by_kind",
        "jobs",
        "recovery_s",
        "recovery_amid_other_faults_s",
        "server_back_to_progress_s",
        "ended_by_themselves",
    ):
        text.append(f"{name.replace('_', ' ')}:")
        text += [f"    {key:<28}{value}" for key, value in found[name].items()]
    return [*text, *(f"skipped: {each}" for each in found["skipped"])]
