"""An application over a store in memory, a client of it, and a worker to move its jobs on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from hydra.services import Hydra
from hydra.web import App, create_app
from tests.http.working import UNIT, bundle, work_on


@pytest.fixture
def h() -> Hydra:
    return bundle()


@pytest.fixture
def app(h: Hydra) -> Iterator[App]:
    app = create_app(h)
    yield app
    app.close_streams()


@pytest.fixture
def http(app: App) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def work(h: Hydra) -> Callable[..., None]:
    return lambda slices=None: work_on(h, slices)


@pytest.fixture
def opened(http: FlaskClient) -> Callable[..., dict[str, Any]]:
    """Open a pi job over HTTP."""

    def submit(samples: int = 10 * UNIT, seed: int = 1, **headers: str) -> dict[str, Any]:
        body = {"kernel": "pi", "params": {"samples": samples, "seed": seed}}
        reply = http.post("/api/v1/jobs", json=body, headers=headers)
        assert reply.status_code in (200, 201), reply.text
        return reply.get_json()

    return submit


@pytest.fixture
def serve() -> Iterator[Callable[[App], str]]:
    """Serve an application on a real port for the length of a test."""
    servers = []

    def start(app: App) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        servers.append((server, app, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, app, thread in servers:
        app.close_streams()
        server.shutdown()
        thread.join()
        server.server_close()
