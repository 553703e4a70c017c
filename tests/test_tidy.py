"""The style law, where a machine can keep it. Exceptions are listed here with their reason."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.turns import TOGETHER

ROOT = Path(__file__).parent.parent
COLUMNS_MAX = 100

CLOCK_USERS = {"hydra/clock.py"}
"""The only files that may call the machine's clock or random source."""

PRINTERS = {"hydra/cli", "benchmarks", "workers/up.py"}
"""Where writing to the terminal is the job."""

FOREIGN_WORDS = re.compile(
    r"(^|[^a-z])(/work/|/root/|/opt/|/farm/)|\b(TODO|FIXME|XXX)\b|NotImplementedError"
)


@cache
def tracked() -> tuple[str, ...]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return tuple(sorted(path for path in listed if path and (ROOT / path).is_file()))


def sources(*endings: str) -> list[str]:
    paths = [path for path in tracked() if path.endswith(endings) and "/vendor/" not in path]
    return [path for path in paths if not (ROOT / path).is_symlink()]


def read(path: str) -> str:
    return (ROOT / path).read_text()


def inside(path: str, places: set[str]) -> bool:
    return any(path == place or path.startswith(place + "/") for place in places)


CODE = sources(".py", ".pyx", ".pyi", ".lua", ".h", ".c", ".js", ".css", ".html")
PYTHON = sources(".py")
PRODUCT = [path for path in PYTHON if not path.startswith(("tests/", "benchmarks/"))]


@pytest.mark.parametrize("path", CODE)
def test_lines_fit_on_a_screen(path: str) -> None:
    lines = read(path).splitlines()
    wide = [n for n, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]
    assert not wide, f"lines wider than {COLUMNS_MAX}: {wide}"


@pytest.mark.parametrize("path", PYTHON)
def test_modules_say_what_they_are(path: str) -> None:
    tree = ast.parse(read(path))
    assert not tree.body or ast.get_docstring(tree), "no docstring"


@pytest.mark.parametrize("path", PRODUCT)
def test_time_and_chance_come_through_the_clock(path: str) -> None:
    if path in CLOCK_USERS:
        return
    for node in ast.walk(ast.parse(read(path))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not {"time", "random", "secrets", "uuid"} & set(names), names


@pytest.mark.parametrize("path", PRODUCT)
def test_only_the_terminal_prints(path: str) -> None:
    if not inside(path, PRINTERS):
        calls = [n for n in ast.walk(ast.parse(read(path))) if isinstance(n, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]


@pytest.mark.parametrize("path", sources(".py", ".pyx", ".lua", ".h", ".md", ".js", ".toml"))
def test_nothing_is_left_over_or_of_one_machine(path: str) -> None:
    if path != "tests/test_tidy.py":
        found = FOREIGN_WORDS.search(read(path))
        assert not found, found


@pytest.mark.parametrize("path", sources(".py"))
def test_names_say_what_a_file_is_for(path: str) -> None:
    assert Path(path).stem not in {"utils", "util", "helpers", "manager", "common", "misc"}


def test_what_a_module_shares_is_made_once() -> None:
    """Fixtures of a module are made again by every process that runs one of its tests."""
    makers = [path for path in PYTHON if 'fixture(scope="module")' in read(path)]
    here = {f"{Path(path).parent}/" if path.endswith("conftest.py") else path for path in makers}
    assert here - {"tests/test_tidy.py"} <= set(TOGETHER)


def test_every_error_has_a_code_of_its_own() -> None:
    from hydra import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    codes = [c.code for c in classes if issubclass(c, errors.HydraError)]
    assert len(set(codes)) == len(codes)
    assert errors.__doc__
    for c in classes:
        assert c.__name__ in errors.__doc__, f"{c.__name__} is not in the drawn tree"
