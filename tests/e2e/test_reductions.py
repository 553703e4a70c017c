"""Answers over a slow link to a real server: each call must fit into its time-out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from hydra.clock import SystemClock
from hydra.kernels import join_pieces
from hydra.model import JobState, Pieces, Span, limits
from hydra.model.messages import Hint
from hydra.server.connection import connect
from hydra.services import Hydra
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import over
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.e2e.conftest import Start
from tests.e2e.fleet import free_port
from tests.e2e.slow_link import SlowLink, slow_link
from tests.toy import toy

CALL_S = 1.0
"""The time-out of a worker's call."""

BITS_PER_S = 5e6
UNITS = 8
NOISE = b"".join(SystemClock().new_id().encode() for _ in range(64))


def draw(_params: Any, span: Span) -> Pieces:
    """Two kilobytes a unit."""
    return dict.fromkeys(range(*span), NOISE)


def finish(_params: Any, whole: Pieces) -> dict[str, Any]:
    """A file of two megabytes: more than three seconds at that rate."""
    return {"image": b"".join(whole.values()) * 128}


KERNEL = toy("toy", run=draw, merge=join_pieces, PIECE_BYTES_MAX=len(NOISE), finish=finish)


@pytest.fixture
def link(start_server: Start) -> Iterator[SlowLink]:
    port = free_port()
    start_server(redis_bind="127.0.0.1", redis_port=port)
    with slow_link(port, 0) as link:
        yield link


def brought_in(h: Hydra) -> str:
    """A job whose units are all in."""

    class Idle(LocalPort):
        def reduce(self, session: object, job: str = "") -> bool:
            return False

    job = submit(h, "toy", {"units": UNITS}).id
    worker = Worker(Idle(h), h.kernels(), h.clock, h.settings, session_here(h), lanes=OneThread)
    while h.store.views.job(job).state is JobState.RUNNING:
        worker.shift(Hint())
    return job


@pytest.mark.slow
def test_a_file_is_uploaded_over_a_slow_link(link: SlowLink) -> None:
    """Each part was a megabyte, sent again and again until the job failed."""
    with connect(f"redis://127.0.0.1:{link.port}", timeout_s=CALL_S) as client:
        settings = Settings.read({}, shift_seconds=0, outage_seconds=5)
        h = replace(over(client, settings), kernels=lambda: {"toy": KERNEL})
        job = brought_in(h)
        session = session_here(h)
        h.store.verbs.enlist(session)
        link.bits_per_s = BITS_PER_S
        assert LocalPort(h).reduce(session, job)
        link.bits_per_s = 0
        content = h.store.views.file(job, "image")
        assert content == NOISE * UNITS * 128
        assert len(content) * 8 / BITS_PER_S > 3 * CALL_S
        assert len(content) > 100 * limits.FILE_PART_BYTES
        attempts = [e.fields for e in h.store.views.story(job) if "attempt" in e.fields]
        assert len(attempts) == 1
