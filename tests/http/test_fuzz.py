"""A seeded part of the fuzzing: `python -m benchmarks fuzz` sends a hundred thousand to each."""

from __future__ import annotations

import pytest

from hydra.services.reap import reap
from hydra.web import create_app
from tests.http.hostile import fuzz, routes
from tests.http.working import bundle

COUNT = 60
ROUTES = routes(create_app(bundle()))


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_nothing_hostile_is_taken_or_leaves_a_trace(app, h, http, opened, work, route):
    opened()
    work(1)
    reap(h)
    assert sum(fuzz(app, h, route, COUNT, seed=1).values()) == COUNT
