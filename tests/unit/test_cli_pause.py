"""`hydra pause` and `hydra resume`: what they write, print, and refuse."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hydra.adapters.owner import ordered_until_s
from hydra.cli import main
from hydra.cli.pause import seconds
from hydra.clock import SystemClock
from hydra.errors import BadParam


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HYDRA_STATE_DIR", str(tmp_path / "state"))
    return str(tmp_path / "state")


def say(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize(
    ("text", "found"),
    [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("45s", 45), ("1d", 86_400), ("1D2H", 93_600)],
)
def test_durations_are_read(text: str, found: int) -> None:
    assert seconds(text) == found


@pytest.mark.parametrize("text", ["", "2", "h", "0s", "-1h", "1.5h", "2h1d", "soon", "9999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadParam, match="2h, 90m or 1h30m"):
        seconds(text)


def test_pause_and_resume(state: str) -> None:
    now_s = SystemClock().wall_s()
    done = say("pause", "2h")
    assert done.exit_code == 0
    assert done.output.startswith("the workers of this machine rest until ")
    assert 7_190 < ordered_until_s(state) - now_s < 7_260
    assert "go on" in say("resume").output
    assert ordered_until_s(state) == 0


def test_without_a_duration_it_lasts_until_resume(state: str) -> None:
    assert "until hydra resume" in say("pause").output
    assert ordered_until_s(state) == math.inf
    assert json.loads(say("pause", "--json").output) == {"paused": True, "until_s": None}
    assert json.loads(say("resume", "--json").output) == {"paused": False}


def test_a_wrong_duration_changes_nothing(state: str) -> None:
    done = say("pause", "soon")
    assert done.exit_code == 2
    assert "duration" in done.output
    assert ordered_until_s(state) == 0
