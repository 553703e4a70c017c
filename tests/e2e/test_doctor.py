"""`hydra doctor --invariants` audits a live system, and scripts can use its exit code."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import redis

from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.store.redis import keys
from hydra.wiring import over
from tests.e2e.fleet import clean_env, hydra


def doctor(redis_url: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        hydra("doctor", "--invariants", "--json"),
        env=clean_env(REDIS_URL=redis_url),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_a_sound_system_passes_and_a_wounded_one_does_not(
    redis_client: redis.Redis, redis_url: str
) -> None:
    h = over(redis_client, Settings.read({}))
    job = submit(h, "pi", {"samples": 10**9}).id
    code, (finding,) = doctor(redis_url)
    assert (code, finding["grade"]) == (0, "ok")
    assert finding["text"] == "hold for 1 open jobs with 0 leases"
    redis_client.hincrby(keys.job(job), "done", 1)
    code, findings = doctor(redis_url)
    assert (code, {finding["grade"] for finding in findings}) == (1, {"bad"})
    assert findings[0]["text"].startswith(f"job {job}: free ")
