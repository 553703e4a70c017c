"""A billion points on a warm fleet: the whole command, the client alone, and the steps between.

The fleet is `hydra up --workers 2` in a folder of its own. The steps come from the job's story,
whose times are the server's wall clock; client and server share a machine here.
"""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.bed import ROOT, clean_env, fleet
from benchmarks.report import Rows
from hydra.server.connection import connect
from hydra.store.redis import redis_store

POINTS = 10**9
ROUNDS = 7
SEED_MAX = 2**31

Steps = dict[str, float]


def measure(rows: Rows, rounds: int, only: str) -> None:
    """The command, the client and an empty command in turn, at random moments of the fleet."""
    took: dict[str, list[float]] = {}
    steps: list[Steps] = []
    with fleet() as (url, folder):
        env = clean_env(HYDRA_STATE_DIR=str(folder), HYDRA_URL=url)
        _ask_client(url, folder)
        for _ in range(rounds or ROUNDS):
            for name, words in _commands().items():
                time.sleep(random.uniform(0.3, 0.8))  # no fixed phase to the workers' polls
                took.setdefault(name, []).append(_command_s(words, env))
            time.sleep(random.uniform(0.3, 0.8))
            steps.append(_ask_client(url, folder))
    for name, seconds in took.items():
        rows.add(
            "Commands, seconds of the whole process",
            command=name,
            **_spread([each * 1e3 for each in seconds]),
        )
    for name in steps[0]:
        rows.add(
            "hydra.Client in a warm process: submit to answer, by step",
            step=name,
            **_spread([run[name] for run in steps]),
        )


def _commands() -> dict[str, list[str]]:
    python = sys.executable
    return {
        "python -c pass": [python, "-c", "pass"],
        "hydra --version": [python, "-m", "hydra", "--version"],
        "hydra jobs --json": [python, "-m", "hydra", "jobs", "--json"],
        "hydra pi 1e9 --json": [
            python,
            "-m",
            "hydra",
            "pi",
            "1e9",
            "--json",
            "--seed",
            str(random.randrange(SEED_MAX)),
        ],
    }


def _spread(values_ms: list[float]) -> dict[str, Any]:
    return {
        "median_ms": statistics.median(values_ms),
        "min_ms": min(values_ms),
        "max_ms": max(values_ms),
        "runs": len(values_ms),
    }


def _command_s(words: list[str], env: dict[str, str]) -> float:
    begun_s = time.perf_counter()
    subprocess.run(words, env=env, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - begun_s


def _ask_client(url: str, folder: Path) -> Steps:
    """One job by the client; how long each step took, in ms."""
    from hydra.client import Client

    with Client(url) as client:
        client.jobs(1)  # connected, as a program that runs for long is
        begun_ms = time.time() * 1e3
        handle = client.submit("pi", samples=POINTS, seed=random.randrange(SEED_MAX))
        submitted_ms = time.time() * 1e3
        handle.result()
        seen_ms = time.time() * 1e3
    with connect(f"unix://{folder}/redis.sock") as redis_client:
        story = redis_store(redis_client, str).views.story(handle.id)
    at_ms = {entry.verb: entry.at_ms for entry in reversed(story)}  # the first of each verb
    chunks = sum(entry.verb == "claim" for entry in story)
    return {
        "submit answered": submitted_ms - begun_ms,
        "submit asked to first claim": at_ms["claim"] - begun_ms,
        "first claim to last unit in": at_ms["reduce"] - at_ms["claim"],
        "last unit in to done": at_ms["done"] - at_ms["reduce"],
        "done to answer seen": seen_ms - at_ms["done"],
        "whole": seen_ms - begun_ms,
        "(chunks)": chunks,
    }
