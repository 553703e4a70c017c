"""A workload in a package of its own: built, installed, found, and computed by a fleet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.fleet import Fleet, clean_env, hydra

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "hydra-percolation"
JOB = {"trials": 20_000, "seed": 7, "side": 48, "probability": 0.6}

ALONE = f"""
import json
from hydra import kernels
from hydra.model import Span
kernel, params = kernels.load()["percolation"], {JOB}
print(json.dumps(kernel.finish(params, kernel.run(params, Span(0, kernel.size(params))))))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example built and installed as pip does it, without any network."""
    folder = tmp_path_factory.mktemp("example")
    source = shutil.copytree(EXAMPLE, folder / "source")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         "--no-build-isolation", "--no-deps", "--no-index", "--no-cache-dir",
         "--target", str(folder / "site"), str(source)],
        env=clean_env(), cwd=folder, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode and not os.environ.get("CI"):
        if not shutil.which("cc") and not shutil.which("gcc"):
            pytest.skip("there is no C compiler here")
        if "No module named pip" in done.stderr:
            pytest.skip("there is no pip here")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def path(installed: Path) -> str:
    """PYTHONPATH of a machine that has the package."""
    return os.pathsep.join([*sys.path, str(installed)])


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, path: str) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path_factory.mktemp("fleet"), PYTHONPATH=path)
    yield fleet
    fleet.close()


def python(program: list[str], path: str) -> str:
    done = subprocess.run(
        [sys.executable, *program],
        env=clean_env(PYTHONPATH=path),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def alone(path: str) -> dict[str, Any]:
    """The job's answer from one process without Hydra around the kernel."""
    return json.loads(python(["-c", ALONE], path))


def test_the_contract_of_kernels_holds_for_it(path: str) -> None:
    """The suite that tests Hydra's own kernels finds this one by itself."""
    said = python(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "percolation",
         "tests/contract/test_kernels.py"], path,
    )  # fmt: skip
    assert " passed" in said
    assert " skipped" not in said


@pytest.mark.parametrize("kind", ["stock", "worker"])
def test_a_fleet_computes_it(fleet: Fleet, alone: dict[str, Any], kind: str) -> None:
    """RQ's own worker, and Hydra's: the answer is that of one process, bit for bit."""
    getattr(fleet, kind)(f"a-{kind}")
    try:
        job = fleet.client.submit("percolation", **JOB)
        assert job.result(60) == alone
        assert 0.5 < alone["spanning"] < 0.9
        claims = [entry["text"] for entry in job.story() if entry["verb"] == "claim"]
        assert claims
        assert all(text.startswith(f"a-{kind} ") for text in claims)
    finally:
        fleet.dismiss()


def test_the_command_line_checks_its_parameters(fleet: Fleet) -> None:
    done = subprocess.run(
        hydra("submit", "percolation", "trials=0"),
        env=fleet.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "trials must be at least 1, not 0" in done.stderr
