"""What is here: kernels, workers, health."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from flask import Response
from msgspec import UNSET, Meta, UnsetType

from hydra import kernels, model
from hydra.http.guard import Guard
from hydra.http.reply import reply
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import Count, Time, Value, Wire, iso, says
from hydra.model import Check
from hydra.model.limits import BASE
from hydra.model.pauses import Pause
from hydra.services import Hydra
from hydra.services.health import health
from hydra.services.roster import Presence, roster


class Param(Wire, frozen=True):
    """A parameter of a kernel."""

    type: Annotated[str, Meta(extra_json_schema={"enum": ["int", "float", "str"]})]
    default: Value
    low: Annotated[int | float | None, says("least value, inclusive")]
    high: Annotated[int | float | None, says("greatest value, inclusive")]
    doc: str
    choices: list[str] | UnsetType = UNSET

    @classmethod
    def of(cls, param: kernels.Param) -> Param:
        """As the kernel declares it."""
        return cls(
            type=param.kind.__name__,
            default=param.default,
            low=param.low,
            high=param.high,
            doc=param.doc,
            choices=list(param.choices) or UNSET,
        )


class Kernel(Wire, frozen=True):
    """What a kernel computes and which parameters it takes."""

    name: str
    doc: str
    version: str
    params: dict[str, Param]
    presets: Annotated[dict[str, dict[str, Value]], says("named sets of parameters worth trying")]

    @classmethod
    def of(cls, name: str, kernel: kernels.Kernel) -> Kernel:
        """A kernel of this installation."""
        return cls(
            name=name,
            doc=kernel.doc,
            version=kernel.version,
            params={field: Param.of(param) for field, param in kernel.params.items()},
            presets={label: dict(params) for label, params in kernel.presets.items()},
        )


class Kernels(Wire, frozen=True):
    """The kernels of this installation."""

    kernels: list[Kernel]


class Paused(Wire, frozen=True):
    """Why a worker takes no work now, and until when."""

    why: str
    until: Time | None

    @classmethod
    def of(cls, pause: Pause) -> Paused:
        """A pause of the store's."""
        return cls(why=pause.why, until=iso(pause.until_ms) if pause.until_ms else None)


class Worker(Wire, frozen=True):
    """One worker, and what it is doing."""

    id: str
    host: str
    pid: Count
    seen_at: Time
    state: Annotated[Presence, says("idle: it waits for work")]
    job: Annotated[str, says("the job it holds a part of, or empty")]
    doing: Annotated[str, says("its last claim, and why it was sized so")]
    paused: Annotated[Paused | None, says("why it takes no work now; null if it does")]
    rates: Annotated[dict[str, float], says("cost units a second, by kernel version")]

    @classmethod
    def of(cls, worker: model.Worker, presence: Presence) -> Worker:
        """As it last showed itself."""
        return cls(
            id=worker.id,
            host=worker.host,
            pid=worker.pid,
            seen_at=iso(worker.seen_ms),
            state=presence,
            job=worker.job,
            doing=worker.doing,
            paused=Paused.of(worker.pause) if worker.pause else None,
            rates=dict(worker.rates),
        )


class Workers(Wire, frozen=True):
    """The workers seen lately."""

    workers: list[Worker]
    live_workers: Annotated[Count, says("those at work, as chunks are sized for")]
    fresh_workers: Annotated[
        Count, says("those that wait for a first task, and so are not in the list")
    ]


class Health(Wire, frozen=True):
    """Whether jobs can be served, and if not, why."""

    ready: bool
    checks: list[Check]


class FleetRoutes(Routes):
    """Routes that only tell."""

    def __init__(self, h: Hydra, guard: Guard) -> None:
        self._h = h
        self._guard = guard

    @route("GET", f"{BASE}/kernels", Kernels)
    def kernels(self) -> Response:
        """Kernels and their parameters."""
        found = self._h.kernels().items()
        return reply(Kernels(kernels=[Kernel.of(name, kernel) for name, kernel in found]))

    @route("GET", f"{BASE}/workers", Workers)
    def workers(self) -> Response:
        """Workers seen lately."""
        here = roster(self._h)
        return reply(
            Workers(
                workers=[Worker.of(worker, presence) for worker, presence in here.seen],
                live_workers=self._h.store.views.live_workers(),
                fresh_workers=here.fresh,
            )
        )

    @route("GET", "/healthz", Reply(str, what="it lives", media=("text/plain",)), public=True)
    def healthz(self) -> Response:
        """Whether this process lives."""
        return Response("ok\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})

    @route("GET", "/readyz", Health, Reply(Health, 503), public=True)
    def readyz(self) -> Response:
        """Whether jobs can be served, and if not, why."""
        checks = health(self._h)
        ready = all(check.ok for check in checks)
        # The details are for those with a credential.
        shown = checks if self._guard.admits() else [replace(check, detail="") for check in checks]
        return reply(Health(ready=ready, checks=list(shown)), 200 if ready else 503)
