"""A worker that reaches Redis over a bad link: what part of its speed is left, how soon it ends.

Delay: pi by one worker behind 100 ms each way, as long as BENCH_LINK_SECONDS says (60) on a core;
efficiency is the time it takes `hydra worker` without a link, in the same round, divided by its
own. All times are from submission to answer, and the first claim is part of them. Where other work
disturbs that, `kernel_share_percent` tells more: the part of the time within the kernel's calls.

Rate: a picture by one worker behind 10 and 1 Mbit/s, in a network namespace of its own where we may
make one. What must pass is known without Hydra: the tiles up, then down to who makes the answer,
and its files up. `all_in_bound_s` is the larger of the kernel's time and the tiles' first way,
`bound_s` adds the rest or, if that is longer, the reduction without a link. Who is not done within
three times the bound (or BENCH_LINK_PATIENCE_S) is told by how much is.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import chunk_trace
from benchmarks.bed import children, clean_env, fleet, free_port, script
from benchmarks.namespace import narrow
from benchmarks.proxy import Link, linked
from benchmarks.report import Rows
from benchmarks.timing import pi_units_s, timed_s
from hydra.client import Client, Handle
from hydra.errors import JobFailed
from hydra.kernels import find, load, parse_params
from hydra.kernels.builtin import pi
from hydra.model import Span

ROUNDS = 1
DELAY_S = 0.1
SECONDS = float(os.environ.get("BENCH_LINK_SECONDS", "60"))
PATIENCE_S = float(os.environ.get("BENCH_LINK_PATIENCE_S", "0"))
PATIENCE_TIMES = 3.0

MBITS_S = (10, 1)
PICTURE = {
    "columns": 4096, "rows": 3072, "iterations": 2000,
    "centre_x": -0.743643887037151, "centre_y": 0.13182590420533, "width": 2e-3,
}  # fmt: skip

WARM_S = 2.0
WARM_PATIENCE_S = 120.0
SEED_MAX = 2**31

OWN = (sys.executable, "-P", "-m", "hydra", "worker")


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Pi without and with a delay in turn; then the picture at each rate."""
    _delays(rows, rounds or ROUNDS, only)
    _rates(rows, rounds or ROUNDS, only)


@dataclass(frozen=True)
class Place:
    """A scheduler, and one worker at the other end of a link."""

    client: Client
    link: Link
    kept: str
    """By what the link has its rate."""
    trace: Path


@contextmanager
def _worker(command: Sequence[str], delay_s: float = 0.0, mbits_s: float = 0.0) -> Iterator[Place]:
    """`hydra up` without workers, and a worker that has worked before."""
    port = free_port(free_port() + 1)  # the first one will be the scheduler's
    with ExitStack() as stack:
        trace = stack.enter_context(chunk_trace.noting())
        url, folder = stack.enter_context(fleet(0, HYDRA_REDIS_PORT=str(port)))
        client = stack.enter_context(Client(url))
        behind = stack.enter_context(narrow(int(mbits_s * 1e6))) if mbits_s else None
        link = stack.enter_context(
            linked(
                f"redis://127.0.0.1:{port}/0",
                delay_s,
                0.0 if behind else mbits_s * 1e6 / 8,
                behind.address if behind else "127.0.0.1",
            )
        )
        env = clean_env(HYDRA_STATE_DIR=str(folder), REDIS_URL=link.url)
        log = folder / "worker.log"
        words = [*(behind.prefix if behind else ()), *_with_url(command, link.url)]
        stack.enter_context(children([words], env, log))
        try:
            _pi(client, WARM_S).result(WARM_PATIENCE_S)
        except TimeoutError:
            print(log.read_text(errors="replace"), file=sys.stderr)
            raise
        yield Place(client, link, "tbf" if behind else "the proxy", trace)


def _with_url(command: Sequence[str], url: str) -> list[str]:
    return [word.replace("REDIS_URL", url) for word in command]


def _pi(client: Client, seconds: float) -> Handle:
    """About so long on one core."""
    samples = int(pi_units_s() * seconds) * pi.UNIT_POINTS
    return client.submit("pi", samples=samples, seed=random.randrange(SEED_MAX))


def _delays(rows: Rows, rounds: int, only: str) -> None:
    stock = script("rq", "worker", "hydra", "--quiet", "--url", "REDIS_URL")
    contenders: dict[str, tuple[Sequence[str], float]] = {
        "pi, hydra worker, no link": (OWN, 0.0),
        "pi, hydra worker": (OWN, DELAY_S),
        "pi, rq worker hydra": (stock, DELAY_S),
    }
    base, *_ = contenders
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        if not any(only.lower() in name.lower() for name in contenders):
            return
        for name, (command, delay_s) in contenders.items():
            if name == base or only.lower() in name.lower():
                with _worker(command, delay_s) as place:
                    run = _followed(place, _pi(place.client, SECONDS), 20 * SECONDS)
                found.setdefault(name, []).append(run)
                _tell(name, run)
    alone_s = [run["answer_s"] for run in found[base]]
    for name, runs in found.items():
        shares = [100 * s / run["answer_s"] for s, run in zip(alone_s, runs, strict=True)]
        rows.add(
            f"Pi, {SECONDS:g} s on one core, one worker behind {1e3 * DELAY_S:g} ms each way",
            system=name,
            efficiency_percent=statistics.median(shares),
            least_percent=min(shares),
            **_medians(
                runs,
                (
                    "kernel_share_percent",
                    "answer_s",
                    "first_claim_s",
                    "chunks",
                    "lost_leases",
                    "up_mb",
                ),
            ),
            runs=len(runs),
        )


@dataclass(frozen=True)
class Needs:
    """What the picture takes whoever computes it."""

    kernel_s: float
    tiles_bytes: int
    files_bytes: int
    reduce_s: float

    def all_in_s(self, bytes_s: float) -> float:
        return max(self.kernel_s, self.tiles_bytes / bytes_s)

    def answer_s(self, bytes_s: float) -> float:
        after_s = (self.tiles_bytes + self.files_bytes) / bytes_s
        return self.all_in_s(bytes_s) + max(self.reduce_s, after_s)


def _rates(rows: Rows, rounds: int, only: str) -> None:
    name = "mandelbrot, hydra worker"
    chosen = [mbits for mbits in MBITS_S if only.lower() in f"{name}, {mbits} mbit/s"]
    if not chosen:
        return
    alone = []
    for _ in range(rounds):
        with _worker(OWN) as place:
            handle = place.client.submit("mandelbrot", **PICTURE)
            alone.append(_followed(place, handle, WARM_PATIENCE_S))
            _tell(f"{name}, no link", alone[-1])
        files = handle.shape["answer"]["files"].values()
    needs = _needs(sum(file["bytes"] for file in files), alone)
    table = "A picture of 4096 x 3072 by one worker behind a narrow link"
    columns = ("answer_s", "all_in_s", "done_percent", "lost_leases", "up_mb", "down_mb")
    rows.add(table, link="none", **_medians(alone, columns), runs=rounds)
    for mbits in chosen:
        bytes_s, runs, kept = mbits * 1e6 / 8, [], ""
        bound_s = needs.answer_s(bytes_s)
        for _ in range(rounds):
            with _worker(OWN, mbits_s=mbits) as place:
                kept = place.kept
                handle = place.client.submit("mandelbrot", **PICTURE)
                runs.append(_followed(place, handle, PATIENCE_S or PATIENCE_TIMES * bound_s))
                _tell(f"{name}, {mbits} Mbit/s", runs[-1])
        rows.add(
            table,
            link=f"{mbits} Mbit/s, {kept}",
            **_medians(runs, columns),
            all_in_bound_s=needs.all_in_s(bytes_s),
            bound_s=bound_s,
            times_bound=statistics.median(run["answer_s"] for run in runs) / bound_s,
            runs=rounds,
        )
    rows.note(
        f"The picture: {needs.kernel_s:.1f} s of one core in the kernel, tiles of "
        f"{needs.tiles_bytes / 1e6:.1f} MB, files of {needs.files_bytes / 1e6:.1f} MB; the "
        f"reduction without a link {needs.reduce_s:.1f} s"
    )


def _needs(files_bytes: int, alone: Sequence[Mapping[str, float]]) -> Needs:
    """The kernel's own time and bytes, from one call in this process."""
    kernel = find(load(), "mandelbrot")
    params = parse_params(kernel, PICTURE)
    pieces: list[Any] = []
    kernel_s = timed_s(lambda: pieces.append(kernel.run(params, Span(0, kernel.size(params)))))
    return Needs(
        kernel_s=kernel_s,
        tiles_bytes=sum(map(len, pieces[0].values())),
        files_bytes=files_bytes,
        reduce_s=statistics.median(run["answer_s"] - run["all_in_s"] for run in alone),
    )


def _followed(place: Place, handle: Handle, patience_s: float) -> dict[str, float]:
    """A job from submission to answer, or for `patience_s`; times that never came are infinite."""
    never = float("inf")
    begun_s, before = time.monotonic(), place.link.carried_bytes()
    try:
        handle.result(patience_s)
        ended_s = time.monotonic()
        answer_s = ended_s - begun_s
    except (TimeoutError, JobFailed) as why:
        print(f"  {why}", file=sys.stderr)
        ended_s, answer_s = time.monotonic(), never
    story, handle = _story(handle), handle.refresh()
    up, down = (after - was for after, was in zip(place.link.carried_bytes(), before, strict=True))
    at_s: dict[str, float] = {}
    for entry in story:
        at_s.setdefault(entry["verb"], datetime.fromisoformat(entry["at"]).timestamp())
    submitted_s = at_s["submit"]
    share = chunk_trace.kernel_share(place.trace, [(begun_s, ended_s)], 1)
    shape = handle.shape
    if not handle.is_final:
        handle.cancel()
    return {
        "answer_s": answer_s,
        "kernel_share_percent": 100 * share,
        "first_claim_s": at_s.get("claim", never) - submitted_s,
        "all_in_s": at_s.get("reduce", never) - submitted_s,
        "done_percent": 100 * shape["done_units"] / shape["total_units"],
        "chunks": sum(entry["verb"] == "claim" for entry in story),
        "lost_leases": sum(entry["verb"] == "expire" for entry in story),
        "up_mb": up / 1e6,
        "down_mb": down / 1e6,
    }


def _story(handle: Handle) -> list[dict[str, Any]]:
    """All of it, page by page."""
    found: list[dict[str, Any]] = []
    while page := handle.story(found[-1]["id"] if found else ""):
        found += page
    return found


def _medians(runs: Sequence[Mapping[str, float]], names: Sequence[str]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in names}


def _tell(name: str, run: Mapping[str, float]) -> None:
    words = ", ".join(f"{key} {value:.4g}" for key, value in run.items())
    print(f"  {name}: {words}", file=sys.stderr, flush=True)
