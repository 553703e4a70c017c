"""What the annex of tests has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import click
from flask import Blueprint, Response
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from hydra.http.reply import reply
from hydra.http.routes import Routes, route
from hydra.http.wire import Wire
from hydra.services import Hydra
from hydra.sim.scenarios import Scenario


class Greeting(Wire, frozen=True):
    """A greeting."""

    words: str


class GreetingRoutes(Routes):
    """Routes of the annex."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    @route("GET", "/api/greeting", Greeting)
    def greeting(self) -> Response:
        """A greeting to whoever asks."""
        return reply(Greeting(words=f"hello from {self._h.settings.host}"))


def pages(h: Hydra) -> Blueprint:
    blueprint = Blueprint("greeting", __name__)
    blueprint.add_url_rule("/greeting", view_func=lambda: "hello")
    return blueprint


@click.command()
def greet() -> None:
    """Say hello."""
    click.echo("hello")


class Greetings(Collector):
    """A figure of the annex."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("hydra_greetings", "said so far", value=3)


FLEET = Scenario(doc="two machines that greet", workers=2, ideal_s=5.0)


def wired(h: Hydra) -> Hydra:
    return replace(h, settings=replace(h.settings, host="the annex"))
