"""`hydra bench fleet`: measures, on this machine, how close an unequal fleet comes to its bound."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hydra.errors import BadParam

ENDED_BADLY = 1


@click.group()
def bench() -> None:
    """Measure how well Hydra does on this machine."""


@bench.command()
@click.option(
    "--quotas",
    default="0.3,0.5,1,1,1.5,3",
    show_default=True,
    help="Relative speeds of the workers.",
)
@click.option(
    "--cores",
    type=float,
    default=1.6,
    show_default=True,
    help="What the quotas are scaled to; the rest is for the services.",
)
@click.option(
    "--kernel",
    default="pi",
    show_default=True,
    help="pi, or mandelbrot for a spiral of the seahorse valley.",
)
@click.option(
    "--ideal-seconds",
    type=click.FloatRange(1, 3600),
    default=60.0,
    show_default=True,
    help="How long the job takes a fleet without loss, about.",
)
@click.option(
    "--solo-seconds",
    type=click.FloatRange(1, 600),
    default=5.0,
    show_default=True,
    help="How long the speed of each worker alone is measured.",
)
@click.option(
    "--policies",
    default="ours",
    show_default=True,
    help="Sizing rules that take turns: ours, static, gss, fac2, awfc, seed.",
)
@click.option("--rounds", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option(
    "--faults", is_flag=True, help="Midway two workers are killed and one is stopped for 20 s."
)
@click.option("--sweep", metavar="WxJ", help="1 to W equal workers, each with 1 to J jobs at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write races, speeds, workers and chunks into this folder.",
)
def fleet(
    quotas: str,
    cores: float,
    kernel: str,
    ideal_seconds: float,
    solo_seconds: float,
    policies: str,
    rounds: int,
    faults: bool,
    sweep: str | None,
    as_json: bool,
    folder: Path | None,
) -> None:
    """Real workers made unequal by CPU quotas; efficiency is their speeds' bound / makespan.

    Needs Linux and the right to make cgroups. Exit code 1 if an answer was wrong.
    """
    from hydra.bench import results
    from hydra.bench.contest import Plan, run
    from hydra.bench.work import KERNELS

    _one_of(kernel, KERNELS, "kernel")
    plan = Plan(
        _numbers(quotas),
        cores,
        kernel,
        ideal_seconds,
        solo_seconds,
        _rules(policies),
        rounds,
        faults,
        _sweep(sweep) if sweep else None,
    )
    with _end_on_sigterm():
        result = run(plan, lambda line: click.echo(f"hydra: {line}", err=True))
    if folder:
        for path in results.write_csv(result, folder):
            click.echo(f"hydra: wrote {path}", err=True)
    if as_json:
        click.echo(json.dumps(results.as_json(result), indent=1))
    else:
        for line in results.lines(result):
            click.echo(line)
    if not all(race.right for race in result.races):
        click.get_current_context().exit(ENDED_BADLY)


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise BadParam(
            f"quotas must be numbers such as 0.5,1,3, not {text!r}", field="quotas"
        ) from None


def _rules(text: str) -> list[str]:
    from hydra.model.sizing import Sizing

    found = text.split(",")
    for name in found:
        _one_of(name, tuple(Sizing), "policies")
    return found


def _one_of(word: str, known: tuple[str, ...], field: str) -> None:
    if word not in known:
        raise BadParam(f"{field} must be of {', '.join(known)}, not {word!r}", field=field)


def _sweep(text: str) -> tuple[int, int]:
    workers, _, jobs = text.partition("x")
    if not (workers.isdecimal() and jobs.isdecimal() and int(workers) and int(jobs)):
        raise BadParam(f"sweep must be such as 4x4, not {text!r}", field="sweep")
    return int(workers), int(jobs)


@contextmanager
def _end_on_sigterm() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, with nothing left running."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
