"""The page for those who write a workload is true: each of its blocks is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "write-your-own-workload.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.]+)\n")

BLOCKS = BLOCK.findall(PAGE.read_text())
FILES = {match[1]: text for _, text in BLOCKS if (match := FILE.match(text))}
SNIPPETS = [text for kind, text in BLOCKS if kind == "python" and not FILE.match(text)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, with an entry point file as an installer makes it of its pyproject."""
    folder = tmp_path_factory.mktemp("page")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    entries = project["entry-points"]["hydra.kernels"]
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[hydra.kernels]", *lines, ""]))
    return folder


def run(folder: Path, *words: str) -> str:
    path = os.pathsep.join([str(folder), str(ROOT), *sys.path])
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page_holds_what_it_promises() -> None:
    assert {*FILES} == {
        "distance.py", "squares.py", "_distance.pyx", "setup.py", "pyproject.toml",
    }  # fmt: skip
    assert len(SNIPPETS) >= 2
    assert {kind for kind, _ in BLOCKS} == {"python", "cython", "toml", "console"}


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_each_snippet_runs(folder: Path, number: int) -> None:
    run(folder, "-W", "error", "-c", SNIPPETS[number])


@pytest.mark.slow
def test_its_kernels_are_found_and_keep_the_contract(folder: Path) -> None:
    said = run(
        folder,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "distance or squares",
        "tests/contract/test_kernels.py",
    )
    assert " passed" in said
    names = "from hydra import kernels; print(*kernels.load())"
    assert {"distance", "squares"} <= set(run(folder, "-c", names).split())


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("CI") and not shutil.which("cc") and not shutil.which("gcc"),
    reason="there is no C compiler here",
)
def test_its_compiled_part_compiles_and_agrees(folder: Path) -> None:
    run(
        folder,
        "-c",
        f"import os; os.chdir({str(folder)!r}); import sys; "
        "sys.argv[1:] = ['-q', 'build_ext', '--inplace']; exec(open('setup.py').read())",
    )
    run(
        folder,
        "-c",
        "import distance as d, _distance as c; from hydra.model import Span\n"
        "p = {'pairs': 5 * d.UNIT_PAIRS, 'seed': 3}\n"
        "for unit in range(5):\n"
        "    total = d.LENGTHS.join(d.run(p, Span(unit, unit + 1)))\n"
        "    assert c.total(3, unit, d.UNIT_PAIRS) == total",
    )


def test_its_commands_are_commands() -> None:
    words = [
        line.split()[1:] for kind, text in BLOCKS if kind == "console" for line in text.splitlines()
    ]
    assert all(word[0] in {"pytest", "pip", "hydra"} for word in words)


def test_every_check_of_the_health_page_has_its_alarm() -> None:
    sources = "server/connection.py", "services/health.py", "store/redis/health.py"
    text = "\n".join((ROOT / "hydra" / name).read_text() for name in sources)
    checks = set(re.findall(r'Check\("(\w+)"', text))
    page = (ROOT / "docs" / "operations.md").read_text()
    assert checks == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert len(checks) == 8
