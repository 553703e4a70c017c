"""Everything that Redis holds of one job, read in one transaction: a single moment."""

from __future__ import annotations

from typing import Any

from hydra.errors import NoSuchJob
from hydra.model.messages import JobDump
from hydra.store.redis import keys
from hydra.store.redis.layout import LEASE_ID
from hydra.store.redis.records import read_job, read_lease, read_range, text_fields

INDEXES = {"runnable": keys.RUNNABLE, "reducing": keys.REDUCING, "ended": keys.ENDED}


def dump(client: Any, job: str) -> JobDump:
    """The job for the invariants; NoSuchJob."""
    with client.pipeline(transaction=True) as pipe:
        pipe.zrange(keys.free(job), 0, -1, withscores=True)
        pipe.hgetall(keys.leases(job)).hkeys(keys.pieces(job))
        pipe.zrange(keys.DEADLINES, 0, -1, withscores=True).zrange(keys.ends(job), 0, -1)
        pipe.hgetall(keys.job(job)).hgetall(keys.sums(job))
        for index in INDEXES.values():
            pipe.zscore(index, job)
        free, leases, pieces, deadlines, ends, record, sums, *listed = pipe.execute()
    if not record:
        raise NoSuchJob(f"no job {job[:64]!r}", field="job")
    found = [(LEASE_ID.unpack(member), at_ms) for member, at_ms in deadlines]
    return JobDump(
        job=read_job(job, text_fields(record), text_fields(sums), len(leases)),
        free=[read_range(member, start) for member, start in free],
        leases=[read_lease(job, token.decode(), line) for token, line in leases.items()],
        deadlines={lease["token"]: at_ms for lease, at_ms in found if lease["job"] == job},
        ends=frozenset(token.decode() for token in ends),
        indexes=frozenset(name for name, at in zip(INDEXES, listed, strict=True) if at is not None),
        pieces=frozenset(int(unit) for unit in pieces),
    )
