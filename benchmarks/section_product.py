"""The whole product: what part of two processors' time is the kernel, from submit to answer.

`hydra up` with two workers, no page open. Available is the time of all processors less what the
machine's host took. `kernel_percent` is of that; `kernel_of_free_percent` is of that less what
processes which are not the fleet's took, so it says what Hydra makes of what it gets. The other
columns say where the rest went.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks import chunk_trace
from benchmarks.bed import fleet
from benchmarks.processor import Account, by_role
from benchmarks.report import Rows
from hydra.client import Client

ROUNDS = 3
SEED_MAX = 2**31
SETTLE_S = 1.0

SEAHORSE = {
    "centre_x": -0.743643887037151, "centre_y": 0.13182590420533, "width": 1e-5,
    "iterations": 5000,
}  # fmt: skip
JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "pi, 10^12 points": ("pi", {"samples": 10**12}),
    "seahorse, 4096 x 4096": ("mandelbrot", SEAHORSE | {"columns": 4096, "rows": 4096}),
    "seahorse, 4096 x 4096, 16 samples a pixel": (
        "mandelbrot", SEAHORSE | {"columns": 4096, "rows": 4096, "antialias": 4},
    ),
}  # fmt: skip


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Each job in turn on a fleet that has worked before."""
    if not Path("/proc/stat").exists():
        rows.note("only Linux tells where the processors' time went")
        return
    found: dict[str, list[dict[str, float]]] = {}
    with chunk_trace.noting() as trace, fleet() as (url, folder), Client(url) as client:
        client.submit("pi", samples=10**10).result()
        for _ in range(rounds or ROUNDS):
            for name, (kernel, given) in JOBS.items():
                if only.lower() in name.lower():
                    time.sleep(SETTLE_S)
                    run = _one(client, kernel, given, str(folder), trace)
                    found.setdefault(name, []).append(run)
    for name, runs in found.items():
        rows.add(
            "Two processors from submit to answer",
            job=name,
            **{key: statistics.median(run[key] for run in runs) for key in runs[0]},
            runs=len(runs),
        )


def _one(
    client: Client, kernel: str, given: dict[str, Any], mark: str, trace: Path
) -> dict[str, float]:
    """Where the processors' time went while one job was computed, in parts of what there was."""
    seed = {"seed": random.randrange(SEED_MAX)} if kernel == "pi" else {}
    before, roles_before = Account.read(), by_role(mark)
    begun_ns = time.monotonic_ns()
    client.submit(kernel, **given, **seed).result()
    ended_ns = time.monotonic_ns()
    after, roles_after = Account.read(), by_role(mark)
    wall_s = (ended_ns - begun_ns) / 1e9
    cores = os.cpu_count() or 1
    available_s = cores * wall_s - (after.stolen_s - before.stolen_s)
    roles = {role: roles_after[role] - roles_before.get(role, 0.0) for role in roles_after}
    ours_s = sum(roles.values())
    others_s = max(0.0, after.busy_s - before.busy_s - ours_s)
    kernel_s = sum(
        int(took_ns) / 1e9
        for _, at_ns, took_ns, _ in map(str.split, trace.read_text().splitlines())
        if begun_ns <= int(at_ns) <= ended_ns
    )
    server_s = sum(roles.get(name, 0.0) for name in ("redis-server", "valkey-server"))
    workers_s = roles.get("worker", 0.0)
    share = {
        "kernel_percent": kernel_s,
        "worker_besides_percent": workers_s - kernel_s,
        "server_percent": server_s,
        "scheduler_reaper_up_percent": ours_s - workers_s - server_s,
        "others_percent": others_s,
        "idle_percent": after.idle_s - before.idle_s,
    }
    return {
        "wall_s": wall_s,
        "kernel_of_free_percent": 100 * kernel_s / (available_s - others_s),
        **{name: 100 * seconds / available_s for name, seconds in share.items()},
    }
