"""Small fleets in virtual time, with bounds far from chance, and the machinery they run on."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from click.testing import CliRunner

from hydra.cli import main
from hydra.errors import BadParam
from hydra.model.sizing import Sizing
from hydra.sim.chance import life_of
from hydra.sim.contest import Contest
from hydra.sim.curve import Curve, bound_s
from hydra.sim.run import Broken, Outcome, Run, Task
from hydra.sim.scenarios import SCENARIOS, PlannedJob, Scenario


def outcome(
    scenario: str | Scenario,
    policy: str = "ours",
    ideal_s: float = 30.0,
    overhead_s: float = 0.02,
    seed: int = 1,
    check: bool = False,
) -> Outcome:
    fleet = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
    return Run(Task(fleet, policy, ideal_s, overhead_s, seed, check)).go()


def test_a_curve_says_what_is_done_by_when() -> None:
    curve = Curve([0.0, 10.0, 20.0], [2.0, 0.0, 1.0])
    assert [curve.done(t) for t in (0.0, 5.0, 10.0, 15.0, 25.0)] == [0.0, 10.0, 20.0, 20.0, 25.0]
    assert curve.when(5.0, 10.0) == 10.0
    assert curve.when(5.0, 11.0) == 21.0
    assert curve.when(12.0, 0.0) == 12.0
    assert Curve([0.0, 1.0], [1.0, 0.0]).when(0.0, 2.0) == math.inf


def test_the_bound_is_when_all_together_are_done() -> None:
    fleet = [Curve([0.0, 10.0], [1.0, 0.0]), Curve([0.0], [3.0])]
    assert bound_s(fleet, 52.0, 10.0) == pytest.approx(14.0, rel=1e-5)


def test_a_lost_machine_stands_still() -> None:
    lived = life_of(SCENARIOS["churn"], 3, 1_000.0, 2_000.0, seed=5)
    assert lived.away
    for went, back in lived.away:
        assert lived.curve.done(went) == lived.curve.done(min(back, 2_000.0))
        assert back - went >= 20.0


def test_the_same_seed_gives_the_same_run() -> None:
    first, again, other = (outcome("churn", seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


@pytest.mark.parametrize("scenario", ["constant", "interference", "churn", "liar", "priorities"])
def test_the_invariants_hold_after_every_event(scenario: str) -> None:
    outcome(scenario, ideal_s=8.0, check=True)


@pytest.mark.parametrize("policy", Sizing)
def test_every_policy_ends_with_the_right_answer(policy: str) -> None:
    assert 0.0 < outcome("churn", policy).efficiency <= 1.0


@pytest.mark.parametrize(
    ("scenario", "least"),
    [
        ("constant", 0.95),
        ("interference", 0.93),
        ("churn", 0.84),
        ("slow-links", 0.9),
        ("liar", 0.35),
    ],
)
def test_ours_is_near_the_bound(scenario: str, least: float) -> None:
    assert outcome(scenario).efficiency > least


def test_textbook_rules_are_far_from_it() -> None:
    for policy, most in {"static": 0.2, "gss": 0.5, "fac2": 0.5}.items():
        assert outcome("constant", policy).efficiency < most


def test_a_night_costs_little_of_what_there_is() -> None:
    slept = outcome("night", ideal_s=300.0)
    assert slept.makespan_s > 21_600
    assert slept.used > 0.85


@pytest.mark.slow
def test_quiet_beats_change_nothing() -> None:
    fleet = dataclasses.replace(SCENARIOS["hundred-thousand"], workers=40)
    quiet, heard = beside_heard(fleet, ideal_s=100.0, seed=1)
    assert quiet.efficiency == pytest.approx(heard.efficiency, abs=0.01)
    assert quiet.chunks == pytest.approx(heard.chunks, rel=0.05)
    assert quiet.calls == pytest.approx(heard.calls, rel=0.2)
    assert quiet.losses == heard.losses > 0


def test_a_quiet_worker_learns_that_its_lease_was_cut_or_lost() -> None:
    """Owners leave so little that chunks end far too late."""
    fleet = dataclasses.replace(
        SCENARIOS["hundred-thousand"],
        workers=8,
        owner_s=(60.0, 60.0),
        owner_leaves=0.1,
    )
    quiet, heard = beside_heard(fleet, ideal_s=40.0, seed=5)
    assert min(quiet.splits, quiet.losses) > 0
    assert quiet.efficiency == pytest.approx(heard.efficiency, abs=0.02)


def beside_heard(fleet: Scenario, ideal_s: float, seed: int) -> list[Outcome]:
    """The same run with quiet heartbeats and with all of them sent, invariants checked."""
    return [
        outcome(dataclasses.replace(fleet, quiet=quiet), ideal_s=ideal_s, seed=seed, check=True)
        for quiet in (True, False)
    ]


def test_an_interactive_job_passes_those_in_bulk() -> None:
    """A tenth of the work, priority 10, submitted 10 s later: done long before the others."""
    bulk, favoured, quick = outcome("priorities", overhead_s=0.001).ended_s
    assert quick < 10.0
    assert favoured < bulk - 3.0


def test_no_job_starves() -> None:
    """Beside a job of a hundred times its priority, a small one still gets its hundredth."""
    fleet = dataclasses.replace(
        SCENARIOS["constant"],
        jobs=(PlannedJob(0.0, 0.999, 1.0), PlannedJob(0.0, 0.001, 0.01)),
    )
    big, small = outcome(fleet, ideal_s=60.0, overhead_s=0.001).ended_s
    assert small < big


@pytest.mark.parametrize("seed", range(3))
def test_equal_jobs_end_together(seed: int) -> None:
    """Each gets its part of the work, not only of the workers: those are 27 times apart."""
    first, second = outcome("equal-jobs", ideal_s=60.0, overhead_s=0.002, seed=seed).ended_s
    assert first == pytest.approx(second, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_three_times_the_priority_is_three_times_the_work(seed: int) -> None:
    """So three quarters of the work at priority 3 and one quarter at 1 end together."""
    fleet = dataclasses.replace(
        SCENARIOS["equal-jobs"],
        jobs=(PlannedJob(0.0, 0.75, 3.0), PlannedJob(0.0, 0.25, 1.0)),
    )
    large, small = outcome(fleet, overhead_s=0.002, seed=seed).ended_s
    assert large == pytest.approx(small, rel=0.1)


SMALL_SEEDS = range(3)


@pytest.mark.slow
def test_a_small_job_begins_within_two_beats_and_costs_the_large_one_little() -> None:
    alone = dataclasses.replace(SCENARIOS["small-job"], jobs=(PlannedJob(),))
    lost = 0.0
    for seed in SMALL_SEEDS:
        beside = outcome("small-job", ideal_s=60.0, overhead_s=0.002, seed=seed)
        assert max(beside.first_s) < 2.0
        without = outcome(alone, ideal_s=60.0, overhead_s=0.002, seed=seed)
        lost += (without.efficiency - beside.efficiency) / len(SMALL_SEEDS)
    assert lost < 0.005


def test_hand_ins_fit_thin_links() -> None:
    """The bound counts what the links carry; compute alone would be more than twice as fast."""
    found = outcome("thin-links", ideal_s=60.0)
    assert found.efficiency > 0.9


def test_a_job_that_stands_still_is_found() -> None:
    """A store that lends nothing: the run is broken after minutes, not given up after hours."""
    run = Run(Task(SCENARIOS["constant"], "ours", 30.0, 0.02, 1))
    run._counted.store.verbs.claim = lambda *_args, **_more: None
    with pytest.raises(Broken, match="nothing of job 0"):
        run.go()


def test_a_contest_names_what_it_does_not_know() -> None:
    with pytest.raises(BadParam, match="policy must be one of") as caught:
        Contest.of("churn", SCENARIOS["churn"], "mine", 30.0, 0.1, 1, False)
    assert caught.value.field == "policy"
    said = CliRunner().invoke(main, ["simulate", "--scenario", "moon"])
    assert (said.exit_code, "scenario must be one of" in said.stderr) == (2, True)


def test_the_command_gives_the_same_bytes_twice() -> None:
    words = ["simulate", "--scenario", "churn", "--ideal-seconds", "10", "--seeds", "2", "--json"]
    first, again = (CliRunner().invoke(main, words) for _ in range(2))
    assert first.exit_code == 0
    assert first.stdout == again.stdout
    said = json.loads(first.stdout)
    assert said["seeds"] == len(said["policies"][0]["runs"]) == 2


def test_the_command_prints_a_table_and_lists_scenarios() -> None:
    words = ["simulate", "--scenario", "constant", "--policy", "all", "--ideal-seconds", "5"]
    table = CliRunner().invoke(main, words).stdout.splitlines()
    assert [line.split()[0] for line in table] == ["policy", *Sizing]
    words = ["simulate", "--scenario", "equal-jobs", "--ideal-seconds", "5"]
    said = CliRunner().invoke(main, words)
    assert [line.split()[:2] for line in said.stdout.splitlines()[3:]] == [
        ["ours", "0"],
        ["ours", "1"],
    ]
    listed = CliRunner().invoke(main, ["simulate", "--scenario", "list"]).stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(SCENARIOS)


def test_the_command_says_nothing_of_what_simulated_workers_log() -> None:
    words = ["simulate", "--scenario", "liar", "--ideal-seconds", "10"]
    assert CliRunner().invoke(main, words).stderr == "hydra: liar, ours, seed 0\n"


def test_the_command_draws(tmp_path) -> None:
    file = tmp_path / "plot.svg"
    words = ["simulate", "--scenario", "constant", "--ideal-seconds", "5", "--plot", str(file)]
    assert CliRunner().invoke(main, words).exit_code == 0
    assert "% of the bound" in file.read_text()
    refused = CliRunner().invoke(main, [*words[:-1], str(tmp_path / "plot.gif")])
    assert refused.exit_code == 2
    assert "plot.gif" in refused.stderr
