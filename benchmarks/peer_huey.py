"""The huey peer: one task a span."""

from __future__ import annotations

import os

from huey import RedisHuey

from benchmarks import traced_pi

huey = RedisHuey("bench", url=os.environ["REDIS_URL"], results=False)


@huey.task()
def call(samples: int, seed: int, start: int, stop: int) -> None:
    """One span."""
    traced_pi.call(samples, seed, start, stop)
