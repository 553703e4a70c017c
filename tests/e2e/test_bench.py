"""`hydra bench fleet` with real workers under real quotas, and what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hydra.bench.quotas import groups
from hydra.errors import HydraError
from hydra.work import sessions
from tests.e2e.fleet import clean_env, environment, hydra
from tests.waiting import until

pytestmark = pytest.mark.e2e

SHORT = (
    "bench",
    "fleet",
    "--quotas",
    "1,2",
    "--cores",
    "1",
    "--ideal-seconds",
    "4",
    "--solo-seconds",
    "1",
)


@pytest.fixture(autouse=True)
def _quotas() -> None:
    """Cgroups are the machine's to give: a container in CI may have none."""
    try:
        with groups([f"hydra-test-{os.getpid()}"]):
            pass
    except HydraError as error:
        pytest.skip(error.sentence)


def cgroups_of(folder: Path) -> list[str]:
    """Cgroups of benches whose temporary folder lies in `folder`."""
    names = {path.name for path in folder.iterdir()}
    made = Path("/sys/fs/cgroup").glob("**/hydra-bench-*")
    return [str(path) for path in made if path.name.rpartition("-")[0] in names]


def family(folder: Path) -> list[int]:
    mark = f"HYDRA_STATE_DIR={folder}".encode()
    return [
        pid
        for pid, _ in sessions.living()
        if any(word.startswith(mark) for word in environment(pid))
    ]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A bench that goes on for a while; after the test it is gone, and so are its cgroups."""
    env = clean_env(TMPDIR=str(tmp_path))
    with subprocess.Popen(
        hydra(*SHORT), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as bench:
        yield bench
        bench.terminate()


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder with a short name: with a long one the socket gets a folder of its own."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h") as folder:
        yield Path(folder)


@pytest.mark.long
def test_a_short_bench_is_exact_and_leaves_nothing(short_path: Path) -> None:
    tmp_path = short_path
    done = subprocess.run(
        hydra(*SHORT, "--json", "--csv", str(tmp_path / "csv")),
        env=clean_env(TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["races"]
    assert row["right"]
    assert row["makespan_s"] > 0
    assert {path.name for path in (tmp_path / "csv").iterdir()} >= {"races.csv", "speeds.csv"}
    assert [path.name for path in tmp_path.iterdir()] == ["csv"]
    assert not family(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_bench_that_is_told_to_end_leaves_nothing(
    bench: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals
) -> None:
    until(lambda: len(cgroups_of(tmp_path)) == 2, within_s=120, what="cgroups")
    left = cgroups_of(tmp_path)
    until(lambda: len(family(tmp_path)) > 3, within_s=60, what="services and workers")
    bench.send_signal(number)
    assert bench.wait(60) == 130
    assert not family(tmp_path)
    assert not any(Path(path).exists() for path in left)
