"""`/metrics`: how things stand, in the text format that Prometheus reads.

Totals over jobs come from the store, so they are of the whole fleet and outlive this process; only
requests are counted here. Every label has few values: routes and not paths, states and not jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hydra import __version__
from hydra.errors import Unavailable
from hydra.http.routes import Reply, Routes, route
from hydra.services import Hydra
from hydra.services.health import health

TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.005, 0.025, 0.1, 0.5, 2.5, 30.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MetricRoutes(Routes):
    """Counts every request of the application, and gives these counts and the store's totals."""

    def __init__(self, h: Hydra, more: Iterable[Callable[[Hydra], Collector]] = ()) -> None:
        self._h = h
        # A registry of its own: the library's has figures of this process that nobody asked for.
        self._registry = CollectorRegistry()
        for made in (Totals, *more):
            self._registry.register(made(h))
        self._requests = Counter(
            "hydra_http_requests",
            "requests answered",
            ("route", "method", "status"),
            registry=None,
        )
        self._seconds = Histogram(
            "hydra_http_request_duration_seconds",
            "time to the head of the reply",
            ("route",),
            buckets=BUCKETS_S,
            registry=None,
        )
        self._registry.register(WithoutCreationTimes(self._requests, self._seconds))

    def install(self, blueprint: Blueprint) -> None:
        """Put the route on the blueprint, and the watch before every other check."""
        blueprint.before_app_request(self._begin)
        blueprint.after_app_request(self._count)
        super().install(blueprint)

    @route("GET", "/metrics", Reply(str, what="the metrics", media=("text/plain",)))
    def metrics(self) -> Response:
        """Totals and alarms in the text format of Prometheus."""
        return Response(
            generate_latest(self._registry),
            content_type=TYPE,
            headers={"Cache-Control": "no-store"},
        )

    def _begin(self) -> None:
        g.begun_s = self._h.clock.monotonic_s()

    def _count(self, response: Response) -> Response:
        took_s = self._h.clock.monotonic_s() - g.begun_s
        rule = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in METHODS else "other"
        self._requests.labels(rule, method, response.status_code).inc()
        self._seconds.labels(rule).observe(took_s)
        return response


class WithoutCreationTimes(Collector):
    """Metrics without the time at which each of their series began, which is one more series."""

    def __init__(self, *metrics: Collector) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        for metric in self._metrics:
            for family in metric.collect():
                family.samples = [s for s in family.samples if not s.name.endswith("_created")]
                yield family


class Totals(Collector):
    """What the checks and the store say when they are asked."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def collect(self) -> Iterator[Metric]:
        """All of it; what the store knows is left out while it does not answer."""
        yield _gauge("build_info", "the version of this scheduler", {__version__: 1}, "version")
        checks = {check.name: check.ok for check in health(self._h)}
        yield _gauge("check_ok", "checks of /readyz: 1 is well", checks, "check")
        try:
            tally, usage = self._h.store.vitals.tally(), self._h.store.vitals.usage()
            tasks = self._h.queue.waiting()
        except Unavailable:
            return
        workers = {"live": tally.live_workers, "silent": tally.silent_workers}
        how = "chunks by how their lease ended; lost is a loss, expire is unless it had not begun"
        yield _gauge("jobs", "jobs that have not ended", tally.jobs, "state")
        yield _counter("jobs_submitted", "jobs opened", tally.submitted)
        yield _counter("jobs_ended", "jobs that have ended", tally.ended, "state")
        yield _counter("units_done", "units counted", tally.units)
        yield _gauge("leases", "chunks lent now", tally.leases)
        yield _counter("leases_ended", how, tally.leases_ended, "how")
        yield _gauge("workers", "workers seen lately", workers, "state")
        yield _gauge("tasks_waiting", "chunk tasks in the queue", tasks)
        yield _counter("store_calls", "commands answered by Redis", usage.calls)
        yield _gauge("store_memory_bytes", "memory used by Redis", usage.memory_bytes)


Values = float | Mapping[Any, float]
"""One value, or one for each value of a label."""


def _gauge(name: str, doc: str, values: Values, label: str = "") -> Metric:
    return _filled(GaugeMetricFamily(f"hydra_{name}", doc, labels=[label] if label else []), values)


def _counter(name: str, doc: str, values: Values, label: str = "") -> Metric:
    labels = [label] if label else []
    return _filled(CounterMetricFamily(f"hydra_{name}", doc, labels=labels), values)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, values: Values) -> Metric:
    if not isinstance(values, Mapping):
        family.add_metric([], values)
        return family
    for word, value in values.items():
        family.add_metric([word], value)
    return family
