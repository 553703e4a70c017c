"""Commands about jobs: `pi`, `submit`, `jobs`, `watch`, `cancel`, `workers`, `profile`.

They speak HTTP.

Nothing heavy is imported here: the client loads when a command runs, a kernel never does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hydra.errors import BadParam, Invalid

if TYPE_CHECKING:
    from hydra.client import Client, Handle

F = TypeVar("F", bound=Callable[..., Any])

EXPONENT_MAX = 100
"""Larger powers are outside every bound, and would only take time to compute."""

ENDED_BADLY = 1

_POWER = re.compile(r"(\d+)\s*(?:\*\*|\^)\s*(\d+)")
_SCIENTIFIC = re.compile(r"(\d+)(?:\.(\d*))?[eE]\+?(\d+)")


def whole_number(text: str, field: str) -> int:
    """1000, 1_000, 10**3, 10^3, 1e3 or 1.5e3 as the same kind of number, exactly.

    Raises BadParam.
    """
    plain = text.strip().replace("_", "")
    if match := _POWER.fullmatch(plain):
        base, exponent = int(match[1]), int(match[2][:4])
        if base <= 10**18 and exponent <= EXPONENT_MAX:
            return int(base**exponent)
    elif match := _SCIENTIFIC.fullmatch(plain):
        whole, part, exponent = match[1], (match[2] or "").rstrip("0"), int(match[3][:4])
        if len(part) <= exponent <= EXPONENT_MAX:
            return int(whole + part + "0" * (exponent - len(part)))
    elif plain.isascii() and plain.isdigit() and len(plain) <= EXPONENT_MAX:
        return int(plain)
    raise BadParam(
        f"{field} must be a whole number such as 1e12 or 10**12, not {text!r}", field=field
    )


def scheduler_options(command: F) -> F:
    """The options that every command here has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--url", help="Address of the scheduler; HYDRA_URL if not given."),
        click.option("--token", help="Its bearer token; HYDRA_TOKEN if not given."),
    ):
        command = option(command)
    return command


priority_option = click.option(
    "--priority",
    type=float,
    default=1.0,
    show_default=True,
    help="Share of the fleet beside other jobs, 0.01 to 100: 2 gets twice that of 1.",
)


def _client(url: str | None, token: str | None) -> Client:
    from hydra.client import Client

    return Client(url, token)


@click.command()
@click.argument("samples", required=False)
@click.option("--seed", help="Another seed is another experiment.")
@priority_option
@click.option("--no-wait", is_flag=True, help="Only submit; print the job.")
@scheduler_options
def pi(
    samples: str | None,
    seed: str | None,
    priority: float,
    no_wait: bool,
    as_json: bool,
    url: str | None,
    token: str | None,
) -> None:
    """Estimate pi from SAMPLES random points, such as 1e12."""
    params: dict[str, Any] = {}
    for name, text in (("samples", samples), ("seed", seed)):
        if text is not None:
            params[name] = whole_number(text, name)
    handle = _client(url, token).submit("pi", priority, **params)
    _follow(handle, as_json, no_wait=no_wait)


@click.command()
@click.argument("kernel")
@click.argument("params", nargs=-1, metavar="[NAME=VALUE]...")
@priority_option
@click.option("--no-wait", is_flag=True, help="Only submit; print the job.")
@scheduler_options
def submit(
    kernel: str,
    params: tuple[str, ...],
    priority: float,
    no_wait: bool,
    as_json: bool,
    url: str | None,
    token: str | None,
) -> None:
    """Open a job of any KERNEL and wait for its answer."""
    given: dict[str, Any] = {}
    for word in params:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise BadParam(f"a parameter is NAME=VALUE, not {word!r}")
        if name in given:
            raise BadParam(f"{name} is given twice", field=name)
        given[name] = _value(value)
    handle = _client(url, token).open(kernel, given, priority)
    _follow(handle, as_json, no_wait=no_wait)


def _value(text: str) -> int | str:
    try:
        return whole_number(text, "value")
    except BadParam:
        return text  # the scheduler knows the parameter's type, and reads numbers from text


@click.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, help="How many at most.")
@scheduler_options
def jobs(limit: int, as_json: bool, url: str | None, token: str | None) -> None:
    """The latest jobs, newest first."""
    found = [handle.shape for handle in _client(url, token).jobs(limit)]
    if as_json:
        click.echo(json.dumps(found))
        return
    for job in found:
        params = " ".join(f"{name}={value}" for name, value in job["params"].items())
        at = job["created_at"].replace("T", " ")[:19]
        priority = f"  priority {job['priority']:g}" if job["priority"] != 1 else ""
        click.echo(
            f"{job['id']}  {job['state']:<9}  {int(job['progress'] * 1000) / 10:5.1f} %  "
            f"{at} UTC  {job['kernel']} {params}{priority}"
        )


@click.command()
@click.argument("job")
@scheduler_options
def watch(job: str, as_json: bool, url: str | None, token: str | None) -> None:
    """Follow JOB to its end; with --json, one line for each look."""
    _follow(_client(url, token).job(job), as_json, every_look=True)


@click.command()
@click.argument("job")
@click.option("--reason", default="", help="Shown to everyone who looks at the job.")
@scheduler_options
def cancel(job: str, reason: str, as_json: bool, url: str | None, token: str | None) -> None:
    """End JOB; one that has ended stays as it is."""
    handle = _client(url, token).cancel(job, reason)
    click.echo(json.dumps(handle.shape) if as_json else f"job {handle.id} is {handle.state}")


@click.command()
@scheduler_options
def workers(as_json: bool, url: str | None, token: str | None) -> None:
    """The workers seen lately."""
    fleet = _client(url, token).fleet()
    if as_json:
        click.echo(json.dumps(fleet["workers"]))
        return
    for worker in fleet["workers"]:
        doing = _pause_in_words(worker["paused"]) if worker["paused"] else worker["doing"]
        last = "" if worker["paused"] or worker["job"] or not doing else "last: "
        state, host = worker["state"], worker["host"]
        click.echo(f"{worker['id']:<32}  {state:<7}  {host:<24}  {last}{doing}")
    if fresh := fleet["fresh_workers"]:
        click.echo(f"waiting for a first task: {fresh}")


def _pause_in_words(pause: dict[str, Any]) -> str:
    """Such as `until 19:40: hydra pause`, in local time."""
    if not pause["until"]:
        return str(pause["why"])
    return f"until {datetime.fromisoformat(pause['until']).astimezone():%H:%M}: {pause['why']}"


def _follow(
    handle: Handle, as_json: bool, *, no_wait: bool = False, every_look: bool = False
) -> None:
    """Wait for the end with a bar, print the answer; exit code 1 if there is none."""
    from hydra.cli.bar import Bar

    if no_wait:
        click.echo(json.dumps(handle.shape) if as_json else handle.id)
        return
    lines = as_json and every_look
    bar = Bar(handle.shape)
    try:
        for shape in handle.watch(every_s=bar.every_s(lines)):
            bar.show(shape)
            if lines:
                click.echo(json.dumps(shape))
    except KeyboardInterrupt:
        bar.clear()
        click.echo(
            f"hydra: the job goes on; follow it with: hydra watch {handle.id}\n"
            f"       or end it with: hydra cancel {handle.id}",
            err=True,
        )
        raise
    bar.clear()
    if handle.state == "done" and "answer" not in handle.shape:
        handle.refresh()
    if as_json and not lines:
        click.echo(json.dumps(handle.shape))
    if handle.state != "done":
        reason = handle.shape["reason"] or "no reason given"
        click.echo(f"hydra: job {handle.id} {handle.state}: {reason}", err=True)
        click.get_current_context().exit(ENDED_BADLY)
    if not as_json:
        for name, value in handle.shape["answer"].items():
            click.echo(f"{name:<16} {value}")


@click.command()
@click.argument("job")
@click.option(
    "--output",
    "-o",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the files; profile-JOB, with the id's first digits, if not given.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["png", "pdf", "svg", "csv"]),
    default="png",
    show_default=True,
    help="Of the plot; csv draws none.",
)
@scheduler_options
def profile(
    job: str, folder: Path | None, kind: str, as_json: bool, url: str | None, token: str | None
) -> None:
    """Write who worked when on JOB, how fast it went and how near the bound: tables and a plot."""
    from hydra.cli.profile import files_of, summary

    handle = _client(url, token).job(job)
    found = handle.profile()
    folder = folder or Path(f"profile-{handle.id[:8]}")
    files = files_of(handle.shape, found, kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise Invalid(f"{folder} cannot be written: {error.strerror}", field="output") from None
    written = [str(folder / name) for name in files]
    if as_json:
        shown = {name: value for name, value in found.items() if name != "chunks"}
        click.echo(json.dumps(shown | {"files": written}))
        return
    click.echo(summary(handle.shape, found))
    for path in written:
        click.echo(path)


COMMANDS: dict[str, click.Command] = {
    "pi": pi,
    "submit": submit,
    "jobs": jobs,
    "watch": watch,
    "cancel": cancel,
    "workers": workers,
    "profile": profile,
}
