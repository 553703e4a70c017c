"""The commands about jobs: what they print, where, and how they exit."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from hydra import __version__, client
from hydra.cli import main
from hydra.cli.bar import Bar
from hydra.cli.jobs import whole_number
from hydra.errors import BadParam
from tests.http.working import UNIT, URL

NUMBERS = [
    ("1000", 1000),
    ("1_000_000", 10**6),
    ("1e12", 10**12),
    ("1E+3", 1000),
    ("1.5e9", 1_500_000_000),
    ("2.50e1", 25),
    ("0.1e1", 1),
    ("10**12", 10**12),
    ("10^18", 10**18),
    (" 2 ** 40 ", 2**40),
    ("0", 0),
    ("123456789012345678", 123456789012345678),
]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_whole_numbers_are_read_exactly(text, number):
    assert whole_number(text, "samples") == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.5",
        "1e",
        "e9",
        "1e-3",
        "1.23e1",
        "10**1000000",
        "9**9**9",
        "1e999999999",
        "-5",
        "0x10",
        "²",
        "1 000",
        "nan",
        "9" * 1000,
    ],
)
def test_what_is_no_whole_number_is_named(text):
    with pytest.raises(BadParam) as caught:
        whole_number(text, "samples")
    assert caught.value.field == "samples"


def test_pi_prints_one_json_object(hydra):
    result = hydra("pi", str(40 * UNIT), "--seed", "7", "--json", "--url", URL)
    assert result.exit_code == 0
    assert result.stderr == ""
    (line,) = result.stdout.splitlines()
    job = json.loads(line)
    assert job["state"] == "done"
    assert job["params"] == {"samples": 40 * UNIT, "seed": 7, "generator": "shishua"}
    assert (job["answer"]["samples"], job["answer"]["hits"]) == (40 * UNIT, job["sums"]["hits"])


def test_pi_prints_its_answer_for_people(hydra):
    result = hydra("pi", "1e6")
    assert result.exit_code == 0
    assert result.stdout.startswith("pi ")
    assert "standard_error" in result.stdout


def test_pi_without_samples_takes_the_kernels_default(hydra, h, clock):
    clock.slices = 0
    result = hydra("pi", "--no-wait")
    (job,) = h.store.views.jobs(10)
    assert result.stdout == f"{job.id}\n"
    assert job.spec.params["samples"] == h.kernels()["pi"].params["samples"].default


def test_submit_takes_any_kernel_and_any_parameter(hydra, h):
    result = hydra("submit", "pi", "samples=1e6", "seed=10**3", "--priority", "2", "--json")
    assert json.loads(result.stdout)["answer"]["samples"] == 10**6
    assert h.store.views.jobs(1)[0].spec.priority == 2.0
    assert h.store.views.jobs(1)[0].spec.params["seed"] == 1000


def test_a_list_tells_the_priority_that_was_asked_for(hydra, h):
    hydra("pi", "1e6", "--no-wait")
    hydra("pi", "1e6", "--priority", "0.5", "--no-wait")
    assert sorted(job.spec.priority for job in h.store.views.jobs(2)) == [0.5, 1.0]
    usual, patient = sorted(hydra("jobs").stdout.splitlines(), key=len)
    assert patient.endswith("generator=shishua  priority 0.5")
    assert "priority" not in usual


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["pi", "0"], "samples must be at least 1"),
        (["pi", "many"], "samples must be a whole number such as 1e12"),
        (["pi", "1", "--seed", "x"], "seed must be a whole number"),
        (["submit", "tau"], "no kernel"),
        (["submit", "pi", "samples"], "NAME=VALUE"),
        (["submit", "pi", "seed=1", "seed=2"], "given twice"),
        (["submit", "pi", "samples=abc"], "samples must be a whole number"),
        (["submit", "pi", "self=1"], "not a parameter"),
        (["submit", "pi", "--priority", "1e9"], "priority must be"),
        (["watch", "0" * 32], "no job"),
        (["cancel", "x/../y"], "not the id of a job"),
        (["jobs", "--url", "nonsense"], "the address of a scheduler is"),
    ],
)
def test_errors_are_one_sentence_and_exit_code_2(hydra, h, args, says):
    result = hydra(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("hydra: ")
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert h.store.views.jobs(1) == []


def test_nobody_there_is_one_sentence(hydra, pool):
    pool.down = True
    result = hydra("jobs")
    assert result.exit_code == 2
    assert result.stderr == f"hydra: no scheduler answers at {URL}; start one with: hydra up\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_job_that_ends_badly_is_exit_code_1(hydra, h, clock, as_json):
    clock.slices = 0
    job = hydra("pi", "--no-wait").stdout.strip()
    cancelled = hydra("cancel", job, "--reason", "enough", *as_json)
    assert cancelled.exit_code == 0
    assert "cancelled" in cancelled.stdout
    result = hydra("watch", job, *as_json)
    assert result.exit_code == 1
    assert result.stderr == f"hydra: job {job} cancelled: enough\n"
    assert [json.loads(line)["state"] for line in result.stdout.splitlines()] == (
        ["cancelled"] if as_json else []
    )


def test_watch_prints_a_line_for_each_look(hydra, clock):
    clock.slices = 0
    job = hydra("pi", str(200 * UNIT), "--no-wait").stdout.strip()
    clock.slices = 3
    result = hydra("watch", job, "--json")
    looks = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(looks) > 2
    assert (looks[0]["state"], looks[-1]["state"]) == ("running", "done")


def test_jobs_lists_the_newest_first(hydra, clock):
    clock.slices = 0
    ids = []
    for seed in ("1", "2", "3"):
        ids.append(hydra("pi", "--seed", seed, "--no-wait").stdout.strip())
        clock.now_s += 1
    assert [job["id"] for job in json.loads(hydra("jobs", "--json").stdout)] == ids[::-1]
    lines = hydra("jobs", "--limit", "2").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ids[:0:-1]
    assert "seed=3" in lines[0]


def test_workers_shows_who_is_there(hydra):
    assert json.loads(hydra("workers", "--json").stdout) == []
    hydra("pi", "1e6")
    assert "idle" in hydra("workers").stdout
    assert json.loads(hydra("workers", "--json").stdout)[0]["state"] == "idle"


def test_ctrl_c_leaves_the_job_and_says_how_to_go_on(hydra, h, clock, monkeypatch):
    monkeypatch.setattr(client.Handle, "watch", lambda *_, **__: interrupted())

    def interrupted():
        raise KeyboardInterrupt
        yield

    result = hydra("pi", "1e6")
    assert result.exit_code == 130
    (job,) = h.store.views.jobs(10)
    assert f"hydra watch {job.id}" in result.stderr
    assert f"hydra cancel {job.id}" in result.stderr
    assert job.state == "running"


def test_the_version_and_the_commands(hydra):
    assert hydra("--version").stdout == f"hydra, version {__version__}\n"
    help_text = hydra("--help").stdout
    for name in ("pi", "submit", "jobs", "watch", "cancel", "workers", "up", "worker", "doctor"):
        assert f"  {name} " in help_text
    assert hydra("nonsense").exit_code == 2


def test_every_command_about_jobs_speaks_json_to_any_scheduler():
    context = click.Context(main)
    for name in ("pi", "submit", "jobs", "watch", "cancel", "workers"):
        options = {option.name for option in main.get_command(context, name).params}
        assert {"as_json", "url", "token"} <= options


def shape(done, total=100, count=1, noun="units", **eta_s):
    holds = {"count": count, "noun": noun}
    progress = done / total
    return {
        "done_units": done,
        "total_units": total,
        "progress": progress,
        "unit_holds": holds,
        "eta_s": eta_s or None,
    }


def test_the_bar_shows_share_rate_and_time_left(clock):
    bar = Bar(shape(0, count=UNIT, noun="points"), clock)
    assert bar.line(shape(0)) == f"[{'-' * 20}]   0.0 %"
    clock.now_s += 2
    bar.measure(20)
    full = "#" * 4 + "-" * 16
    assert bar.line(shape(20, p10=6.2, p50=8.0, p90=14.0)) == (
        f"[{full}]  20.0 %  {10 * UNIT:.2e} points/s  8 s left (7 s to 14 s)"
    )
    slow = Bar(shape(0), clock)
    clock.now_s += 100
    slow.measure(1)
    long = shape(1, p10=7200.0, p50=9900.0, p90=12000.0)
    assert slow.line(long).endswith("1.00e-02 units/s  2:45 h left (2:00 h to 3:20 h)")
    assert slow.line(shape(99, p10=99.6, p50=100.0, p90=100.0)).endswith("  1:40 min left")


def test_a_command_about_jobs_starts_light():
    """Flask, NumPy, Redis and RQ would cost more than the command itself."""
    program = (
        "import sys\n"
        "from hydra.cli import main\n"
        "try: main(['jobs', '--url', 'http://127.0.0.1:1'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('flask', 'numpy', 'redis', 'rq', 'hydra.kernels')"
        " if name in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr.startswith("hydra: no scheduler answers")
