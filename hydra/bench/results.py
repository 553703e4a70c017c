"""What a bench found, as a table for people, as JSON and as CSV files."""

from __future__ import annotations

import csv
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hydra import __version__, kernels
from hydra.bench.contest import Result
from hydra.bench.races import Race

Rows = list[dict[str, Any]]


def facts(result: Result) -> dict[str, Any]:
    """What the figures hold for: this machine, this plan, this job."""
    plan, work = result.plan, result.work
    kernel = kernels.load()[plan.kernel]
    return {
        "hydra": __version__,
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "backend": kernel.backend,
        "kernel": plan.kernel,
        "params": dict(work.params),
        "work_core_s": round(work.whole, 3),
        "shares_cores": [round(share, 4) for share in result.shares],
        "faults": plan.faults,
        "drift": round(result.drift(), 4),
    }


def races(result: Result) -> Rows:
    """A row for each race, in the order they were run."""
    return [
        {
            **_labels(race),
            "bound_s": round(result.bound_s(race), 3),
            "makespan_s": round(race.makespan_s, 3),
            "efficiency": round(result.efficiency(race), 4),
            "right": race.right,
        }
        for race in result.races
    ]


def summary(result: Result) -> Rows:
    """A row for each contender: median and extremes of its efficiency, the worst first."""
    found: Rows = []
    for key in dict.fromkeys(map(_contender, result.races)):
        mine = [race for race in result.races if _contender(race) == key]
        shares = [result.efficiency(race) for race in mine]
        policy, workers, jobs = key
        found.append(
            {
                "policy": policy,
                "workers": workers,
                "jobs": jobs,
                "efficiency": round(statistics.median(shares), 4),
                "least": round(min(shares), 4),
                "most": round(max(shares), 4),
                "makespan_s": round(statistics.median(race.makespan_s for race in mine), 3),
                "busy": round(statistics.fmean(_busy(race) for race in mine), 4),
                "rounds": len(mine),
                "right": all(race.right for race in mine),
            }
        )
    return sorted(found, key=lambda row: (row["right"], row["efficiency"]))


def _busy(race: Race) -> float:
    """Share of the makespan that its workers spent inside the kernel, on average."""
    return statistics.fmean(race.busy_s(worker) for worker in race.workers) / race.makespan_s


def _contender(race: Race) -> tuple[str, int, int]:
    return race.policy, len(race.workers), len(race.jobs)


def speeds(result: Result) -> Rows:
    """A row for each worker and measurement of its speed alone."""
    return [
        {
            "before_round": number,
            "worker": worker,
            "cores": round(share, 4),
            "core_s_per_s": round(speed[worker], 5),
        }
        for number, speed in enumerate(result.speeds, 1)
        for worker, share in zip(speed, result.shares)
    ]


def workers(result: Result) -> Rows:
    """A row for each worker of each race: what it did, in seconds from the submission."""
    found: Rows = []
    for race in result.races:
        for worker in race.workers:
            mine = [chunk for chunk in race.chunks if chunk.worker == worker]
            found.append(
                {
                    **_labels(race),
                    "worker": worker,
                    "chunks": len(mine),
                    "busy_s": round(race.busy_s(worker), 3),
                    "busy_share": round(race.busy_s(worker) / race.makespan_s, 4),
                    "begun_s": _since(race, min((c.lent_ms for c in mine), default=None)),
                    "ended_s": _since(race, max((c.ended_ms for c in mine), default=None)),
                }
            )
    return found


def chunks(result: Result) -> Rows:
    """A row for each lease that ended, in seconds from the submission."""
    return [
        {
            **_labels(race),
            "worker": chunk.worker,
            "start": chunk.span.start,
            "stop": chunk.span.stop,
            "lent_s": _since(race, chunk.lent_ms),
            "ended_s": _since(race, chunk.ended_ms),
            "busy_s": round(chunk.busy_s, 4),
            "end": chunk.end.value,
        }
        for race in result.races
        for chunk in race.chunks
    ]


def _labels(race: Race) -> dict[str, Any]:
    return {
        "round": race.round,
        "policy": race.policy,
        "workers": len(race.workers),
        "jobs": len(race.jobs),
    }


def _since(race: Race, at_ms: int | None) -> float | None:
    return None if at_ms is None else round(at_ms / 1000 - race.created_s, 3)


def as_json(result: Result) -> dict[str, Any]:
    """Everything but the single chunks."""
    return {
        "facts": facts(result),
        "summary": summary(result),
        "races": races(result),
        "speeds": speeds(result),
        "workers": workers(result),
    }


def write_csv(result: Result, folder: Path) -> list[Path]:
    """Write races, speeds, workers and chunks into the folder; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in (races, speeds, workers, chunks):
        rows, path = table(result), folder / f"{table.__name__}.csv"
        with path.open("w", newline="") as out:
            writer = csv.DictWriter(out, list(rows[0]) if rows else [])
            writer.writeheader()
            writer.writerows(rows)
        written.append(path)
    return written


def lines(result: Result) -> Iterable[str]:
    """The summary for people."""
    known = facts(result)
    yield (
        f"{known['kernel']}, {known['work_core_s']:.1f} core-seconds on workers of "
        f"{_list(result.shares)} cores; {known['backend']}, {known['cores']} cores, "
        f"load {known['load_1min']}"
    )
    yield f"speeds alone drifted by at most {100 * known['drift']:.1f} %"
    yield "policy    workers  jobs  efficiency %  least   most  makespan s  busy %  answers"
    for row in summary(result):
        yield (
            f"{row['policy']:<8}  {row['workers']:>7}  {row['jobs']:>4}  "
            f"{100 * row['efficiency']:>12.1f}  {100 * row['least']:>5.1f}  "
            f"{100 * row['most']:>5.1f}  {row['makespan_s']:>10.2f}  "
            f"{100 * row['busy']:>6.1f}  "
            f"{'exact' if row['right'] else 'WRONG'}"
        )


def _list(shares: Sequence[float]) -> str:
    return " ".join(f"{share:.3f}" for share in shares)
