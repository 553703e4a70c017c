"""Several processes that test: what belongs together stays so; a dead process costs one test."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFTEST = """
import pytest
from tests import turns
turns.TOGETHER = ("test_together.py",)
def pytest_xdist_make_scheduler(config, log):
    return turns.Turns(config, log)
"""

TOGETHER = """
import os
import pytest
HERE = []
@pytest.mark.parametrize("n", range(4))
def test_together(n):
    HERE.append(n)
    assert HERE == list(range(n + 1))
"""

ALONE = """
import os
import pytest
@pytest.mark.parametrize("n", range(9))
def test_alone(n):
    with open(os.environ["TRACE"], "a") as trace:
        trace.write(f"{n}\\n")
    if n in (2, 8):
        os._exit(1)
"""


@pytest.mark.slow
def test_every_test_runs_once_though_two_end_their_processes(tmp_path: Path) -> None:
    """xdist's own scheduler ran such a test again and again, and then waited for ever."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_together.py").write_text(TOGETHER)
    (tmp_path / "test_alone.py").write_text(ALONE)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "2",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:schemathesis",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TRACE": str(tmp_path / "trace")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 failed, 11 passed" in done.stdout, done.stdout + done.stderr
    assert sorted((tmp_path / "trace").read_text().split()) == list(map(str, range(9)))
