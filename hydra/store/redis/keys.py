"""Every Redis key of Hydra, one function each, with its type.

Nothing else in the tree builds a key. `rq:*` belongs to RQ and is never touched here.
"""

from __future__ import annotations

GENERATION = "hydra:generation"
"""string: the id of this data, made at first use."""

CLOCK = "hydra:clock"
"""hash: seen (wall ms of the last look), active (Hydra time, ms), ticked (wall ms of a pass)."""

FLEET = "hydra:fleet"
"""hash: live, and kernel version -> sum of the live workers' rates; kept by tick."""

JOBS = "hydra:jobs"
"""sorted set: every job by creation, wall ms."""

ENDED = "hydra:ended"
"""sorted set: jobs in a final state by when they got there, wall ms."""

RUNNABLE = "hydra:runnable"
"""sorted set: RUNNING jobs by virtual time, seconds."""

REDUCING = "hydra:reducing"
"""sorted set: REDUCING jobs by when their reduction may be taken, Hydra ms."""

DEADLINES = "hydra:deadlines"
"""sorted set: `job token` of every lease by its deadline, Hydra ms; all that the reaper scans."""

TALLY = "hydra:tally"
"""hash: submitted, units, `job STATE`, `lease HOW` -> how many since this data began."""

WORKERS = "hydra:workers"
"""sorted set: workers by how long they count as live, wall ms; not those that pause."""

PAUSED = "hydra:paused"
"""sorted set: workers by when they last said that they pause, wall ms."""


BELL = "hydra:bell"
"""stream of one entry: rings when work appears or a job ends, so that nobody waits for a poll."""


def worker(worker_id: str) -> str:
    """hash: host, pid, session (its last), job, doing, paused, paused_until, `rate:<version>`s."""
    return f"hydra:worker:{worker_id}"


def rate(version: str, host: str) -> str:
    """string: rate of one of the host's workers, the prior of new sessions; lives RATE_KEEP_MS."""
    return f"hydra:rate:{version}:{host}"


def session(session_id: str) -> str:
    """hash: worker, seq, digest, reply, job, token, reduces; lives SESSION_TTL_MS.

    `job` and `token` are of its lease; `reduces` is the last job whose reduction it took.
    """
    return f"hydra:session:{session_id}"


def idempotency(digest: str) -> str:
    """string: `job spec-digest` opened under an Idempotency-Key; lives KEY_TTL_MS."""
    return f"hydra:key:{digest}"


def job(job_id: str) -> str:
    """hash: the spec, state, done, unassigned, created, ended, reason, reduction."""
    return f"hydra:job:{job_id}"


def free(job_id: str) -> str:
    """sorted set: `stop losses many loser` of each free range by its start."""
    return f"hydra:job:{job_id}:free"


def leases(job_id: str) -> str:
    """hash: token -> the lease as one line of text (see `lease_write` in _prelude.lua)."""
    return f"hydra:job:{job_id}:leases"


def ends(job_id: str) -> str:
    """sorted set: token of each lease by its estimated end, Hydra ms."""
    return f"hydra:job:{job_id}:ends"


def sums(job_id: str) -> str:
    """hash: named sum -> total so far."""
    return f"hydra:job:{job_id}:sums"


def pieces(job_id: str) -> str:
    """hash: unit -> its blob; gone once the job has ended."""
    return f"hydra:job:{job_id}:pieces"


def history(job_id: str) -> str:
    """hash: one of HISTORY_PLACES shares of the job -> `wall done work name sum ...` then."""
    return f"hydra:job:{job_id}:history"


def timeline(job_id: str) -> str:
    """stream, capped: chunk (see `lease_end` in _prelude.lua), one entry for each lease's end."""
    return f"hydra:job:{job_id}:timeline"


def arrivals(job_id: str) -> str:
    """list: units in the order their pieces came; gone once the job has ended."""
    return f"hydra:job:{job_id}:arrivals"


def answer(job_id: str) -> str:
    """string: the answer as JSON."""
    return f"hydra:job:{job_id}:answer"


def files(job_id: str) -> str:
    """hash: name -> `parts token` of each file of the answer, `token/name/i` -> its part i.

    Under the reduction's token, because two reducers may pack the same picture differently.
    """
    return f"hydra:job:{job_id}:files"


def story(job_id: str) -> str:
    """stream, capped: verb, text."""
    return f"hydra:job:{job_id}:story"
