"""How long a small picture waits behind a big job, and what the big job loses by it.

`hydra up` with two workers and pi of 10^12 points, between a tenth and half of it done; then a
picture of 256 x 256 is submitted, at random moments, and its tiles are asked for a hundred times a
second. Pi is begun anew when half of it is done, since chunks shrink towards a job's end. Its
points a second beside the pictures are compared with those alone, before and after; where other
work disturbs that, the kernels' shares of the workers' time tell more. `--rounds` is the number of
pictures.
"""

from __future__ import annotations

import http.client
import random
import statistics
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from benchmarks import chunk_trace
from benchmarks.bed import WORKERS, fleet
from benchmarks.report import Rows
from hydra.client import Client, Handle
from hydra.kernels.builtin import pi

TRIES = 10
SAMPLES = 10**12
SIDE = 256
FROM, TO = 0.1, 0.5
"""Which part of pi is looked at."""

LOOK_S = 0.01
PAUSE_S = (0.5, 1.5)
SEED_MAX = 2**31


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Pictures on an idle fleet, pi alone, pictures beside pi, pi alone again."""
    tries = rounds or TRIES
    with chunk_trace.noting() as trace, fleet() as (url, _), Client(url) as client:
        client.submit("pi", samples=SAMPLES // 50).result()
        _add(rows, "nothing", [_one(client, url) for _ in range(tries)])
        alone, beside = Background(client), Background(client)
        alone.watch()
        waits = []
        for number in range(tries):
            beside.ready()
            time.sleep(random.uniform(*PAUSE_S))
            waits.append(_one(client, url))
            told = f"  {number + 1}: first tile {waits[-1].first_tile_s:.2f} s"
            print(f"{told}, whole {waits[-1].whole_s:.2f} s", file=sys.stderr, flush=True)
        beside.end()
        alone.watch()
        shares = [
            chunk_trace.kernel_share(trace, each.periods, WORKERS) for each in (alone, beside)
        ]
    _add(rows, "pi of 10^12 points", waits)
    rows.add(
        "Pi meanwhile",
        alone_gpoints_s=alone.points_s() / 1e9,
        beside_gpoints_s=beside.points_s() / 1e9,
        efficiency_percent=100 * beside.points_s() / alone.points_s(),
        alone_kernel_share_percent=100 * shares[0],
        beside_kernel_share_percent=100 * shares[1],
        alone_s=alone.seconds,
        beside_s=beside.seconds,
        pictures_s=statistics.fmean(wait.whole_s for wait in waits) * tries,
    )


@dataclass(frozen=True)
class Wait:
    """How long one picture took from being submitted."""

    first_tile_s: float
    whole_s: float


def _add(rows: Rows, behind: str, waits: list[Wait]) -> None:
    rows.add(
        f"A picture of {SIDE} x {SIDE} on {WORKERS} workers, seconds from submission",
        behind=behind,
        first_tile_s=statistics.median(wait.first_tile_s for wait in waits),
        first_tile_max_s=max(wait.first_tile_s for wait in waits),
        whole_s=statistics.median(wait.whole_s for wait in waits),
        whole_max_s=max(wait.whole_s for wait in waits),
        tries=len(waits),
    )


def _one(client: Client, url: str) -> Wait:
    at = urlsplit(url)
    begun_s = time.monotonic()
    handle = client.submit("mandelbrot", columns=SIDE, rows=SIDE)
    asked = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
    try:
        while not _has_tile(asked, handle) and not handle.refresh().is_final:
            time.sleep(LOOK_S)
        first_tile_s = time.monotonic() - begun_s
    finally:
        asked.close()
    handle.result()
    return Wait(first_tile_s, time.monotonic() - begun_s)


def _has_tile(asked: http.client.HTTPConnection, handle: Handle) -> bool:
    asked.request("GET", f"{handle.shape['links']['self']}/tiles?limit=1")
    reply = asked.getresponse()
    reply.read()
    return int(reply.headers["X-Hydra-Arrived"]) > 0


@dataclass
class Background:
    """Pi, again and again, and how fast it was while a part of it was looked at."""

    client: Client
    periods: list[tuple[float, float]] = field(default_factory=list)
    """When it was looked at, by the monotonic clock."""
    _units: int = 0
    _job: Handle | None = None
    _since: tuple[float, int] = (0.0, 0)

    def ready(self) -> None:
        """Come back with a job that is in the part that is looked at."""
        if self._job and self._job.progress() < TO:
            return
        self.end()
        job = self.client.submit("pi", samples=SAMPLES, seed=random.randrange(SEED_MAX))
        while job.progress() < FROM:
            time.sleep(LOOK_S)
        self._job, self._since = job, _state(job)

    def end(self) -> None:
        """Add what was seen of the job, and cancel it."""
        if self._job is None:
            return
        at_s, done_units = _state(self._job)
        if self._job.is_final:  # it has ended meanwhile
            entry = next(each for each in self._job.story() if each["verb"] == "reduce")
            at_s -= time.time() - datetime.fromisoformat(entry["at"]).timestamp()
        self.periods.append((self._since[0], at_s))
        self._units += done_units - self._since[1]
        self._job.cancel()
        self._job = None

    def watch(self) -> None:
        """One job, and nothing beside it."""
        self.ready()
        while self._job and self._job.progress() < TO:
            time.sleep(10 * LOOK_S)
        self.end()

    @property
    def seconds(self) -> float:
        return sum(to_s - from_s for from_s, to_s in self.periods)

    def points_s(self) -> float:
        return self._units * pi.UNIT_POINTS / self.seconds


def _state(job: Handle) -> tuple[float, int]:
    done_units = job.refresh().shape["done_units"]
    return time.monotonic(), done_units
