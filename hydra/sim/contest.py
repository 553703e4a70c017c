"""Several policies over the same fleets: many seeds into one row each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import fmean
from typing import Any

from hydra.errors import BadParam
from hydra.model.sizing import Sizing
from hydra.sim.run import Outcome, Run, Task
from hydra.sim.scenarios import Scenario

DIGITS = 6
"""Decimals in the JSON."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one policy made of all seeds."""

    policy: str
    runs: Sequence[Outcome]

    def mean(self, name: str) -> float:
        """Of one field of the outcomes."""
        return fmean(getattr(run, name) for run in self.runs)

    def percentile(self, share: float) -> float:
        """Of the efficiencies, between neighbours by proportion."""
        order = sorted(run.efficiency for run in self.runs)
        place = share * (len(order) - 1)
        low = int(place)
        high = min(low + 1, len(order) - 1)
        return order[low] + (place - low) * (order[high] - order[low])

    def view(self) -> dict[str, Any]:
        """For JSON."""
        names = [spec.name for spec in fields(Outcome) if spec.name not in ("first_s", "ended_s")]
        return {
            "policy": self.policy,
            "efficiency_p5": round(self.percentile(0.05), DIGITS),
            **{f"{name}_mean": round(self.mean(name), DIGITS) for name in names},
            "runs": [_rounded(asdict(run)) for run in self.runs],
        }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    if isinstance(value, tuple):
        return [_rounded(inner) for inner in value]
    return round(value, DIGITS) if isinstance(value, float) else value


@dataclass(frozen=True, slots=True)
class Contest:
    """What to compare: policies on the fleets of one scenario."""

    scenario: str
    """Its name."""
    fleet: Scenario
    policies: Sequence[str]
    ideal_s: float
    overhead_s: float
    seeds: int
    check: bool = False

    @classmethod
    def of(
        cls,
        scenario: str,
        fleet: Scenario,
        policy: str,
        ideal_s: float | None,
        overhead_s: float,
        seeds: int,
        check: bool,
    ) -> Contest:
        """From what a person says; `policy` is a name or "all". Raises BadParam."""
        if policy not in ("all", *Sizing):
            known = ", ".join(("all", *Sizing))
            raise BadParam(f"policy must be one of {known}, not {policy!r}", field="policy")
        return cls(
            scenario=scenario,
            fleet=fleet,
            policies=tuple(Sizing) if policy == "all" else (policy,),
            ideal_s=ideal_s or fleet.ideal_s,
            overhead_s=overhead_s,
            seeds=seeds,
            check=check,
        )

    def run(self, tell: Callable[[str], None]) -> list[Row]:
        """All of them, seed by seed; `tell` hears how far it is."""
        rows = []
        for policy in self.policies:
            runs = []
            for seed in range(self.seeds):
                tell(f"{self.scenario}, {policy}, seed {seed}")
                runs.append(
                    Run(
                        Task(
                            self.fleet,
                            policy,
                            self.ideal_s,
                            self.overhead_s,
                            seed,
                            self.check,
                        )
                    ).go()
                )
            rows.append(Row(policy, runs))
        return rows

    def view(self, rows: Sequence[Row]) -> dict[str, Any]:
        """For JSON: the same bytes for the same contest."""
        return {
            "scenario": self.scenario,
            "ideal_s": self.ideal_s,
            "overhead_s": self.overhead_s,
            "seeds": self.seeds,
            "policies": [row.view() for row in rows],
        }


def lines(rows: Sequence[Row]) -> list[str]:
    """The table, for people."""
    jobs = range(len(rows[0].runs[0].ended_s))
    head = (
        "policy   efficiency    5 %    min  makespan   bound  wasted  chunks  splits  losses"
        "  calls/s   peak"
    )
    table = [head, *map(_line, rows)]
    if len(jobs) > 1:
        table.append("policy   job  first chunk: mean    worst    ended: mean    worst")
        table += [_job_line(row, job) for row in rows for job in jobs]
    return table


def _job_line(row: Row, job: int) -> str:
    first = [run.first_s[job] for run in row.runs]
    ended = [run.ended_s[job] for run in row.runs]
    return (
        f"{row.policy:<8}{job:>4}{fmean(first):>17.2f} s{max(first):>7.2f} s"
        f"{fmean(ended):>13.2f} s{max(ended):>7.2f} s"
    )


def _line(row: Row) -> str:
    mean, low = row.mean, row.percentile
    return (
        f"{row.policy:<8}{mean('efficiency'):>11.1%}{low(0.05):>7.1%}{low(0.0):>7.1%}"
        f"{mean('makespan_s'):>8.1f} s{mean('bound_s'):>6.1f} s{mean('wasted'):>8.2%}"
        f"{mean('chunks'):>8.0f}{mean('splits'):>8.1f}{mean('losses'):>8.1f}"
        f"{mean('calls_per_s'):>9.1f}{mean('calls_per_s_peak'):>7.0f}"
    )
