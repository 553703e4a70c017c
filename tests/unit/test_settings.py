"""Settings: every bad value names its variable and its bound; nothing is replaced silently."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hydra import settings as settings_module
from hydra.errors import BadSetting
from hydra.settings import Settings

FIELDS = dataclasses.fields(Settings)


def variable_of(spec: dataclasses.Field[Any]) -> str:
    return spec.metadata["env"] or f"HYDRA_{spec.name.upper()}"


def numbers() -> list[dataclasses.Field[Any]]:
    return [spec for spec in FIELDS if not isinstance(spec.default, str)]


def just_outside() -> list[tuple[str, str, object]]:
    cases: list[tuple[str, str, object]] = []
    for spec in numbers():
        low, high = spec.metadata["low"], spec.metadata["high"]
        if low is not None:
            cases.append((variable_of(spec), str(low - 1), low))
        if high is not None:
            cases.append((variable_of(spec), str(high + 1), high))
    return cases


@pytest.mark.parametrize(("variable", "text", "bound"), just_outside())
def test_a_number_out_of_bounds_names_variable_and_bound(
    variable: str, text: str, bound: object
) -> None:
    with pytest.raises(BadSetting) as caught:
        Settings.read({variable: text})
    assert caught.value.field == variable
    assert variable in caught.value.sentence
    assert str(bound) in caught.value.sentence
    assert text in caught.value.sentence


@pytest.mark.parametrize("spec", numbers(), ids=lambda spec: spec.name)
@pytest.mark.parametrize("text", ["many", "1e", "nan", "inf", "0x10", "--1"])
def test_what_is_no_number_names_the_variable(spec: dataclasses.Field[Any], text: str) -> None:
    with pytest.raises(BadSetting) as caught:
        Settings.read({variable_of(spec): text})
    assert caught.value.field == variable_of(spec)


@pytest.mark.parametrize("spec", numbers(), ids=lambda spec: spec.name)
def test_the_bounds_themselves_are_allowed(spec: dataclasses.Field[Any]) -> None:
    for bound in (spec.metadata["low"], spec.metadata["high"]):
        if bound is not None:
            assert getattr(Settings.read({variable_of(spec): str(bound)}), spec.name) == bound


def test_a_whole_number_is_not_rounded() -> None:
    with pytest.raises(BadSetting, match="HYDRA_PORT must be a whole number"):
        Settings.read({"HYDRA_PORT": "80.5"})


def test_a_choice_names_all_choices() -> None:
    with pytest.raises(BadSetting, match="HYDRA_FSYNC must be one of always, everysec"):
        Settings.read({"HYDRA_FSYNC": "never"})


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert Settings.read({"HYDRA_PORT": ""}).port == 8080


def test_options_win_over_the_environment_and_none_is_no_option() -> None:
    env = {"HYDRA_PORT": "9000", "REDIS_URL": "redis://other"}
    settings = Settings.read(env, port=9001, redis_url=None)
    assert (settings.port, settings.redis_url) == (9001, "redis://other")


def test_the_state_folder_follows_the_desktop_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings_module, "__file__", "/usr/lib/site-packages/hydra/settings.py")
    monkeypatch.setenv("XDG_STATE_HOME", "/somewhere")
    assert Settings.read({}).state_dir == "/somewhere/hydra"


def test_a_checkout_keeps_its_state_in_itself() -> None:
    checkout = Path(__file__).resolve().parents[2]
    assert Settings.read({}).state_dir == str(checkout / ".hydra")


def test_children_read_back_what_their_parent_has() -> None:
    settings = Settings.read({}, port=1, redis_url="redis://x", beat_seconds=0.1, token="secret")
    assert Settings.read(settings.as_env()) == settings


def test_every_setting_says_what_it_is() -> None:
    assert all(spec.metadata["doc"] for spec in FIELDS)
