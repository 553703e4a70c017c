"""A kernel is found where it lies: a file of the folder, or an installed package's entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hydra import kernels
from hydra.kernels import Kernel
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
    "print(sorted(k), k['counting'].finish({}, {'n': 3}), k['counting'].version)"
)


def _asked(folder: Path, modules: dict[str, str], ask: str) -> subprocess.CompletedProcess[str]:
    """What a process prints that has a package with these kernels, by name."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    info = folder / "counting-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1.0\n")
    lines = ["[hydra.kernels]", *(f"{name} = {name}" for name in modules), ""]
    (info / "entry_points.txt").write_text("\n".join(lines))
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); {ask}"
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent.parent,
    )


def test_the_folder_is_looked_through() -> None:
    assert kernels.load()["pi"].run is pi.run
    assert not any(name.startswith("_") for name in kernels.load())
    assert kernels.broken() == {}


def test_an_installed_package_brings_its_kernel(tmp_path: Path) -> None:
    shown, _, version = _asked(tmp_path, {"counting": MODULE}, ASK).stdout.strip().rpartition(" ")
    assert "'counting'" in shown
    assert "{'n': 3}" in shown
    assert len(version) == 16


def test_another_golden_answer_is_another_version(monkeypatch) -> None:
    before = Kernel.of(pi).version
    params, span, partial = pi.GOLDEN[0]
    monkeypatch.setattr(pi, "GOLDEN", [(params, span, {"hits": partial["hits"] + 1})])
    assert Kernel.of(pi).version != before
    monkeypatch.undo()
    assert Kernel.of(pi).version == before


BROKEN = {
    "counting": MODULE,
    "goldless": MODULE.replace("GOLDEN", "GOLD"),
    "misspelt": MODULE.replace("def ", "dfe "),
    "needing": "import no_such_package\n" + MODULE,
}

TELL = """
import json, logging
logging.basicConfig()
from hydra import kernels
from hydra.cli import findings
from hydra.settings import Settings
doctor = {each.subject: [each.grade, each.text] for each in findings._kernels(Settings.read({}))}
print(json.dumps([list(kernels.load()), kernels.broken(), doctor]))
"""


def test_a_broken_kernel_is_left_out_and_the_others_work(tmp_path: Path) -> None:
    program = f"exec({TELL!r})"
    done = _asked(tmp_path, BROKEN, program)
    names, broken, doctor = json.loads(done.stdout)
    assert names == ["counting", "mandelbrot", "option", "pi"]
    assert broken.keys() == BROKEN.keys() - {"counting"}
    assert broken["goldless"] == "kernel module goldless: GOLDEN is missing"
    assert broken["misspelt"].startswith("it cannot be imported: SyntaxError: ")
    assert broken["needing"].startswith("it cannot be imported: ModuleNotFoundError: ")
    for name, why in broken.items():
        assert f"kernel left out name={name} why=" in done.stderr
        assert doctor[f"kernel {name}"] == ["bad", f"{why}: it is left out"]
    assert doctor["kernel counting"][0] == "ok"
