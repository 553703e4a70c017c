"""When a worker leaves its machine to its owner, on clocks that the test turns."""

from __future__ import annotations

import json
import math
from datetime import datetime
from pathlib import Path

import pytest

from hydra.adapters import owner
from hydra.adapters.pauses import pause_check
from hydra.clock import ManualClock
from hydra.errors import BadSetting
from hydra.model.pauses import DAY_S, Pause, parse_hours
from hydra.policy.pausing import CALM_SHARE, Facts, decide, over
from hydra.settings import Settings

H = 3600
NIGHT = parse_hours("22:00-07:00")


def at(day_s: float, **more: float) -> Facts:
    return Facts(1_000_000.0, day_s, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("", ()),
        ("22:00-07:00", ((22 * H, 7 * H),)),
        ("00:00-24:00", ((0, DAY_S),)),
        ("08:30-12:00, 18:00-24:00", ((8 * H + 1800, 12 * H), (18 * H, DAY_S))),
    ],
)
def test_hours_are_ranges_of_the_local_day(text: str, hours: tuple) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    "text",
    [
        "22-7",
        "22:00",
        "25:00-26:00",
        "22:60-23:00",
        "7:00-8:00",
        "24:00-07:00",
        "10:00-10:00",
        "22:00-07:00;",
        "night",
    ],
)
def test_hours_that_are_none_are_refused_by_name(text: str) -> None:
    with pytest.raises(BadSetting, match="HYDRA_WORK_HOURS must"):
        Settings.read({"HYDRA_WORK_HOURS": text})


@pytest.mark.parametrize(
    ("hour", "wait_h"), [(22, 0), (23.99, 0), (0, 0), (6.99, 0), (7, 15), (12, 10), (21, 1)]
)
def test_a_night_reaches_over_midnight(hour: float, wait_h: float) -> None:
    found = decide(at(hour * H), NIGHT, 0)
    if not wait_h:
        assert found is None
    else:
        assert found == Pause("outside its working hours", (1_000_000 + round(wait_h * H)) * 1000)


def test_the_next_of_several_ranges_ends_the_wait() -> None:
    hours = parse_hours("08:00-09:00,12:00-13:00")
    found = decide(at(10 * H), hours, 0)
    assert found
    assert found.until_ms == (1_000_000 + 2 * H) * 1000


def test_without_wishes_work_goes_on() -> None:
    assert decide(at(12 * H, load=1.0), (), 0) is None


def test_an_order_holds_until_its_time_and_goes_before_the_rest() -> None:
    soon = at(0, ordered_until_s=1_000_001.5)
    assert decide(soon, NIGHT, 0) == Pause("hydra pause", 1_000_001_500)
    assert decide(at(12 * H, ordered_until_s=math.inf), NIGHT, 0.5) == Pause("hydra pause", 0)
    assert decide(at(0, ordered_until_s=1_000_000.0), NIGHT, 0) is None


def test_a_load_is_told_in_per_cent() -> None:
    assert decide(at(0, load=0.8), (), 0.5) == Pause("the owner uses 80 % of the CPU")
    assert decide(at(0), (), 0.5) is None, "not measured yet"


def test_a_pause_by_load_ends_well_below_its_beginning() -> None:
    assert not over(0.5, False, 0.5)
    assert over(0.51, False, 0.5)
    assert over(0.5, True, 0.5)
    assert not over(CALM_SHARE * 0.5, True, 0.5)


def test_a_noisy_load_does_not_make_it_flap() -> None:
    was, flips = False, 0
    for step in range(200):
        now = over(0.5 + (0.1 if step % 2 else -0.1), was, 0.5)
        flips, was = flips + (now != was), now
    assert flips == 1


def test_an_order_is_a_file_that_comes_and_goes(tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    assert owner.ordered_until_s(state) == 0
    owner.order(state, 1234.5)
    assert owner.ordered_until_s(state) == 1234.5
    owner.order(state, math.inf)
    assert owner.ordered_until_s(state) == math.inf
    owner.resume(state)
    owner.resume(state)
    assert owner.ordered_until_s(state) == 0


@pytest.mark.parametrize("text", ["", "soon", "[]", '{"until_s": "x"}', "{}"])
def test_an_order_that_nobody_can_read_is_obeyed(tmp_path: Path, text: str) -> None:
    (tmp_path / "pause.json").write_text(text)
    assert owner.ordered_until_s(str(tmp_path)) == math.inf


class Machine:
    """A /proc/stat of 4 cores; `runs` lets it work for a while."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.path = ManualClock(), folder / "stat"
        self.ticks = dict.fromkeys(("user", "nice", "system", "idle"), 0.0)
        self.runs(10, user=0.0)

    def runs(self, seconds: float, **shares: float) -> None:
        self.clock.now_s += seconds
        shares["idle"] = 1 - sum(shares.values())
        for kind, share in shares.items():
            self.ticks[kind] += 4 * 100 * seconds * share
        words = " ".join(str(int(n)) for n in self.ticks.values())
        self.path.write_text(f"cpu  {words} 0 0 0 0 0 0\ncpu0 1 2 3\n")


def test_the_owners_load_is_all_that_is_not_niced(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    load = owner.Load(str(tmp_path / "state"), machine.clock, machine.path)
    assert load.look() == (None, False)
    machine.runs(2, nice=0.9, user=0.05, system=0.05)
    assert load.look()[0] == pytest.approx(0.1)
    machine.runs(60, user=1.0)
    assert load.look()[0] is None, "too long ago to say anything"


def test_workers_share_what_one_has_measured(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    one, two = (owner.Load(str(tmp_path / "s"), machine.clock, machine.path) for _ in range(2))
    one.look()
    machine.runs(2, user=0.8)
    found = one.look()
    machine.runs(0.5, user=0.0)
    assert two.look() == found
    one.judged(True)
    assert two.look()[1] is True


def test_the_load_is_smoothed(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    load = owner.Load(str(tmp_path / "state"), machine.clock, machine.path)
    load.look()
    machine.runs(2, user=0.1)
    load.look()
    machine.runs(1, user=1.0)
    found, _ = load.look()
    assert found is not None
    assert 0.2 < found < 0.4


def test_all_of_it_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path)
    monkeypatch.setattr(owner, "STAT", machine.path)
    monkeypatch.setattr(owner.Load.__init__, "__defaults__", (machine.path,))
    settings = Settings.read(
        {"HYDRA_STATE_DIR": str(tmp_path / "state"), "HYDRA_OWNER_LOAD_MAX": "0.5"}
    )
    ask = pause_check(settings, machine.clock)
    assert ask() is None
    machine.runs(2, user=0.9)
    assert ask() == Pause("the owner uses 90 % of the CPU")
    machine.runs(20, nice=1.0)
    assert ask() is None
    owner.order(settings.state_dir, machine.clock.now_s + 60)
    found = ask()
    assert found
    assert found.why == "hydra pause"
    machine.runs(61, nice=1.0)
    assert ask() is None


def test_hours_are_those_of_this_machines_zone(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 5, 4, 12, 0, 0).timestamp())
    env = {"HYDRA_STATE_DIR": str(tmp_path), "HYDRA_WORK_HOURS": "22:00-07:00"}
    found = pause_check(Settings.read(env), clock)()
    assert found
    assert datetime.fromtimestamp(found.until_ms / 1000) == datetime(2026, 5, 4, 22, 0, 0)


def test_a_load_that_cannot_be_told_is_not_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"HYDRA_STATE_DIR": str(tmp_path), "HYDRA_OWNER_LOAD_MAX": "0.5"}
    with pytest.raises(BadSetting, match="HYDRA_OWNER_LOAD_MAX needs"):
        pause_check(Settings.read({**env, "HYDRA_NICE": "0"}), ManualClock())
    monkeypatch.setattr(owner, "STAT", tmp_path / "none")
    with pytest.raises(BadSetting, match="HYDRA_OWNER_LOAD_MAX needs"):
        pause_check(Settings.read(env), ManualClock())


def test_what_is_kept_is_plain(tmp_path: Path) -> None:
    owner.order(str(tmp_path / "state"), math.inf)
    assert json.loads((tmp_path / "state" / "pause.json").read_text()) == {"until_s": None}
