"""The HTTP API: `/api/v1`, health, login, and the checks that every request passes.

`api(h)` is one blueprint that carries routes, guard and error handlers, so that any Flask
application that registers it behaves the same.
"""

from __future__ import annotations

from flask import Blueprint, Flask
from flask.blueprints import BlueprintSetupState

from hydra import annexes
from hydra.api.ancestor.jobs import AncestorRoutes
from hydra.api.openapi import DescriptionRoutes
from hydra.api.v1.events import EventRoutes
from hydra.api.v1.fleet import FleetRoutes
from hydra.api.v1.jobs import JobRoutes
from hydra.api.v1.pictures import PictureRoutes
from hydra.api.v1.profiles import ProfileRoutes
from hydra.api.v1.streams import Streams
from hydra.http.body import limit_chunked_body
from hydra.http.guard import Guard
from hydra.http.metrics import MetricRoutes
from hydra.http.reply import handle_errors
from hydra.http.routes import Routes
from hydra.services import Hydra


def api(h: Hydra) -> Blueprint:
    """Everything under `/api/v1`, the health pages, and the guard over the whole application."""
    blueprint = Blueprint("api", __name__)
    streams = Streams(h)
    guard = Guard(h)
    groups: list[Routes] = [
        # First, so that what the guard refuses is counted, too.
        MetricRoutes(h, annexes.every(lambda annex: annex.metrics)),
        guard,
        JobRoutes(h, streams),
        EventRoutes(h, streams),
        PictureRoutes(h),
        ProfileRoutes(h),
        FleetRoutes(h, guard),
        AncestorRoutes(h),
        *(made(h) for made in annexes.every(lambda annex: annex.routes)),
    ]
    groups.append(DescriptionRoutes(groups, h.settings.body_bytes_max))
    for group in groups:
        group.install(blueprint)
    guard.open_to_all(groups)
    blueprint.before_app_request(limit_chunked_body)
    handle_errors(blueprint)

    @blueprint.record
    def configure(state: BlueprintSetupState) -> None:
        state.app.config["MAX_CONTENT_LENGTH"] = h.settings.body_bytes_max
        state.app.extensions["hydra-streams"] = streams

    return blueprint


def close_streams(app: Flask) -> None:
    """End every live stream and long poll of the application at once; new ones are refused."""
    streams: Streams = app.extensions["hydra-streams"]
    streams.close()
