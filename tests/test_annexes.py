"""Annexes: each is a folder and a line; the core knows none of them, and none knows another."""

from __future__ import annotations

import ast
import os
import pkgutil
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest
from click.testing import CliRunner

import hydra
from hydra import annexes, cli, wiring
from hydra.clock import ManualClock
from hydra.settings import Settings
from hydra.web import create_app

ROOT = Path(__file__).parent.parent
ABOVE = {"hydra.annexes", "hydra.wiring", "hydra.api", "hydra.web", "hydra.workers", "hydra.bench"}
ABOVE |= {"hydra.cli"}
"""What stands above the annexes: it asks hydra/annexes.py for what they have."""


def floors() -> set[str]:
    """Every module that has a floor in pyproject.toml."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(c for c in contracts["contracts"] if c["name"] == "Floors")["layers"]
    return {f"hydra.{word.strip()}" for layer in layers for word in layer.split("|")}


def test_every_module_has_a_floor_or_is_an_annex() -> None:
    found = {f"hydra.{info.name}" for info in pkgutil.iter_modules(hydra.__path__)}
    assert found - {"hydra.__main__"} == floors() | set(annexes.ANNEXES)


def test_nobody_imports_an_annex_and_none_looks_up_or_aside() -> None:
    graph = grimp.build_graph("hydra", include_external_packages=False)
    for name in annexes.ANNEXES:
        inside = {name, *graph.find_descendants(name)}
        others = set(annexes.ANNEXES) - {name}
        for module in inside:
            users = graph.find_modules_that_directly_import(module) - inside
            assert not users, f"{module} is imported by {users}"
            for used in graph.find_modules_directly_imported_by(module):
                room = ".".join(used.split(".")[:2])
                assert room not in ABOVE | others, f"{module} imports {used}"


def test_an_annex_has_one_line_in_the_core() -> None:
    for name in annexes.ANNEXES:
        folder = name.removeprefix("hydra.")
        for path in (ROOT / "hydra").rglob("*.py"):
            if folder not in path.relative_to(ROOT / "hydra").parts:
                lines = [line for line in path.read_text().splitlines() if name in line]
                assert len(lines) == (path.name == "annexes.py"), (path, lines)


def test_the_record_names_what_is_there() -> None:
    for annex in annexes.annexes():
        for paths in (annex.routes, annex.pages, annex.metrics, annex.wires):
            assert all(callable(annexes.load(path)) for path in paths)
        for path in (*annex.commands.values(), *annex.scenarios.values()):
            assert annexes.load(path)


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The annex of tests, alone."""
    monkeypatch.setattr(annexes, "ANNEXES", ("tests.annex_of_tests",))


@pytest.mark.usefixtures("guest")
def test_every_door_goes_through_the_list() -> None:
    h = wiring.in_memory(Settings.read({}), ManualClock())
    assert h.settings.host == "the annex"
    http = create_app(h).test_client()
    assert http.get("/api/greeting").get_json() == {"words": "hello from the annex"}
    assert "/api/greeting" in http.get("/api/openapi.json").get_json()["paths"]
    assert http.get("/greeting").text == "hello"
    assert "hydra_greetings 3.0" in http.get("/metrics").text
    run = CliRunner().invoke
    assert run(cli.main, ["greet"]).output == "hello\n"
    assert "greet " in run(cli.main, ["--help"]).output
    assert "greeting" in run(cli.main, ["simulate", "--scenario", "list"]).output
    said = run(cli.main, ["simulate", "--scenario", "greeting"])
    assert said.exit_code == 0, said.output


def test_without_annexes_everything_else_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with_all = create_app(wiring.in_memory()).test_client()
    described = with_all.get("/api/openapi.json").get_json()["paths"]
    monkeypatch.setattr(annexes, "ANNEXES", ())
    http = create_app(wiring.in_memory()).test_client()
    left = http.get("/api/openapi.json").get_json()["paths"]
    assert set(described) - set(left) == {
        "/api/adaptive_chunking_metrics",
        "/api/adaptive_tiling_metrics",
    }
    assert http.get("/api/adaptive_chunking_metrics").status_code == 404
    assert http.get("/").status_code == http.get("/api/v1/jobs").status_code == 200


@pytest.mark.long
def test_with_folders_and_lines_deleted_the_core_passes_its_tests(tmp_path: Path) -> None:
    """A copy of the checkout without any annex."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    gone = [name.removeprefix("hydra.") for name in annexes.ANNEXES]
    for path in filter(None, tracked):
        if not any(path.startswith((f"hydra/{name}/", f"tests/{name}/")) for name in gone):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, tmp_path / path, follow_symlinks=False)
    for built in (ROOT / "hydra").rglob("*.so"):
        shutil.copy2(built, tmp_path / built.relative_to(ROOT))
    shown = tmp_path / "hydra" / "annexes.py"
    before = shown.read_text()
    (line,) = [
        node
        for node in ast.parse(before).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ANNEXES"
    ]
    shown.write_text(before.replace(ast.get_source_segment(before, line) or "", "ANNEXES = ()"))
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"),
            *("tests/unit", "tests/contract", "tests/http", "tests/sim"),
            *("-m", "not e2e and not slow and not long"),
            *("--deselect", "tests/test_annexes.py"),
        ],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
