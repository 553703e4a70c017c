"""What `pip install` puts on a machine: the sdist, the wheel made from it, and how they work."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from hydra import __version__
from hydra.kernels.builtin import pi
from hydra.model import JobState
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.wiring import over
from tests.e2e.fleet import HITS, SEED, Hand, clean_env, loaded, stock
from tests.waiting import until

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "*.c", "node_modules"
)
POINTS = min(HITS)

COUNT = f"""
from hydra.kernels.builtin import pi
from hydra.model import Span
params = {{"samples": {POINTS // 10}, "seed": {SEED}}}
print(pi.BACKEND, pi.run(params, Span(0, pi.size(params)))["hits"])
"""


def bare_env(**more: str) -> dict[str, str]:
    """The environment of a person who has only installed the package."""
    env = clean_env(**more)
    del env["PYTHONPATH"]
    return env


def build(source: Path, into: Path, *options: str, **env: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", into, source],
        capture_output=True,
        text=True,
        env=bare_env(**env),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@dataclass(frozen=True)
class Built:
    """The sdist, and the wheel that was made from it."""

    sdist: Path
    wheel: Path


@dataclass(frozen=True)
class Home:
    """A virtual environment with nothing but the wheel in it; what it needs lies beside it."""

    folder: Path

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.folder / "bin" / "python")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of it, away from the checkout."""
        return subprocess.run(
            [str(self.folder / "bin" / words[0]), *words[1:]],
            cwd=self.folder,
            env=bare_env(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def install(wheel: Path, folder: Path) -> Home:
    """A fresh virtual environment with the wheel, and a view of this one's other packages."""
    venv.create(folder)
    home = Home(folder)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "-q",
            "--python",
            home.python,
            "install",
            "--no-deps",
            "--no-index",
            "--disable-pip-version-check",
            wheel,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    paths = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    site = next(folder.glob("lib*/python*/site-packages"))
    (site / "others.pth").write_text("\n".join(paths) + "\n")
    return home


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Made from a copy: a build writes into its source."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, folder / "source", symlinks=True, ignore=LEFT_OUT)
    build(folder / "source", folder)
    return Built(next(folder.glob("*.tar.gz")), next(folder.glob("*.whl")))


@pytest.fixture(scope="module")
def home(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return install(built.wheel, tmp_path_factory.mktemp("home"))


def test_the_sdist_holds_sources_only(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py"} <= names
    assert "hydra/kernels/native/pi.pyx" in names
    assert {"web/pages.py", "workers/tasks.py", "tests/waiting.py"} <= names
    assert not [name for name in names if name.endswith((".c", ".so", ".pyc"))]
    assert not [name for name in names if name.startswith(("hydra/web/", "hydra/workers/"))]


def test_the_wheel_holds_all_that_runs(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = set(archive.namelist())
    assert {"hydra/py.typed", "hydra/workers/tasks.py", "hydra/web/pages.py"} <= names
    for folder, kind in (("hydra/store/lua", "*.lua"), ("web/templates", "*"), ("web/static", "*")):
        here = {path for path in (ROOT / folder).rglob(kind) if path.is_file()}
        prefix = "hydra/" if folder.startswith("web") else ""
        assert {f"{prefix}{path.relative_to(ROOT)}" for path in here} <= names
    assert not [name for name in names if name.endswith((".c", ".pyx", ".pyc"))]
    # What Cython kernels of other packages are built with.
    headers = [name for name in names if name.endswith((".h", ".pxd"))]
    folders = ("hydra/kernels/native/", "hydra/kernels/streams/")
    assert all(name.startswith(folders) for name in headers)
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"hydra", f"hydra-{__version__}.dist-info"}
    assert f"hydra-{__version__}.dist-info/licenses/LICENSE" in names


def test_installed_it_is_one_package(home: Home) -> None:
    """`web` and `workers` are folders of the checkout; installed, they are inside `hydra`."""
    every = "import hydra, hydra.kernels, hydra.web, hydra.workers; print(hydra.__file__)"
    done = home.run("python", "-c", every)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(home.folder))
    for name in ("web", "workers"):
        done = home.run("python", "-c", f"import {name}")
        assert "ModuleNotFoundError" in done.stderr
    done = home.run("hydra", "--version")
    assert done.stdout == f"hydra, version {__version__}\n", done.stderr


@pytest.mark.skipif(pi.BACKEND == "numpy", reason="no compiler here")
def test_installed_it_computes_with_compiled_code(home: Home) -> None:
    done = home.run("python", "-c", COUNT)
    assert done.stdout.split()[:1] == [pi.BACKEND], done.stderr


def test_without_a_compiler_it_counts_the_same(built: Built, home: Home, tmp_path: Path) -> None:
    """The compiled kernel is optional: such a build succeeds, and NumPy does the work."""
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    source = next((tmp_path / "source").iterdir())
    build(source, tmp_path, "--wheel", CC="/bin/false", CXX="/bin/false")
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".so")]
    done = install(wheel, tmp_path / "home").run("python", "-c", COUNT)
    assert done.stdout.split()[:1] == ["numpy"], done.stderr
    assert done.stdout.split()[1:] == home.run("python", "-c", COUNT).stdout.split()[1:]


def test_installed_a_stock_worker_computes_a_job(
    home: Home, redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    h = over(redis_client, Settings.read({}))
    job = submit(h, "pi", {"samples": POINTS, "seed": SEED})
    env = bare_env(HYDRA_STATE_DIR=str(tmp_path / "state"))
    worker = Hand("w", stock(redis_url, python=home.python), env, tmp_path / "w.log")
    try:
        until(lambda: h.store.views.job(job.id).state is JobState.DONE, within_s=20)
        assert (h.store.views.answer(job.id) or {})["hits"] == HITS[POINTS]
        own = f"{home.folder}/lib"
        assert pi.BACKEND == "numpy" or own in loaded(worker.horse())
    finally:
        worker.kill()
