"""Wrong requests to every route: what each came to, what they left, and the memory they took.

The requests of tests/http/hostile.py go straight into the application, over a store in memory that
holds a job half done; a reply of 5xx, a change that is taken, or any trace in the store ends the
run with the request and its seed. `--rounds` is how many go to each route; `--only` picks routes.
"""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.report import Rows
from hydra.services.reap import reap
from hydra.services.submit import submit
from hydra.web import create_app
from tests.http.hostile import fuzz, routes
from tests.http.working import UNIT, bundle, work_on

COUNT = 100_000
WARM_UP = 500
"""After so many a route has loaded whatever it loads once."""

SEED = 1
PAGE_BYTES = 4096


def measure(rows: Rows, rounds: int, only: str) -> None:
    """One row a route."""
    h = bundle()
    app = create_app(h)
    submit(h, "pi", {"samples": 10 * UNIT})
    work_on(h, 1)
    for route in routes(app):
        name = " ".join(route)
        if only not in name:
            continue
        reap(h)  # or /readyz would miss it
        fuzz(app, h, route, WARM_UP, SEED)
        before_mb, began_s = resident_mb(), time.monotonic()
        found = fuzz(app, h, route, rounds or COUNT, SEED + 1)
        rows.add(
            "Wrong requests",
            route=name,
            requests=sum(found.values()),
            seconds=time.monotonic() - began_s,
            statuses=" ".join(f"{status}:{count}" for status, count in sorted(found.items())),
            grown_mb=resident_mb() - before_mb,
        )
    app.close_streams()


def resident_mb() -> float:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES / 1e6
