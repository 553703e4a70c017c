"""`hydra simulate`: fleets in virtual time, to compare policies without owning the machines."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hydra import annexes
from hydra.errors import BadParam

KINDS = ("svg", "png", "pdf")


@contextmanager
def _unheard_workers() -> Iterator[None]:
    """What simulated workers log is not of this process."""
    log = logging.getLogger("hydra.worker")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


@click.command()
@click.option(
    "--scenario",
    default="churn",
    show_default=True,
    help="The fleet and what happens to it; 'list' shows them all.",
)
@click.option(
    "--policy",
    default="ours",
    show_default=True,
    help="ours, static, gss, fac2, awfc, seed; or all of them.",
)
@click.option(
    "--ideal-seconds",
    type=click.FloatRange(1, 86_400),
    help="How long the job takes a fleet without loss; the scenario's own if not given.",
)
@click.option(
    "--overhead-seconds",
    type=click.FloatRange(0, 60),
    default=0.1,
    show_default=True,
    help="What it costs a worker to get a chunk.",
)
@click.option("--seeds", type=click.IntRange(1, 100_000), default=1, show_default=True)
@click.option("--check", is_flag=True, help="Check the invariants after every event; slow.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: same seeds, same bytes.")
@click.option(
    "--plot",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the efficiencies into this .svg, .png or .pdf.",
)
def simulate(
    scenario: str,
    policy: str,
    ideal_seconds: float | None,
    overhead_seconds: float,
    seeds: int,
    check: bool,
    as_json: bool,
    file: Path | None,
) -> None:
    """Run jobs on simulated fleets over the real services, policies and store.

    Efficiency is the bound (all machines computing all the time they are there) / the makespan.
    """
    from hydra.sim.contest import Contest, lines
    from hydra.sim.scenarios import SCENARIOS

    others = annexes.named(lambda annex: annex.scenarios)
    scenarios = {**SCENARIOS, **{name: annexes.load(path) for name, path in others.items()}}
    if scenario == "list":
        for name, known in scenarios.items():
            click.echo(f"{name:<18}{known.doc}")
        return
    kind = file.suffix[1:] if file else ""
    if file and kind not in KINDS:
        raise BadParam(
            f"the plot's name must end in one of {', '.join(KINDS)}, not {file.name!r}",
            field="plot",
        )
    if scenario not in scenarios:
        known = ", ".join(scenarios)
        raise BadParam(f"scenario must be one of {known}, not {scenario!r}", field="scenario")
    fleet = scenarios[scenario]
    contest = Contest.of(scenario, fleet, policy, ideal_seconds, overhead_seconds, seeds, check)
    with _unheard_workers():
        rows = contest.run(lambda line: click.echo(f"hydra: {line}", err=True))
    if file:
        from hydra.sim.plot import plot

        file.write_bytes(plot(contest, rows, kind))
    if as_json:
        click.echo(json.dumps(contest.view(rows), indent=1))
    else:
        for line in lines(rows):
            click.echo(line)
