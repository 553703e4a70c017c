"""The specs of jobs, which never change: read once by each process."""

from __future__ import annotations

from typing import Any

from hydra.model import JobSpec
from hydra.server.connection import store_errors
from hydra.store import wire
from hydra.store.redis import keys
from hydra.store.redis.records import text_fields

SPECS_MAX = 1024
"""Specs that one process remembers: it saves a round trip a chunk."""


class Specs:
    """Looks specs up in Redis, or in memory if this process has seen them."""

    def __init__(self, client: Any) -> None:
        self._redis = client
        self._known: dict[str, JobSpec] = {}

    def of(self, job: str) -> JobSpec | None:
        """A job's spec; None if there is no such job."""
        known = self._known.get(job)  # another thread may clear them at any moment
        if known is None:
            with store_errors():
                record = self._redis.hgetall(keys.job(job))
            if not record:
                return None
            if len(self._known) >= SPECS_MAX:
                self._known.clear()
            known = self._known[job] = wire.spec_from(text_fields(record))
        return known
