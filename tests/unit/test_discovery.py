"""A kernel is found where it lies: a file of the folder, or an installed package's entry point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hydra import kernels
from hydra.kernels.builtin import pi

MODULE = '''"""Count the units."""
from hydra.kernels import Param, add_sums as merge

VERSION = 1
PARAMS = {"units": Param(int, 1, 1, 100, "how many")}
SUMS = {"n": (1, 1)}
GOLDEN = [({"units": 3}, (0, 3), {"n": 3})]


def size(p):
    return p["units"]


def run(p, span):
    return {"n": span.stop - span.start}


def finish(p, whole):
    return whole
'''

ASK = (
    "from hydra import kernels; k = kernels.load(); "
    "print(sorted(k), k['counting'].finish({}, {'n': 3}), kernels.version_of(k['counting']))"
)


def test_the_folder_is_looked_through() -> None:
    assert kernels.load()["pi"] is pi
    assert not any(name.startswith("_") for name in kernels.load())


def test_an_installed_package_brings_its_kernel(tmp_path: Path) -> None:
    (tmp_path / "counting.py").write_text(MODULE)
    info = tmp_path / "counting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hydra.kernels]\ncounting = counting\n")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {ASK}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )
    shown, _, version = done.stdout.strip().rpartition(" ")
    assert "'counting'" in shown
    assert "{'n': 3}" in shown
    assert len(version) == 16


def test_another_golden_answer_is_another_version(monkeypatch) -> None:
    before = kernels.version_of(pi)
    params, span, partial = pi.GOLDEN[0]
    monkeypatch.setattr(pi, "GOLDEN", [(params, span, {"hits": partial["hits"] + 1})])
    assert kernels.version_of(pi) != before
    monkeypatch.undo()
    assert kernels.version_of(pi) == before
