"""`hydra doctor` measures each kernel: long enough, in its own units, beside its bound."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import hydra
from hydra import kernels
from hydra.cli import findings
from hydra.kernels import Kernel, Param, speed
from hydra.settings import Settings
from tests.toy import toy


def kernel(monkeypatch: pytest.MonkeyPatch, unit_s: float, **more: Any) -> tuple[Kernel, list[int]]:
    """A kernel whose units take so long by a clock that only it turns, and the spans it got."""
    turned = SimpleNamespace(now_s=5.0, spans=[])
    monkeypatch.setattr(speed, "thread_cpu_s", lambda: turned.now_s)

    def run(params: Any, span: Any) -> dict[str, int]:
        turned.now_s += unit_s * span.units
        turned.spans.append(span.units)
        return {}

    made = toy("slow", PARAMS={"units": Param(int, 10**6, 1, 10**9)}, run=run, **more)
    return made, turned.spans


def test_spans_double_until_one_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, spans = kernel(monkeypatch, 0.01)
    found = speed.speed_of(made)
    assert spans == [1, 2, 4, 8]
    assert found.a_second == pytest.approx(100)
    assert (found.noun, found.of_bound) == ("units", 0.0)


def test_a_job_that_is_shorter_is_measured_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    made, spans = kernel(monkeypatch, 0.001, PRESETS={"small": {"units": 5}})
    assert speed.speed_of(made).a_second == pytest.approx(1000)
    assert spans == [1, 2, 4, 5]


def test_a_heavy_unit_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, spans = kernel(monkeypatch, 10.0, UNIT_HOLDS=(64, "points"), bound_units_s=lambda: 0.125)
    assert speed.speed_of(made) == speed.Speed(6.4, "points", 0.8)
    assert spans == [1]


def test_doctor_tells_the_speed_of_every_kernel() -> None:
    found = {each.subject: each.text for each in findings._kernels(Settings.read({}))}
    for name, each in kernels.load().items():
        _, noun = each.unit_holds
        assert f" {noun}/s on one core" in found[f"kernel {name}"]


NOT_COMPILED = """
import sys
for name in ("native.pi", "native.mandelbrot", "native.option", "streams.native"):
    sys.modules["hydra.kernels." + name] = None
from hydra.cli import findings
from hydra.settings import Settings
for each in findings._kernels(Settings.read({})):
    print(each.grade.value, each.text)
"""


def test_doctor_measures_without_a_compiler_too() -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(hydra.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", NOT_COMPILED], env=env, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == len(kernels.load())
    for line in lines:
        assert line.startswith("warning ")
        assert "numpy, " in line
        assert "/s on one core; slow, since" in line
        assert "bound" not in line


@pytest.mark.parametrize(
    ("number", "text"),
    [(12_640_000_000.0, "12.6 G"), (8_430_000.0, "8.43 M"), (950.4, "950"), (1500.0, "1.5 k")],
)
def test_rates_are_short(number: float, text: str) -> None:
    assert findings._short(number) == text
