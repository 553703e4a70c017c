"""The dramatiq peer: one message a span."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks import traced_pi

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def call(samples: int, seed: int, start: int, stop: int) -> None:
    """One span."""
    traced_pi.call(samples, seed, start, stop)
