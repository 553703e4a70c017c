"""What is here: kernels, workers, health, and the API's own description."""

from __future__ import annotations

from flask import Blueprint, Response

from hydra.api.openapi import document
from hydra.api.v1.shapes import BASE, kernel_json, worker_json
from hydra.http.guard import Guard
from hydra.http.reply import reply
from hydra.services import Hydra
from hydra.services.health import health
from hydra.services.roster import roster


class FleetRoutes:
    """Routes that only tell."""

    def __init__(self, h: Hydra, guard: Guard) -> None:
        self._h = h
        self._guard = guard

    def install(self, door: Blueprint) -> None:
        """Put the routes on the blueprint."""
        door.add_url_rule(f"{BASE}/kernels", view_func=self.kernels)
        door.add_url_rule(f"{BASE}/workers", view_func=self.workers)
        door.add_url_rule("/api/openapi.json", view_func=self.openapi)
        door.add_url_rule("/healthz", view_func=self.healthz)
        door.add_url_rule("/readyz", view_func=self.readyz)

    def kernels(self) -> Response:
        """The kernels of this installation with their parameters."""
        found = self._h.kernels().items()
        return reply({"kernels": [kernel_json(name, kernel) for name, kernel in found]})

    def workers(self) -> Response:
        """The workers seen lately."""
        here = roster(self._h)
        return reply(
            {
                "workers": [worker_json(worker, presence) for worker, presence in here.seen],
                "live_workers": self._h.store.views.live_workers(),
                "fresh_workers": here.fresh,
            }
        )

    def openapi(self) -> Response:
        """The description of this API."""
        return reply(document(self._h.settings.body_bytes_max))

    def healthz(self) -> Response:
        """200 while this process lives; asks nothing of anyone."""
        return Response("ok\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})

    def readyz(self) -> Response:
        """200 if jobs can be served, else 503; the details are for those with a credential."""
        checks = health(self._h)
        ready = all(check.ok for check in checks)
        shown = self._guard.admits()
        return reply(
            {
                "ready": ready,
                "checks": [
                    {"name": check.name, "ok": check.ok, "detail": check.detail if shown else ""}
                    for check in checks
                ],
            },
            200 if ready else 503,
        )
