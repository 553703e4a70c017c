"""The fleet bench's arithmetic and its cgroups, without a fleet."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hydra.bench import races, results
from hydra.bench.bounds import Outage, bound_s
from hydra.bench.contest import Plan, Result
from hydra.bench.quotas import PERIOD_US, groups, shares
from hydra.bench.races import Race
from hydra.bench.work import Work, prepare
from hydra.clock import ManualClock
from hydra.errors import BadParam, Unavailable
from hydra.kernels import load
from hydra.model import Chunk, End, Job, JobSpec, JobState, Lease, Range, Span
from hydra.model.messages import JobDump

SPEEDS = {"a": 1.0, "b": 3.0}


def test_the_bound_of_a_quiet_fleet_is_work_by_speed() -> None:
    assert bound_s(40, SPEEDS) == 10


def test_the_bound_leaves_out_who_did_not_run() -> None:
    assert bound_s(40, SPEEDS, [Outage("b", 4.0)]) == 4 + 24
    assert bound_s(40, SPEEDS, [Outage("b", 4.0, 12.0)]) == 12 + 16 / 4
    assert bound_s(40, SPEEDS, [Outage("a", 0.0), Outage("b", 2.0, 4.0)]) == pytest.approx(46 / 3)


def test_an_outage_after_the_end_changes_nothing() -> None:
    assert bound_s(40, SPEEDS, [Outage("b", 11.0)]) == 10


def test_a_fleet_that_is_gone_never_ends() -> None:
    assert bound_s(40, {"a": 1.0}, [Outage("a", 1.0)]) == float("inf")


def test_quotas_are_scaled_to_the_cores() -> None:
    assert shares([1, 3], 1.6) == pytest.approx([0.4, 1.2])


@pytest.mark.parametrize("quotas", [[], [0, 1], [-1, 2], [1, 100]])
def test_quotas_that_nobody_can_keep_are_refused(quotas: list[float]) -> None:
    with pytest.raises(BadParam, match="quotas"):
        shares(quotas, 1.6)


def proc(folder: Path, mounts: str, own: str) -> Path:
    """A /proc/self of our own making."""
    (folder / "mounts").write_text(mounts)
    (folder / "cgroup").write_text(own)
    return folder


def empty(*folders: Path) -> None:
    """A cgroup's files go with it; those of a plain folder have to be removed."""
    for folder in folders:
        for file in folder.iterdir():
            file.unlink()


def test_cgroups_of_version_1_lie_in_the_one_we_are_in(tmp_path: Path) -> None:
    mount = tmp_path / "cpu"
    (mount / "outer").mkdir(parents=True)
    found = proc(tmp_path, f"cgroup {mount} cgroup rw,cpu,cpuacct 0 0\n", "3:cpu,cpuacct:/outer\n")
    with groups(["one", "two"], found) as made:
        made[0].limit(0.25)
        assert made[0].folder == mount / "outer" / "one"
        assert (made[0].folder / "cpu.cfs_quota_us").read_text() == str(PERIOD_US // 4)
        assert (made[0].folder / "cpu.cfs_period_us").read_text() == str(PERIOD_US)
        assert (made[1].folder / "cpu.cfs_quota_us").read_text() == "-1"
        assert str(mount / "outer" / "two" / "cgroup.procs") in made[1].command(["true"])
        empty(*(group.folder for group in made))
    assert not list((mount / "outer").iterdir())


def test_cgroups_of_version_2_are_used_where_the_cpu_is_theirs(tmp_path: Path) -> None:
    (tmp_path / "unified").mkdir()
    (tmp_path / "unified" / "cgroup.controllers").write_text("cpuset cpu io\n")
    found = proc(tmp_path, f"cgroup2 {tmp_path / 'unified'} cgroup2 rw 0 0\n", "0::/\n")
    with groups(["one"], found) as (group,):
        assert (group.folder / "cpu.max").read_text() == f"max {PERIOD_US}"
        group.limit(0.5)
        assert (group.folder / "cpu.max").read_text() == f"{PERIOD_US // 2} {PERIOD_US}"
        empty(group.folder)
    assert (tmp_path / "unified" / "cgroup.subtree_control").read_text() == "+cpu"


def test_cgroups_go_even_if_the_bench_does_not_end_well(tmp_path: Path) -> None:
    found = proc(tmp_path, f"cgroup {tmp_path} cgroup rw,cpu 0 0\n", "3:cpu:/\n")
    with pytest.raises(KeyboardInterrupt), groups(["one"], found) as (group,):  # noqa: PT012
        empty(group.folder)
        raise KeyboardInterrupt
    assert not group.folder.exists()


def test_a_cgroup_that_is_not_left_is_waited_for_and_then_told(tmp_path: Path) -> None:
    clock = ManualClock()
    found = proc(tmp_path, f"cgroup {tmp_path} cgroup rw,cpu 0 0\n", "3:cpu:/\n")
    with pytest.raises(OSError, match="one"), groups(["one"], found, clock):
        pass  # its files are still there
    assert clock.now_s > ManualClock().now_s


def test_without_cgroups_a_sentence_says_so(tmp_path: Path) -> None:
    found = proc(tmp_path, "proc /proc proc rw 0 0\n", "")
    with pytest.raises(Unavailable, match="no CPU quotas here"), groups(["one"], found):
        pass
    found = proc(tmp_path, f"cgroup {tmp_path} cgroup rw,cpu 0 0\n", "3:cpu:/\n")
    with pytest.raises(Unavailable, match="run as root"), groups(["no/such"], found):
        pass


def test_an_impossible_speed_is_measured_again_and_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    found, said = [(0.4, ["w6"]), (0.21, [])], list[str]()
    monkeypatch.setattr(races, "_speed", lambda *_: found.pop(0))
    hand: Any = SimpleNamespace(name="w3", cores=0.22)
    nothing: Any = None
    assert races.solo(nothing, hand, work(), 5.0, said.append) == 0.21
    assert said == ["w3 alone: 0.400 with 0.220 cores is impossible; w6 worked at the same time"]
    found += [(0.4, [])] * races.SOLO_TRIES
    with pytest.raises(Unavailable, match="is impossible"):
        races.solo(nothing, hand, work(), 5.0, said.append)


def work(**over: object) -> Work:
    """Ten units: five of one core-second, then five of three."""
    return Work("pi", {}, {"hits": 7}, [0, 5, 10], [0.0, 5.0, 20.0])


def test_work_is_counted_in_core_seconds() -> None:
    assert work().whole == 20
    assert work().cost(Span(4, 7)) == 1 + 6
    assert work().cost(Span(0, 10)) == 20


def test_what_is_neither_free_nor_held_is_done() -> None:
    spec = JobSpec(kernel="pi", version="v", params={}, total_units=10)
    job = Job(
        id="j", spec=spec, state=JobState.RUNNING, done_units=4, unassigned_units=5, created_ms=0
    )
    held = Lease(
        job="j",
        token="t",
        session="s",
        worker="w",
        span=Span(2, 3),
        slice_units=1,
        rate_units_s=0.0,
        at_ms=0.0,
        deadline_ms=0.0,
    )
    dump = JobDump(
        job=job,
        free=[Range(span=Span(5, 10))],
        leases=[held],
        deadlines={},
        ends=frozenset(),
        indexes=frozenset(),
        pieces=frozenset(),
    )
    assert work().done(dump) == 2 + 2


def test_an_answer_is_right_to_the_last_bit() -> None:
    assert work().is_right({"hits": 7, "image.png": "as in a list"})
    assert not work().is_right({"hits": 8})
    assert not work().is_right({})


@pytest.mark.parametrize("kernel", ["pi", "mandelbrot"])
def test_a_reference_is_the_kernels_own_answer(kernel: str) -> None:
    made = prepare(kernel, load()[kernel], 0.01, 2)
    assert made.marks[-1] == load()[kernel].size(made.params)
    assert made.whole > 0
    assert list(made.costs) == sorted(made.costs)
    assert not any(isinstance(value, bytes) for value in made.answer.values())


def race(round_: int, policy: str, makespan_s: float, *, right: bool = True) -> Race:
    end_ms = 100_000 + int(makespan_s * 1000)
    chunks = [
        Chunk(
            id="1",
            worker="w1",
            span=Span(0, 4),
            lent_ms=100_500,
            ended_ms=105_000,
            busy_s=4.0,
            end=End.COMPLETE,
        ),
        Chunk(
            id="2",
            worker="w1",
            span=Span(4, 10),
            lent_ms=105_000,
            ended_ms=end_ms,
            busy_s=16.0,
            end=End.COMPLETE,
        ),
    ]
    return Race(round_, policy, ["w1", "w2"], ["j"], 100.0, makespan_s, right, [], chunks)


def found() -> Result:
    plan = Plan([1, 1], 1.0, "pi", 10, 5, ["ours", "static"], 2)
    speeds = [{"w1": 0.5, "w2": 0.5}, {"w1": 0.4, "w2": 0.4}, {"w1": 0.5, "w2": 0.5}]
    races = [
        race(1, "ours", 25.0),
        race(1, "static", 50.0),
        race(2, "ours", 23.0),
        race(2, "static", 50.0),
    ]
    return Result(plan, work(), [0.5, 0.5], speeds, races)


def test_one_speed_gone_wrong_spoils_no_bound() -> None:
    result = found()
    assert result.bound_s(result.races[0]) == pytest.approx(20 / 1.0)
    result.speeds[2] = {"w1": 0.4, "w2": 0.4}
    assert result.bound_s(result.races[0]) == pytest.approx(20 / 0.8)
    assert found().drift() == pytest.approx(0.25)


def test_the_summary_begins_with_the_worst() -> None:
    rows = results.summary(found())
    assert [row["policy"] for row in rows] == ["static", "ours"]
    assert rows[1]["efficiency"] == pytest.approx((20 / 25 + 20 / 23) / 2, abs=1e-4)
    wrong = found()
    wrong.races[0] = race(1, "ours", 1.0, right=False)
    assert results.summary(wrong)[0]["policy"] == "ours"
    assert any("WRONG" in line for line in results.lines(wrong))


def test_files_hold_every_race_and_speed(tmp_path: Path) -> None:
    races, speeds, workers, chunks = results.write_csv(found(), tmp_path)
    assert len(races.read_text().splitlines()) == 1 + 4
    assert len(speeds.read_text().splitlines()) == 1 + 6
    assert workers.read_text().splitlines()[1:3] == [
        "1,ours,2,1,w1,2,20.0,0.8,0.5,25.0",
        "1,ours,2,1,w2,0,0.0,0.0,,",
    ]
    assert chunks.read_text().splitlines()[1] == "1,ours,2,1,w1,0,4,0.5,5.0,4.0,complete"


def test_busy_is_the_share_of_the_makespan_inside_the_kernel() -> None:
    rows = {row["policy"]: row["busy"] for row in results.summary(found())}
    assert rows["static"] == pytest.approx(20 / 50 / 2)


def test_a_plan_that_cannot_be_run_is_refused_before_anything_starts() -> None:
    with pytest.raises(BadParam, match="at least 5 quotas"):
        Plan([1, 1], 1.0, "pi", 10, 5, ["ours"], 1, faults=True).shares()
    with pytest.raises(BadParam, match="cores"):
        Plan([1, 1], 10_000.0, "pi", 10, 5, ["ours"], 1).shares()
    with pytest.raises(BadParam, match="more ideal-seconds"):
        Plan([1, 1], 1.0, "pi", 1, 5, ["ours"], 1).shares()
    assert Plan([1], 1.0, "pi", 10, 5, ["ours"], 1, sweep=(2, 2)).shares() == [0.5, 0.5]
