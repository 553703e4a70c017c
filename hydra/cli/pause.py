"""`hydra pause` and `hydra resume`: this machine is its owner's. They need no network."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime

import click

from hydra.errors import BadParam

UNITS_S = (86_400, 3600, 60, 1)

PAUSE_S_MAX = 366 * 86_400

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds(text: str) -> int:
    """2h, 90m, 1h30m or 45s in seconds. Raises BadParam."""
    match = _DURATION.fullmatch(text.strip().lower())
    words = match.groups() if match else ()
    found = sum(int(word or 0) * unit_s for word, unit_s in zip(words, UNITS_S))
    if not 0 < found <= PAUSE_S_MAX:
        raise BadParam(
            f"the duration must be like 2h, 90m or 1h30m, and at most {PAUSE_S_MAX // 86_400} "
            f"days, not {text!r}",
            field="duration",
        )
    return found


@click.command()
@click.argument("duration", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def pause(duration: str | None, as_json: bool) -> None:
    """Have the workers of this machine rest for DURATION, such as 2h; else until hydra resume.

    Within a slice they give back what they hold. It holds for all workers of this user here,
    `rq worker hydra` included.
    """
    from hydra.adapters import owner
    from hydra.clock import SystemClock
    from hydra.settings import Settings

    until_s = SystemClock().wall_s() + seconds(duration) if duration else math.inf
    owner.order(Settings.read().state_dir, until_s)
    if as_json:
        click.echo(json.dumps({"paused": True, "until_s": until_s if duration else None}))
    else:
        until = f"{datetime.fromtimestamp(until_s):%H:%M}" if duration else "hydra resume"
        click.echo(f"the workers of this machine rest until {until}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resume(as_json: bool) -> None:
    """Have the workers of this machine go on."""
    from hydra.adapters import owner
    from hydra.settings import Settings

    owner.resume(Settings.read().state_dir)
    click.echo(json.dumps({"paused": False}) if as_json else "the workers of this machine go on")
