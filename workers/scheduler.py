"""The scheduler process: the web application under gunicorn, one process with many threads."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.errors import AppImportError

from hydra.errors import BadSetting, HydraError
from hydra.server.addresses import is_loopback, parse_bind
from hydra.settings import Settings

GRACE_S = 5
"""How long open requests have to end when the scheduler stops."""


class _Scheduler(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        settings: Settings,
        make_app: Callable[[], Any],
        bind: str,
        on_ready: Callable[[int], None] | None,
    ) -> None:
        self._settings = settings
        self._make_app = make_app
        self._bind = bind
        self._on_ready = on_ready
        super().__init__()

    def load_config(self) -> None:
        options = {
            "bind": [self._bind],
            "worker_class": "gthread",
            # One process: it holds the one reader of the event stream that all viewers share.
            "workers": 1,
            "threads": self._settings.web_threads,
            "graceful_timeout": GRACE_S,
            # By default gunicorn opens a socket under the home folder; containers have none.
            "control_socket_disable": True,
            "post_worker_init": self._serves,
            "proc_name": "hydra-scheduler",
            "loglevel": "warning",
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def _serves(self, worker: Any) -> None:
        _end_streams_on_stop(worker)
        if self._on_ready is not None:
            self._on_ready(int(worker.sockets[0].sock.getsockname()[1]))

    def load(self) -> Any:
        try:
            return self._make_app()
        except HydraError as error:
            # The one exception that gunicorn reports as a sentence, without a trace.
            raise AppImportError(f"hydra: {error.sentence}") from error


def run(
    settings: Settings,
    make_app: Callable[[], Any],
    *,
    descriptor: int | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until SIGTERM, on the inherited socket `descriptor` or on the settings' address.

    `make_app` is called in the process that serves, so that its connections are its own;
    `on_ready` gets the port once it is served.
    Raises BadSetting if others could reach it without a credential.
    """
    if not settings.token and not is_loopback(parse_bind(settings.bind, "HYDRA_BIND")):
        raise BadSetting(
            f"others can reach {settings.bind}: set HYDRA_TOKEN to a secret of your choice, "
            f"or HYDRA_BIND to 127.0.0.1",
            field="HYDRA_TOKEN",
        )
    host = f"[{settings.bind}]" if ":" in settings.bind else settings.bind
    bind = f"{host}:{settings.port}" if descriptor is None else f"fd://{descriptor}"
    _Scheduler(settings, make_app, bind, on_ready).run()


def _end_streams_on_stop(worker: Any) -> None:
    """Open event streams would hold the stop for its whole grace: end them first."""
    close_streams: Callable[[], None] | None = getattr(worker.wsgi, "close_streams", None)
    if close_streams is None:
        return
    usual = signal.getsignal(signal.SIGTERM)

    def on_stop(number: int, frame: FrameType | None) -> None:
        close_streams()
        if callable(usual):
            usual(number, frame)

    signal.signal(signal.SIGTERM, on_stop)
