"""Two jobs, one worker whose task's hint names the first: both get their turns within one shift."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hydra.clock import ManualClock
from hydra.kernels import Param
from hydra.model import Span
from hydra.model.messages import Hint
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import in_memory
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.toy import toy


@pytest.mark.parametrize("priority", [1.0, 3.0])
@pytest.mark.parametrize("hinted", [False, True])
def test_a_hint_is_no_second_turn(priority: float, hinted: bool) -> None:
    clock = ManualClock()

    def run(_params: Mapping[str, Any], span: Span) -> dict[str, int]:
        clock.sleep_s(span.units * 0.001)
        return {"n": span.units}

    kernel = toy("toy", PARAMS={"units": Param(int, 1, 0, 10**9)}, SUMS={"n": (0, 1)}, run=run)
    h = in_memory(Settings.read({}, shift_seconds=60.0), clock, lambda: {"toy": kernel})
    first = submit(h, "toy", {"units": 10**7})
    second = submit(h, "toy", {"units": 10**7}, priority=priority)
    worker = Worker(LocalPort(h), h.kernels(), clock, h.settings, session_here(h), lanes=OneThread)
    worker.shift(Hint(first.id if hinted else ""))
    one, two = (h.store.views.job(job.id).done_units for job in (first, second))
    assert two / one == pytest.approx(priority, rel=0.25)
