"""docker-compose.yml: what it promises on paper, and the whole of it with a real engine.

The tests with an engine skip where none answers or its base images are missing, in CI as well: CI
has no engine, and this is the one skip that it allows. All others need no engine.
"""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydra.client import Client
from hydra.settings import Settings
from tests.e2e.fleet import SEED, clean_env, free_port, right
from tests.waiting import until

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
OPEN = ROOT / "deploy/open.yml"
DOCKERFILE = ROOT / "deploy/Dockerfile"
VARIABLES = {
    spec.metadata["env"] or f"HYDRA_{spec.name.upper()}" for spec in dataclasses.fields(Settings)
} | {"HYDRA_IMAGE"}


def services(path: Path = COMPOSE) -> dict[str, dict[str, Any]]:
    return yaml.safe_load(path.read_text())["services"]


@pytest.mark.parametrize("path", [COMPOSE, OPEN, DOCKERFILE], ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    assert set(re.findall(r"\bHYDRA_[A-Z_]+", path.read_text())) <= VARIABLES


@pytest.mark.parametrize("name", services())
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    service = services()[name]
    assert int(service["user"].partition(":")[0]) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "container_name" not in service, "a name would forbid a second project"
    assert service.get("restart") == (None if name == "init" else "always")


def test_only_the_page_is_published_and_on_loopback() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published == ["${HYDRA_BIND:-127.0.0.1}:${HYDRA_PORT:-8080}:8080"]


def test_redis_is_opened_only_by_naming_an_address() -> None:
    (port,) = services(OPEN)["redis"]["ports"]
    assert port.startswith("${HYDRA_REDIS_BIND:?")


def test_no_secret_is_in_the_tree() -> None:
    for path in (COMPOSE, OPEN):
        for name, service in services(path).items():
            for variable, value in (service.get("environment") or {}).items():
                if re.search("TOKEN|PASSWORD", variable) and not variable.endswith("_FILE"):
                    assert value is None, f"{name}: {variable}"
                assert "@" not in str(value), f"{name}: {variable}"
    assert not re.search("TOKEN|PASSWORD|requirepass", DOCKERFILE.read_text(), re.IGNORECASE)
    for name in (".env", "token", "redis-password"):
        assert (
            subprocess.run(
                ["git", "ls-files", name, f"*/{name}"],
                cwd=ROOT,
                capture_output=True,
                check=True,
            ).stdout
            == b""
        )


def test_the_workers_never_see_the_token() -> None:
    worker = services()["worker"]
    assert worker["volumes"] == ["secrets:/secrets:ro"]
    assert "HYDRA_TOKEN" not in worker["environment"]


def test_every_builder_reads_the_dockerfile() -> None:
    text = DOCKERFILE.read_text()
    for forbidden in (r"^#\s*syntax\s*=", r"^RUN\s+--", r"^COPY\s+--(?!from=)", r"<<"):
        assert not re.search(forbidden, text, re.MULTILINE), forbidden
    assert text.index("ARG PYTHON_VERSION=") < text.index("FROM ")


def test_the_image_runs_without_compiler_and_without_root() -> None:
    last = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
    assert "apt-get" not in last
    user = re.findall(r"^USER (\d+):\d+$", last, re.MULTILINE)
    assert [int(number) > 0 for number in user] == [True]


def test_the_build_gets_what_the_wheel_is_made_of() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert let_in >= {
        "LICENSE",
        "MANIFEST.in",
        "README.md",
        "hydra",
        "pyproject.toml",
        "setup.py",
        "web",
        "workers",
    }
    assert all((ROOT / name).exists() for name in let_in)


class Composed:
    """One project of compose, in volumes and on a port of its own."""

    def __init__(self) -> None:
        self.tool = _compose_tool()
        self.project = f"hydra-test-{os.getpid()}"
        self.port = free_port()
        self.env = clean_env(HYDRA_PORT=str(self.port), HYDRA_IMAGE=self.project)
        del self.env["PYTHONPATH"]  # compose v1 is a Python program of its own

    def __call__(self, *words: str, within_s: float = 120.0) -> str:
        done = subprocess.run(
            [*self.tool, "-p", self.project, "-f", str(COMPOSE), *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=within_s,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def workers(self) -> list[str]:
        """The ids of the workers' containers."""
        return self("ps", "-q", "worker").split()

    def client(self) -> Client:
        """A client by the link in the log, once the page answers."""

        def link() -> re.Match[str] | None:
            return re.search(r"Hydra is at (http://\S+)/login\?token=(\w+)", self("logs", "web"))

        found = until(link, within_s=30, what="the link is in the log")
        assert found
        assert found[1] == f"http://127.0.0.1:{self.port}"
        return Client(found[1], found[2])


def _compose_tool() -> list[str]:
    if shutil.which("docker") and _answers("docker", "compose", "version"):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else []


def _answers(*words: str) -> bool:
    return subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0


def _inspect(container: str, what: str) -> str:
    return subprocess.run(
        ["docker", "inspect", "-f", "{{" + what + "}}", container],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


@pytest.fixture
def compose() -> Iterator[Composed]:
    if not shutil.which("docker") or not _answers("docker", "info"):
        pytest.skip("no Docker engine answers")
    version = re.search(r"PYTHON_VERSION=(\S+)", DOCKERFILE.read_text())
    assert version
    for image in (f"python:{version[1]}-slim", "redis:8"):
        if not _answers("docker", "image", "inspect", image):
            pytest.skip(f"the image {image} is not here")
    composed = Composed()
    if not composed.tool:
        pytest.skip("neither docker compose nor docker-compose is here")
    composed("build", within_s=600)
    try:
        yield composed
    finally:
        composed("down", "-v", "-t", "5")
        _answers("docker", "rmi", composed.project)


@pytest.mark.long
def test_up_scale_kill_down_and_up_again(compose: Composed) -> None:
    compose("up", "-d")
    with compose.client() as client:
        assert right(client.submit("pi", samples=10**9, seed=SEED).result(), 10**9)

        compose("up", "-d", "--scale", "worker=3")
        victim, *others = compose.workers()
        assert len(others) == 2
        job = client.submit("pi", samples=10**11, seed=SEED)
        until(lambda: job.progress() > 0, within_s=20, what="work has begun")
        # Everything in the container at once, as a loss of power; `docker kill` would be an order
        # to stay down, after which no restart policy holds.
        _answers("docker", "exec", victim, "sh", "-c", "kill -9 -1")
        until(lambda: _inspect(victim, ".RestartCount") == "1", what="the worker is back")
        assert right(job.result(), 10**11)

        unfinished = client.submit("pi", samples=2 * 10**11, seed=SEED)
        until(lambda: unfinished.progress() > 0, within_s=20, what="work has begun")
    compose("down")
    compose("up", "-d")
    with compose.client() as client:
        assert client.job(job.id).state == "done"
        assert right(client.job(unfinished.id).result(), 2 * 10**11)
