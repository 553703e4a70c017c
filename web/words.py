"""How numbers, times and values read on the pages; the template filters."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from hydra.http.wire import iso
from hydra.kernels import Estimate, Kernel
from hydra.model import JobSpec
from hydra.policy.forecasting import Band
from hydra.web.forms import PRIORITY_FIELD

NARROW = "\N{NARROW NO-BREAK SPACE}"

SCALE = (
    (1e15, "quadrillion"),
    (1e12, "trillion"),
    (1e9, "billion"),
    (1e6, "million"),
    (1e3, "thousand"),
)

DIGITS = 12
"""Decimals of an estimate."""


def grouped(value: object) -> str:
    """A whole number with its digits in threes; a list with commas; anything else as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}".replace(",", NARROW)
    if isinstance(value, list):
        return ", ".join(map(grouped, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {grouped(inner)}" for name, inner in value.items())
    return str(value)


def percent(part: float) -> str:
    """A share in percent, never rounded up to the whole."""
    return f"{int(part * 1000) / 10:.1f}{NARROW}%"


def readable(ms: int) -> str:
    """A time for people, in UTC; live.js turns it into theirs."""
    return iso(ms).replace("T", " ")[:19] + " UTC"


def in_words(number: float) -> str:
    """A large number as people say it: 4.4 billion."""
    for scale, word in SCALE:
        if number >= scale:
            return f"{number / scale:.3g} {word}"
    return f"{number:.3g}"


def size_in_words(count: int) -> str:
    """Bytes as people say them."""
    for scale, word in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= scale:
            return f"{count / scale:.1f}{NARROW}{word}"
    return f"{count} bytes"


def seconds_in_words(seconds: float) -> str:
    """A time to wait, roughly."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def sure(said: Estimate) -> tuple[str, str]:
    """An estimate's digits: those on which both ends of its interval agree, and the rest."""
    value, low, high = (f"{n:.{DIGITS}f}" for n in (said.value, said.low, said.high))
    same = 0
    while same < len(value) and value[same] == low[same : same + 1] == high[same : same + 1]:
        same += 1
    return value[:same], value[same:]


def plain(value: float) -> str:
    """A number as people type it, whole ones without a point, with all of its digits."""
    return repr(float(value)).removesuffix(".0")


def command(spec: JobSpec) -> str:
    """What opens the same job from a shell."""
    words = ["hydra", "submit", spec.kernel]
    words += [f"{name}={value}" for name, value in spec.params.items()]
    if spec.priority != 1:
        words.append(f"--priority={plain(spec.priority)}")
    return shlex.join(words)


def query(spec: JobSpec) -> str:
    """A job as the query that fills the form of its kernel with it."""
    own = {PRIORITY_FIELD: plain(spec.priority)} if spec.priority != 1 else {}
    return urlencode({**spec.params, **own})


def left(band: Band | None) -> str:
    """How long a job will still take, with the band; empty if unknown."""
    if band is None:
        return ""
    low, middle, high = map(seconds_in_words, (band.p10_s, band.p50_s, band.p90_s))
    between = f", between {low} and {high}" if low != high else ""
    return f"about {middle} left{between}"


def speed(kernel: Kernel | None, rate: float) -> str:
    """A worker's rate on a kernel: in what its units hold, with the usual parameters."""
    if kernel is None:
        return f"{in_words(rate)} cost units/s"
    count, noun = kernel.unit_holds
    usual = {name: param.default for name, param in kernel.params.items()}
    return f"{in_words(rate * count / kernel.costs(usual).unit_cost)} {noun}/s"


def seconds(value: float) -> str:
    """A measured time."""
    return f"{value:.2f}{NARROW}s"


FILTERS: tuple[Callable[..., object], ...] = (
    grouped,
    iso,
    percent,
    readable,
    in_words,
    size_in_words,
    sure,
    plain,
    command,
    query,
    seconds,
)
