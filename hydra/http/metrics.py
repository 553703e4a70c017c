"""`/metrics`: how things stand, in the text format that Prometheus reads.

Written by hand: the format is lines of text, and a library would bring a registry of its own beside
the store, which knows all of this already. Totals over jobs come from the store, so they are of the
whole fleet and outlive this process; only requests are counted here. Every label has few values:
routes and not paths, states and not jobs.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, g, request

from hydra import __version__
from hydra.errors import Unavailable
from hydra.http.routes import Reply, Routes, route
from hydra.services import Hydra
from hydra.services.health import health

TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 2.5, 30.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Row = tuple[Mapping[str, object], float]


class MetricRoutes(Routes):
    """Counts every request of the application, and tells that and the store's totals."""

    def __init__(self, h: Hydra) -> None:
        self._h = h
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._within: Counter[tuple[str, int]] = Counter()

    def install(self, door: Blueprint) -> None:
        """Put the route on the blueprint, and the watch before every other check."""
        door.before_app_request(self._begin)
        door.after_app_request(self._count)
        super().install(door)

    @route("GET", "/metrics", Reply(str, what="the metrics", media=("text/plain",)))
    def metrics(self) -> Response:
        """Totals and alarms in the text format of Prometheus."""
        # What the store knows is left out while it does not answer.
        lines = [*_build(), *self._checks(), *self._store(), *self._http()]
        return Response(
            "\n".join(lines) + "\n", content_type=TYPE, headers={"Cache-Control": "no-store"}
        )

    def _begin(self) -> None:
        g.begun_s = self._h.clock.monotonic_s()

    def _count(self, response: Response) -> Response:
        took_s = self._h.clock.monotonic_s() - g.begun_s
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        with self._lock:
            self._requests[route, method, response.status_code] += 1
            self._seconds[route] += took_s
            self._within[route, bisect_left(BUCKETS_S, took_s)] += 1
        return response

    def _checks(self) -> Iterator[str]:
        rows = [({"check": check.name}, float(check.ok)) for check in health(self._h)]
        yield from _metric("hydra_check_ok", "gauge", "checks of /readyz: 1 is well", rows)

    def _store(self) -> Iterator[str]:
        try:
            tally, usage = self._h.store.tally(), self._h.store.usage()
            tasks = self._h.queue.waiting()
        except Unavailable:
            return
        for name, kind, doc, rows in (
            ("jobs", "gauge", "jobs that have not ended", _by("state", tally.jobs)),
            ("jobs_submitted_total", "counter", "jobs opened", _one(tally.submitted)),
            ("jobs_ended_total", "counter", "jobs that have ended", _by("state", tally.ended)),
            ("units_done_total", "counter", "units counted", _one(tally.units)),
            ("leases", "gauge", "chunks lent now", _one(tally.leases)),
            (
                "leases_ended_total",
                "counter",
                "chunks by how their lease ended; lost and expire are losses",
                _by("how", tally.leases_ended),
            ),
            (
                "workers",
                "gauge",
                "workers seen lately",
                _by("state", {"live": tally.live_workers, "silent": tally.silent_workers}),
            ),
            ("tasks_waiting", "gauge", "chunk tasks in the queue", _one(tasks)),
            ("store_calls_total", "counter", "commands answered by Redis", _one(usage.calls)),
            ("store_memory_bytes", "gauge", "memory used by Redis", _one(usage.memory_bytes)),
        ):
            yield from _metric(f"hydra_{name}", kind, doc, rows)

    def _http(self) -> Iterator[str]:
        with self._lock:
            requests, seconds, within = dict(self._requests), dict(self._seconds), +self._within
        rows = [
            ({"route": route, "method": method, "status": status}, count)
            for (route, method, status), count in sorted(requests.items())
        ]
        yield from _metric("hydra_http_requests_total", "counter", "requests answered", rows)
        name = "hydra_http_request_duration_seconds"
        yield from _metric(name, "histogram", "time to the head of the reply", [])
        for rule in sorted(seconds):
            total = 0
            for place, bound in enumerate((*BUCKETS_S, "+Inf")):
                total += within[rule, place]
                yield _line(f"{name}_bucket", {"route": rule, "le": bound}, total)
            yield _line(f"{name}_sum", {"route": rule}, seconds[rule])
            yield _line(f"{name}_count", {"route": rule}, total)


def _build() -> Iterator[str]:
    rows = [({"version": __version__}, 1.0)]
    return _metric("hydra_build_info", "gauge", "the version of this scheduler", rows)


def _one(value: float) -> list[Row]:
    return [({}, value)]


def _by(label: str, values: Mapping[Any, int]) -> list[Row]:
    return [({label: name}, value) for name, value in values.items()]


def _metric(name: str, kind: str, doc: str, rows: Iterable[Row]) -> Iterator[str]:
    yield f"# HELP {name} {doc}"
    yield f"# TYPE {name} {kind}"
    for labels, value in rows:
        yield _line(name, labels, value)


def _line(name: str, labels: Mapping[str, object], value: float) -> str:
    # No value here holds a quote, a backslash or a new line: ours are words, routes and numbers.
    inner = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}"
