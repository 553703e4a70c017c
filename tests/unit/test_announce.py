"""What a scheduler says at its start, and the files that a Redis elsewhere is started from."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from hydra.cli import main
from hydra.errors import BadSetting
from hydra.settings import Settings
from hydra.workers import announce


def test_others_need_a_token_and_get_the_same_one_at_the_next_start(tmp_path: Path) -> None:
    settings = Settings.read({}, bind="0.0.0.0", state_dir=str(tmp_path / "state"))
    first, second = announce.with_token(settings), announce.with_token(settings)
    assert len(first.token) == 32
    assert first == second
    assert stat.S_IMODE((tmp_path / "state" / "token").stat().st_mode) == 0o600


@pytest.mark.parametrize("given", [{"bind": "127.0.0.1"}, {"bind": "0.0.0.0", "token": "chosen"}])
def test_no_token_is_made_where_none_is_needed(tmp_path: Path, given: dict[str, str]) -> None:
    settings = Settings.read({}, state_dir=str(tmp_path / "state"), **given)
    assert announce.with_token(settings) == settings
    assert not (tmp_path / "state").exists()


def test_the_link_leads_to_the_public_address() -> None:
    settings = Settings.read({}, bind="192.0.2.5", port=8081, token="a&b")
    assert announce.lines(settings) == ["Hydra is at http://192.0.2.5:8081/login?token=a%26b"]
    behind = Settings.read({"HYDRA_PUBLIC_URL": "https://hydra.example/"})
    assert announce.lines(behind) == ["Hydra is at https://hydra.example"]


def test_the_line_for_other_machines_carries_the_password_as_it_is_written_in_a_url() -> None:
    settings = Settings.read(
        {"HYDRA_REDIS_BIND": "192.0.2.5"}, redis_url="redis://:a%2Fb@redis:6379"
    )
    assert announce.lines(settings)[1] == (
        "Another machine joins with: rq worker hydra --url redis://:a%2Fb@192.0.2.5:6379"
    )


def test_a_redis_on_loopback_is_not_offered() -> None:
    settings = Settings.read({"HYDRA_REDIS_BIND": "127.0.0.1"}, redis_url="redis://:p@redis")
    assert len(announce.lines(settings)) == 1


def test_redis_conf_keeps_its_password_and_opens_to_nobody_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "secrets"
    monkeypatch.setenv("HYDRA_STATE_DIR", str(folder))
    texts = []
    for _ in range(2):
        done = CliRunner().invoke(main, ["redis-conf", "--dir", "/data", "--bind", "0.0.0.0"])
        assert (done.exit_code, done.output) == (0, "")
        texts.append((folder / "redis.conf").read_text())
    assert texts[0] == texts[1]
    password = (folder / "redis-password").read_text().strip()
    for line in (
        "port 6379",
        "bind 0.0.0.0",
        'dir "/data"',
        f"requirepass {password}",
        "appendonly yes",
        "appendfsync always",
        "aof-use-rdb-preamble no",
        "maxmemory-policy noeviction",
    ):
        assert line in texts[0].splitlines()
    assert "unixsocket" not in texts[0]
    assert stat.S_IMODE((folder / "redis.conf").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://redis:6379/1", "redis://:p%2F%40@redis:6379/1"),
        ("redis://user@redis", "redis://user:p%2F%40@redis"),
        ("unix:///run/redis.sock", "unix://:p%2F%40@/run/redis.sock"),
        ("redis://:own@redis", "redis://:own@redis"),
    ],
)
def test_a_password_from_a_file_goes_into_the_address(tmp_path: Path, url: str, whole: str) -> None:
    (tmp_path / "password").write_text("p/@\n")
    env = {"REDIS_URL": url, "HYDRA_REDIS_PASSWORD_FILE": str(tmp_path / "password")}
    settings = Settings.read(env)
    assert settings.redis_url == whole
    assert Settings.read(settings.as_env()) == settings


def test_a_password_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    with pytest.raises(BadSetting, match="nowhere cannot be read") as caught:
        Settings.read({"REDIS_URL": "redis://redis", "HYDRA_REDIS_PASSWORD_FILE": missing})
    assert caught.value.field == "HYDRA_REDIS_PASSWORD_FILE"
