"""`hydra profile`: the files that it writes and what it says."""

from __future__ import annotations

import csv
import json
import sys

import pytest

from tests.http.working import UNIT

MAGIC = {"png": b"\x89PNG\r\n", "pdf": b"%PDF-", "svg": b"<?xml"}


@pytest.fixture
def job(hydra):
    return json.loads(hydra("pi", str(40 * UNIT), "--json").stdout)["id"]


@pytest.mark.parametrize("kind", [*MAGIC, "csv"])
def test_tables_and_a_plot_are_written(hydra, job, tmp_path, kind):
    folder = tmp_path / "out" / "deep"
    result = hydra("profile", job, "-o", str(folder), "--format", kind)
    assert result.exit_code == 0
    names = ["chunks.csv", "throughput.csv", *([f"profile.{kind}"] if kind in MAGIC else [])]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert result.stdout.splitlines()[-len(names) :] == [str(folder / name) for name in names]
    if kind in MAGIC:
        assert (folder / f"profile.{kind}").read_bytes().startswith(MAGIC[kind])
    with (folder / "chunks.csv").open(newline="") as file:
        units = [int(row["stop"]) - int(row["start"]) for row in csv.DictReader(file)]
    assert sum(units) == 40


def test_the_same_job_gives_the_same_picture(hydra, job, tmp_path):
    for folder in ("first", "second"):
        hydra("profile", job, "-o", str(tmp_path / folder), "--format", "svg")
    first, second = (
        (tmp_path / folder / "profile.svg").read_bytes() for folder in ("first", "second")
    )
    assert first == second


def test_the_folder_is_named_after_the_job(hydra, job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = hydra("profile", job, "--format", "csv", "--json")
    folder = tmp_path / f"profile-{job[:8]}"
    told = json.loads(result.stdout)
    assert told["files"] == [f"{folder.name}/chunks.csv", f"{folder.name}/throughput.csv"]
    assert sum(share["units"] for share in told["workers"]) == 40
    assert "chunks" not in told
    assert (folder / "chunks.csv").is_file()


def test_without_matplotlib_a_sentence_says_what_to_do(hydra, job, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = hydra("profile", job, "-o", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert result.stderr == (
        "hydra: plots need matplotlib: pip install 'hydra[plot]', or take --format csv\n"
    )
    assert not (tmp_path / "out").exists()
    assert hydra("profile", job, "-o", str(tmp_path / "out"), "--format", "csv").exit_code == 0


def test_a_job_that_nobody_began_has_an_empty_picture(hydra, clock, tmp_path):
    clock.slices = 0
    job = hydra("pi", "--no-wait").stdout.strip()
    result = hydra("profile", job, "-o", str(tmp_path))
    assert result.exit_code == 0
    assert result.stdout.startswith("efficiency unknown\n")
    assert (tmp_path / "profile.png").is_file()


def test_what_cannot_be_written_is_a_sentence(hydra, job, tmp_path):
    (tmp_path / "file").write_text("")
    result = hydra("profile", job, "-o", str(tmp_path / "file" / "inner"), "--format", "csv")
    assert result.exit_code == 2
    assert "file" in result.stderr
    assert "Traceback" not in result.stderr
