"""The web process: the API, the pages, nothing else."""

from __future__ import annotations

from flask import Flask

from hydra import annexes
from hydra.api import api, close_streams
from hydra.services import Hydra
from hydra.settings import Settings
from hydra.web.pages import pages
from hydra.wiring import live


class App(Flask):
    """The application; its server calls `close_streams` when it is told to stop."""

    def close_streams(self) -> None:
        """End every live stream and long poll at once, so that no thread holds up the end."""
        close_streams(self)


def create_app(h: Hydra | None = None) -> App:
    """The application over `h`, or over the live store that the environment names."""
    h = h or live(Settings.read())
    app = App("hydra.web", static_folder="static", template_folder="templates")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(api(h))
    app.register_blueprint(pages(h))
    for made in annexes.every(lambda annex: annex.pages):
        app.register_blueprint(made(h))
    return app
