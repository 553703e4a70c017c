"""The specs of jobs, which never change: read once by each process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.model import JobSpec
from hydra.server.connection import store_errors
from hydra.store import wire
from hydra.store.redis import keys
from hydra.store.redis.records import text_fields

SPECS_MAX = 1 << 14
"""Specs that one process remembers, more than jobs may be open: it saves a round trip a chunk."""


class Specs:
    """Looks specs up in Redis, or in memory if this process has seen them."""

    def __init__(self, client: Any) -> None:
        self._redis = client
        self._known: dict[str, JobSpec] = {}

    def of(self, job: str) -> JobSpec | None:
        """A job's spec; None if there is no such job."""
        return self._known.get(job) or self.of_all([job]).get(job)

    def of_all(self, jobs: Sequence[str]) -> dict[str, JobSpec]:
        """The specs of those jobs that there are, in the order given: one round trip at most."""
        known = self._known  # another thread may begin a new one at any moment
        found = {job: known[job] for job in jobs if job in known}
        unknown = [job for job in jobs if job not in found]
        if unknown:
            with store_errors(), self._redis.pipeline(transaction=False) as pipe:
                for job in unknown:
                    pipe.hgetall(keys.job(job))
                records = pipe.execute()
            read = {
                job: wire.spec_from(text_fields(record))
                for job, record in zip(unknown, records, strict=True)
                if record
            }
            if len(known) + len(read) > SPECS_MAX:
                self._known = read
            else:
                known.update(read)
            found |= read
        return {job: found[job] for job in jobs if job in found}
