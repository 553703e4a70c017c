"""Every setting and limit of Hydra in one frozen dataclass, read once from the environment.

A field's environment variable is `HYDRA_` and its name in capitals unless the field says
otherwise. A value that cannot be used raises BadSetting naming the variable; nothing is ever
silently replaced by a default.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from hydra.errors import BadSetting
from hydra.model.pauses import parse_hours
from hydra.model.sizing import Sizing

PORT = 8080
"""Where a scheduler listens unless told otherwise."""

DEFAULT_URL = f"http://127.0.0.1:{PORT}"

FSYNC = ("always", "everysec", "no")
"""When a server writes its log to disk, safest first."""


def _setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    check: Callable[[str], object] = str,
    env: str = "",
) -> Any:
    metadata = {
        "doc": doc,
        "low": low,
        "high": high,
        "choices": choices,
        "check": check,
        "env": env,
    }
    return field(default=default, metadata=metadata)


def _state_dir() -> str:
    """`.hydra` of the checkout this runs from, else a folder of the user's."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "setup.py").is_file():
        return str(checkout / ".hydra")
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return str(Path(base) / "hydra")


@dataclass(frozen=True, slots=True)
class Settings:
    """See each field's `doc`; `Settings.read()` takes them from the environment."""

    # Where things are
    state_dir: str = _setting("", "folder for the server's data, logs and secrets")
    redis_url: str = _setting("", "an existing Redis to use; nothing is started", env="REDIS_URL")
    redis_password_file: str = _setting(
        "", "file with the password of REDIS_URL, for containers and such; used if it has none"
    )
    redis_server: str = _setting("", "path of the Redis-compatible server to start")
    url: str = _setting(DEFAULT_URL, "scheduler that the command line talks to")
    bind: str = _setting("127.0.0.1", "address that the scheduler listens on")
    port: int = _setting(PORT, "port that the scheduler listens on", low=0, high=65535)
    public_url: str = _setting("", "address under which people reach the scheduler, if another")
    redis_bind: str = _setting("", "address at which other machines reach Redis, to join")
    redis_port: int = _setting(
        0,
        "port at which other machines reach Redis; 6379 if an address is given",
        low=0,
        high=65535,
    )
    token: str = _setting("", "bearer token of the scheduler; made at the first start off loopback")
    web_threads: int = _setting(
        128, "threads of the scheduler; one serves one viewer", low=4, high=4096
    )
    fsync: str = _setting(
        FSYNC[0],
        "when the server writes its log to disk; with `no`, a given server need not even keep one",
        choices=FSYNC,
    )

    # Who this worker is and how it works
    worker_id: str = _setting("", "name of this worker; RQ's name if empty")
    host: str = _setting("", "name of this machine; rates are kept under it; its own if empty")
    shift_seconds: float = _setting(
        10.0,
        "how long one chunk task works before it returns to RQ; "
        "six times as long in `hydra worker`, and longer behind a slow link",
        low=0,
        high=240,
    )
    target_seconds: float = _setting(
        2.0,
        "longest time one chunk should take, unless kernels wait for chunks",
        low=0.05,
        high=600,
    )
    sizing: str = _setting(
        Sizing.OURS.value,
        "rule that sizes chunks; the others are for comparison and need "
        "shifts that last as long as their chunks",
        choices=tuple(Sizing),
    )
    slice_seconds: float = _setting(0.25, "time of one kernel call", low=0.01, high=5)
    poll_seconds: float = _setting(
        0.25, "pause between looks when there is no work", low=0.01, high=10
    )
    outage_seconds: float = _setting(
        120.0,
        "how long a worker waits for a silent Redis, and keeps what it cannot hand in",
        low=0,
        high=3600,
    )

    call_seconds: float = _setting(
        120.0, "longest time of one kernel call; then its process ends", low=0.5, high=3600
    )
    worker_bytes_max: int = _setting(
        4 << 30, "memory that a worker's process may take for data", low=256 << 20
    )

    # The owner of this machine
    nice: int = _setting(
        10, "niceness of the kernels: how readily they give way to others", low=0, high=19
    )
    work_hours: str = _setting(
        "",
        "local times at which work is allowed, such as 22:00-07:00; always if empty",
        check=parse_hours,
    )
    owner_load_max: float = _setting(
        0.0,
        "share of this machine's CPU that others may use before "
        "its workers pause; 0 lets them work on",
        low=0,
        high=1,
    )

    # Leases and the reaper
    beat_seconds: float = _setting(
        1.0,
        "time between heartbeats, more in a large fleet; "
        "and for the answer to a worker's call, more if it carries much",
        low=0.05,
        high=60,
    )
    reap_seconds: float = _setting(1.0, "time between the reaper's passes", low=0.05, high=60)

    # Limits
    job_bytes_max: int = _setting(512 << 20, "pieces that one job may keep in Redis", low=1)
    jobs_open_max: int = _setting(10_000, "jobs that may be unfinished at once", low=1)
    body_bytes_max: int = _setting(64 << 10, "largest body of a request", low=1024)
    job_keep_seconds: int = _setting(7 * 86_400, "how long a finished job is kept", low=1)

    @classmethod
    def read(cls, env: Mapping[str, str] | None = None, **over: Any) -> Settings:
        """Settings from `env` (the process's environment by default), `over` winning.

        Raises BadSetting for a value of the wrong type or out of bounds.
        """
        given = os.environ if env is None else env
        values: dict[str, Any] = {}
        for spec in dataclasses.fields(cls):
            variable = spec.metadata["env"] or f"HYDRA_{spec.name.upper()}"
            if variable in given and given[variable] != "":
                values[spec.name] = _parse(variable, given[variable], spec)
        for name, value in over.items():
            if value is not None:
                values[name] = value
        if not values.get("state_dir"):
            values["state_dir"] = _state_dir()
        if values.get("redis_url") and values.get("redis_password_file"):
            values["redis_url"] = _with_password(
                values["redis_url"], Path(values["redis_password_file"])
            )
        return cls(**values)

    def as_env(self) -> dict[str, str]:
        """The variables from which `read` gives these settings again, for a child process."""
        return {
            spec.metadata["env"] or f"HYDRA_{spec.name.upper()}": str(getattr(self, spec.name))
            for spec in dataclasses.fields(self)
        }


def _with_password(url: str, file: Path) -> str:
    parts = urlsplit(url)
    if parts.password:
        return url
    try:
        password = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise BadSetting(
            f"HYDRA_REDIS_PASSWORD_FILE: {file} cannot be read: {why}",
            field="HYDRA_REDIS_PASSWORD_FILE",
        ) from None
    user, _, place = parts.netloc.rpartition("@")
    user = user.rstrip(":")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()


def _parse(variable: str, text: str, spec: dataclasses.Field[Any]) -> str | int | float:
    low, high = spec.metadata["low"], spec.metadata["high"]
    choices = spec.metadata["choices"]
    kind: Any = type(spec.default)
    if kind is str:
        if choices and text not in choices:
            raise BadSetting(
                f"{variable} must be one of {', '.join(choices)}, not {text!r}", field=variable
            )
        try:
            spec.metadata["check"](text)
        except ValueError as wrong:
            raise BadSetting(f"{variable} {wrong}", field=variable) from None
        return text
    try:
        number: int | float = kind(text)
    except ValueError:
        noun = "a whole number" if kind is int else "a number"
        raise BadSetting(f"{variable} must be {noun}, not {text!r}", field=variable) from None
    if (
        not math.isfinite(number)
        or (low is not None and number < low)
        or (high is not None and number > high)
    ):
        bounds = f"from {low} to {high}" if high is not None else f"at least {low}"
        raise BadSetting(f"{variable} must be {bounds}, not {text!r}", field=variable)
    return number
