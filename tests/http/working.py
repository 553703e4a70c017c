"""What the tests of the doors share: a Hydra in memory, a worker for it, a pool without sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import urllib3
from flask.testing import FlaskClient

from hydra import kernels
from hydra.clock import ManualClock
from hydra.kernels import Kernel
from hydra.model import FINAL, Params, Span
from hydra.model.messages import Hint
from hydra.services import Hydra
from hydra.settings import Settings
from hydra.wiring import in_memory
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker

UNIT = 2**18
"""Points in a unit of pi."""

URL = "http://localhost"
"""Where DoorPool pretends that the scheduler is."""


def bundle(
    clock: Any = None, load: Callable[[], Mapping[str, Kernel]] = kernels.load, **over: Any
) -> Hydra:
    """Hydra in memory with these settings."""
    return in_memory(Settings.read({}, **over), clock, load)


def work_on(h: Hydra, slices: int | None = None, rq_name: str = "") -> None:
    """Work until every job has ended, or for so many slices, under a name that RQ gave."""
    done = 0

    def counted(kernel: Kernel) -> Kernel:
        def run(params: Params, span: Span) -> Any:
            nonlocal done
            done += 1
            return kernel.run(params, span)

        return replace(kernel, run=run)

    def stopping() -> bool:
        ended = all(job.state in FINAL for job in h.store.views.jobs(200))
        return ended or (slices is not None and done >= slices)

    found = {name: counted(kernel) for name, kernel in h.kernels().items()}
    session = session_here(h, rq_name)
    worker = Worker(
        LocalPort(h), found, h.clock, h.settings, session, stopping=stopping, lanes=OneThread
    )
    worker.shift(Hint())


class WorkingClock(ManualClock):
    """Time passes when somebody waits, and meanwhile a worker does a few slices."""

    def __init__(self) -> None:
        super().__init__()
        self.h: Hydra | None = None
        self.slices = 3

    def sleep_s(self, seconds: float) -> None:
        """Jump ahead, and let the worker work."""
        super().sleep_s(seconds)
        if self.h and self.slices:
            h, self.h = self.h, None  # a worker that waits, too, does not start another one
            work_on(h, self.slices)
            self.h = h


@dataclass
class Reply:
    """As much of urllib3's response as the client reads."""

    status: int
    data: bytes


class DoorPool:
    """Stands where the client has its connections, and hands requests to an application."""

    def __init__(self, http: FlaskClient) -> None:
        self.http = http
        self.requests: list[tuple[str, str, Mapping[str, str]]] = []
        self.down = False

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request."""
        parts = urlsplit(url)
        path = f"{parts.path}?{parts.query}"
        self.requests.append((method, path, headers or {}))
        if self.down:
            raise urllib3.exceptions.ProtocolError("nobody there")
        reply = self.http.open(path, method=method, data=body, headers=dict(headers or {}))
        return Reply(reply.status_code, reply.data)

    def clear(self) -> None:
        """Nothing is open."""
