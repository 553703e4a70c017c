"""A kernel that does not give its golden answers is not worked on."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from hydra import kernels, wiring
from hydra.kernels import Kernel
from hydra.model import Params, Span, Sums
from hydra.model.messages import Hint
from hydra.services.claim import claim
from hydra.services.submit import submit
from hydra.work import proof
from hydra.work.local import session_here
from tests.toy import toy


@pytest.fixture
def spoilt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine miscounts."""
    pi = kernels.load()["pi"]

    def run(params: Params, span: Span) -> Sums:
        return {"hits": pi.run(params, span)["hits"] ^ 1}

    miscounting = kernels.load() | {"pi": dataclasses.replace(pi, run=run)}
    monkeypatch.setattr(proof, "load", lambda: miscounting)
    proof.proven.cache_clear()
    yield
    proof.proven.cache_clear()


def test_every_kernel_here_proves_itself() -> None:
    assert {name: proof.fault_of(k) for name, k in kernels.load().items()} == dict.fromkeys(
        kernels.load(), ""
    )


def test_a_machine_that_miscounts_is_given_no_work(
    spoilt: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert "pi" not in proof.proven()
    assert "kernel refused name=pi" in caplog.text
    h = dataclasses.replace(wiring.in_memory(), kernels=proof.proven)
    submit(wiring.Hydra(h.store, h.queue, h.clock, h.settings, kernels.load), "pi", {})
    session = session_here(h)
    h.store.verbs.enlist(session)
    assert claim(h, session, 1, Hint()) is None


def test_a_kernel_that_raises_is_refused_by_name() -> None:
    def broken(_params: object, _span: object) -> Sums:
        raise MemoryError("no room")

    pi = dataclasses.replace(kernels.load()["pi"], run=broken)
    assert proof.fault_of(pi).endswith("raised MemoryError: no room")


def test_a_rehearsal_finishes_what_is_whole_and_survives_a_bug(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    finished: list[str] = []

    def kernel(name: str, golden: tuple[int, int]) -> Kernel:
        def finish(_params: Any, _whole: Any) -> Any:
            finished.append(name)
            raise ValueError("a bug")

        return toy(name, GOLDEN=[({}, golden, {})], size=lambda _params: 3, finish=finish)

    proof.preload_finish([kernel("whole", (0, 3)), kernel("part", (1, 3)), kernel("too", (0, 3))])
    assert finished == ["whole", "too"]
    assert "finish failed name=whole" in caplog.text
    assert os.environ["OMP_NUM_THREADS"] == "1"
