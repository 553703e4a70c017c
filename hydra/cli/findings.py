"""What `hydra doctor` looks at, and how it grades what it finds."""

from __future__ import annotations

import platform
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hydra import __version__, kernels
from hydra.client.address import find_url
from hydra.errors import HydraError
from hydra.kernels.speed import speed_of
from hydra.server.binary import find as find_server
from hydra.server.connection import address_of, connect, require_safe
from hydra.server.running import running_server
from hydra.services.audit import audit
from hydra.settings import Settings
from hydra.wiring import over
from hydra.work.proof import fault_of

ANSWER_S = 3.0
PACKAGES = ("redis", "rq", "flask", "gunicorn", "numpy")


class Grade(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    """Works, but slower or less safely than it could."""
    BAD = "bad"
    """Does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    subject: str
    grade: Grade
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which it would stop a start; never raises a HydraError."""
    findings: list[Finding] = []
    for look in (_versions, _kernels, _folder, _server, _scheduler):
        findings.extend(_guarded(look, settings))
    return findings


def examine_accounts(settings: Settings) -> list[Finding]:
    """What does not hold of the open jobs in the Redis of `settings`; raises StoreDown."""
    with connect(settings.redis_url) as client:
        found = audit(over(client, settings))
    if found.faults:
        return [Finding("invariants", Grade.BAD, fault) for fault in found.faults]
    text = f"hold for {found.jobs} open jobs with {found.leases} leases"
    return [Finding("invariants", Grade.OK, text)]


def _guarded(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        for finding in look(settings):
            found.append(finding)
    except HydraError as error:
        found.append(Finding(look.__name__.strip("_"), Grade.BAD, error.sentence))
    return found


def _versions(_settings: Settings) -> Iterator[Finding]:
    text = f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}"
    yield Finding("python", Grade.OK, text)
    yield Finding("hydra", Grade.OK, __version__)
    for name in PACKAGES:
        try:
            yield Finding(name, Grade.OK, version(name))
        except PackageNotFoundError:
            yield Finding(name, Grade.BAD, "is not installed; run make install")


def _kernels(_settings: Settings) -> Iterator[Finding]:
    for name, why in kernels.broken().items():
        yield Finding(f"kernel {name}", Grade.BAD, f"{why}: it is left out")
    for name, kernel in kernels.load().items():
        if fault := fault_of(kernel):
            yield Finding(f"kernel {name}", Grade.BAD, f"{fault}: no worker here will serve it")
            continue
        fallback = kernel.backend == "numpy"
        backend = f", {kernel.backend}" if kernel.backend else ""
        text = f"{kernel.version}{backend}, {_speed(kernel)}"
        if fallback:
            text += "; slow, since there was no C compiler at installation: run make install again"
        yield Finding(f"kernel {name}", Grade.WARNING if fallback else Grade.OK, text)


def _speed(kernel: kernels.Kernel) -> str:
    speed = speed_of(kernel)
    text = f"{_short(speed.a_second)} {speed.noun}/s on one core"
    if speed.of_bound:
        text += f", {speed.of_bound:.0%} of the bound of its vector units"
    return text


def _short(number: float) -> str:
    """Three digits and a letter: 12.6 G."""
    for power, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= power:
            return f"{number / power:.3g}{letter}"
    return f"{number:.3g}"


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = Path(settings.state_dir)
    if not folder.exists():
        yield Finding("state folder", Grade.OK, f"{folder} will be made by hydra up")
    elif folder.stat().st_mode & 0o077:
        yield Finding("state folder", Grade.WARNING, f"{folder} is open to others; chmod 700 it")
    else:
        yield Finding("state folder", Grade.OK, str(folder))


def _server(settings: Settings) -> Iterator[Finding]:
    url, how = settings.redis_url, "REDIS_URL"
    if not url and (running := running_server(settings)):
        url, how = running.url, running.how
    if not url:
        binary = find_server(settings.redis_server)
        text = f"none runs; hydra up would start {binary.version_text}, {binary.how}, {binary.path}"
        yield Finding("server", Grade.OK, text)
        return
    with connect(url) as client:
        facts = require_safe(client, settings.fsync)
        where = address_of(client)
    yield Finding("server", Grade.OK, f"{facts.version_text} at {where} ({how})")
    if not facts.aof_enabled:
        text = "off: what is in memory is lost when the server stops; set appendonly yes"
        yield Finding("server log", Grade.WARNING, text)
    elif facts.fsync == "always":
        yield Finding("server log", Grade.OK, "on, written to disk at every call")
    else:
        text = f"on, fsync {facts.fsync or 'unknown'}: a power cut may lose about a second"
        yield Finding("server log", Grade.WARNING, text)


def _scheduler(_settings: Settings) -> Iterator[Finding]:
    url = find_url().rstrip("/")
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=ANSWER_S) as answer:
            yield Finding("scheduler", Grade.OK, f"{url} answers {answer.status}")
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        yield Finding("scheduler", Grade.WARNING, f"{url} does not answer: {reason}")
