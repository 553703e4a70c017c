"""What docs/operations.md tells people to do is done here, and comes out as it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis

from hydra.errors import StoreDown
from hydra.model.invariants import violations
from hydra.server.connection import connect
from hydra.server.process import Server
from hydra.settings import Settings
from hydra.wiring import live
from tests.e2e.conftest import Start
from tests.e2e.fleet import Fleet, free_port, slept
from tests.e2e.test_bounds import work
from tests.waiting import until

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
LOG = Path("redis", "appendonlydir")


def needs(tool: str) -> pytest.MarkDecorator:
    """Skips at home where the tool is missing; in CI the line that calls it fails."""
    missing = not shutil.which(tool) and not os.environ.get("CI")
    return pytest.mark.skipif(missing, reason=f"there is no {tool} here")


@pytest.fixture
def fleets(tmp_path: Path) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def block_with(word: str) -> list[str]:
    """The lines of the page's block that holds this word, without remarks."""
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    found = next(block for block in blocks if word in block)
    return [line.partition("   #")[0].strip() for line in found.splitlines()]


def shell(line: str, folder: Path) -> str:
    """What a line of the page prints, in the folder that holds the state folder."""
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=folder, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout


@needs("redis-cli")
def test_a_copy_of_a_running_fleet_goes_on_and_is_exact(tmp_path: Path, fleets: ExitStack) -> None:
    first = Fleet(tmp_path)
    fleets.callback(first.close)
    (tmp_path / ".hydra").symlink_to(first.state_dir, target_is_directory=True)
    job = first.nap(4)
    first.worker("before")
    until(lambda: job.progress() > 0, what="some of it is done")

    pause, ask, copy, go_on = block_with("cp -a .hydra")
    shell(pause, tmp_path)
    until(lambda: ":0" in shell(ask, tmp_path), what="no rewrite runs")
    shell(copy.replace("cp -a", "cp -aL"), tmp_path)
    shell(go_on, tmp_path)
    assert slept(job), "the original does not mind"
    first.close()

    place = tmp_path / "restored"
    place.mkdir()
    (tmp_path / "BACKUP").rename(place / "state")
    (place / "state" / "up.json").unlink()  # by which this test knows that it is up
    second = Fleet(place)
    fleets.callback(second.close)
    again = second.client.job(job.id)
    assert again.state == "running"
    assert again.progress() < 1
    assert not violations(second.store.vitals.dump(job.id))
    second.worker("after")
    assert slept(again)


def damaged(start_server: Start, state_dir: Path) -> Path:
    """A job half done and one done, a server that has ended, and the file of its log."""
    server = start_server()
    with connect(server.url) as client:
        h = live(Settings.read({}, redis_url=server.url, state_dir=str(state_dir)))
        work(h.store, "done", 40)  # type: ignore[arg-type]
        assert client.config_get("aof-load-truncated")["aof-load-truncated"] == "yes"
    server.stop()
    return max((state_dir / LOG).glob("*.incr.aof"), key=lambda path: path.stat().st_size)


def restarted(start_server: Start, state_dir: Path) -> Server:
    """The server again; its data is the one that is known and holds the invariants."""
    server = start_server()
    h = live(Settings.read({}, redis_url=server.url, state_dir=str(state_dir)))
    for job in h.store.views.jobs(10):
        assert not violations(h.store.vitals.dump(job.id))
    return server


@pytest.mark.parametrize("bytes_lost", [1, 37, 400])
def test_a_log_that_was_cut_off_is_read(
    start_server: Start, state_dir: Path, bytes_lost: int
) -> None:
    log = damaged(start_server, state_dir)
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - bytes_lost)
    restarted(start_server, state_dir)


@needs("redis-check-aof")
def test_a_log_that_is_damaged_inside_is_mended_as_the_page_says(
    start_server: Start, state_dir: Path, tmp_path: Path
) -> None:
    log = damaged(start_server, state_dir)
    content = bytearray(log.read_bytes())
    # Where a command begins: inside a value, nothing would show.
    middle = content.index(b"\r\n*", len(content) // 2)
    content[middle + 2 : middle + 12] = b"\x00" * 10
    log.write_bytes(content)
    with pytest.raises(StoreDown, match="ended at once"):
        start_server()
    (tmp_path / ".hydra").symlink_to(state_dir, target_is_directory=True)
    (mend,) = block_with("redis-check-aof")
    shell(f"echo y | {mend}", tmp_path)
    assert log.stat().st_size < len(content)
    restarted(start_server, state_dir)


def test_a_new_password_replaces_the_old(start_server: Start, state_dir: Path) -> None:
    port = free_port()
    first = start_server(redis_port=port, redis_bind="0.0.0.0")
    first.stop()
    (state_dir / "redis-password").unlink()
    second = start_server(redis_port=port, redis_bind="0.0.0.0")
    assert first.join_line != second.join_line
    with connect(second.url) as client:
        assert client.ping()
    with connect(first.url) as client, pytest.raises(redis.RedisError, match="invalid"):
        client.ping()
