"""Every Redis key of Hydra with its type: a constant, or a function of whose it is.

Nothing else in the tree builds a key. A script's header names the keys that it touches as they are
named here, and a caller says whose they are by the names of the parameters (see `scripts`).
`rq:*` belongs to RQ and is never touched here.
"""

from __future__ import annotations

FORMAT = "hydra:format"
"""string: which version of the records this data has; see `format`."""

MIGRATING = "hydra:migrating"
"""string: who brings the records up to date now; lives LOCK_S of `format`."""

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

SPENT = "hydra:spent"
"""sorted set: the same by virtual time without what is lent but not done, where new ones begin."""

SERVED = "hydra:served"
"""sorted set: RUNNING jobs by when something of them was last lent or handed in, Hydra ms."""

REDUCING = "hydra:reducing"
"""sorted set: REDUCING jobs by when their reduction's lease runs out, Hydra ms; 0 if none runs."""

DEADLINES = "hydra:deadlines"
"""sorted set: a LEASE_ID by its deadline, Hydra ms; all that the reaper scans."""

TALLY = "hydra:tally"
"""hash: submitted, units, `job STATE`, `lease HOW` -> how many since this data began."""

WORKERS = "hydra:workers"
"""sorted set: workers by how long they count as live, wall ms; not those that pause."""

PAUSED = "hydra:paused"
"""sorted set: workers by when they last said that they pause, wall ms."""

BELL = "hydra:bell"
"""stream of one entry: rings when work appears or a job ends, so that nobody waits for a poll."""


def worker(worker: str) -> str:
    """hash: host, pid, seen, session (its last), job, claimed, paused, paused_until, rates.

    `claimed` is a CLAIMED, its last claim; each rate is `rate:<version>` of a kernel.
    """
    return f"hydra:worker:{worker}"


def rate(version: str, host: str) -> str:
    """string: rate of one of the host's workers, the prior of new sessions; lives RATE_KEEP_MS."""
    return f"hydra:rate:{version}:{host}"


def session(session: str) -> str:
    """hash: worker, its last calls, its leases, reduces, passed; or only ended.

    The last claim is `claim_seq`, `_digest` and `_reply`, the last hand-in the same with `hand_in`.
    Of the older lease, `job`, `token` and `alone`, if its range was lost before; of the younger,
    `next_job` and `next_token`; `freed_ms` and `freed_wall_ms` are when an older one ended last.
    `reduces` is the last job whose reduction it took; `passed` are jobs that it cannot serve. It
    lives SESSION_TTL_MS.
    """
    return f"hydra:session:{session}"


def idempotency(key_digest: str) -> str:
    """string: an OPENED, what came under an Idempotency-Key; lives KEY_TTL_MS."""
    return f"hydra:key:{key_digest}"


def job(job: str) -> str:
    """hash: the spec; state, done, done_work, unassigned, created, ended; the reduction.

    Why it ended stands in `end_...`: the fields of the story's last entry. `reduction` is a
    REDUCTION while one holds it; `attempts` were lost, and `returns` are how often it was given
    back.
    """
    return f"hydra:job:{job}"


def free(job: str) -> str:
    """sorted set: a RANGE by its start."""
    return f"hydra:job:{job}:free"


def leases(job: str) -> str:
    """hash: token -> a LEASE."""
    return f"hydra:job:{job}:leases"


def ends(job: str) -> str:
    """sorted set: token of each lease by its estimated end, Hydra ms."""
    return f"hydra:job:{job}:ends"


def sums(job: str) -> str:
    """hash: named sum -> total so far."""
    return f"hydra:job:{job}:sums"


def pieces(job: str) -> str:
    """hash: unit -> its blob; gone once the job has ended."""
    return f"hydra:job:{job}:pieces"


def history(job: str) -> str:
    """hash: one of HISTORY_PLACES shares of the job -> a SAMPLE."""
    return f"hydra:job:{job}:history"


def timeline(job: str) -> str:
    """stream, capped: chunk (a CHUNK), one entry for each lease's end."""
    return f"hydra:job:{job}:timeline"


def arrivals(job: str) -> str:
    """list: units in the order their pieces came; gone once the job has ended."""
    return f"hydra:job:{job}:arrivals"


def answer(job: str) -> str:
    """string: the answer as JSON."""
    return f"hydra:job:{job}:answer"


def files(job: str) -> str:
    """hash: name -> a FILE, for each of the answer; `token/name/i` -> its part i.

    Under the reduction's token, because two reducers may pack the same picture differently. Parts
    of an attempt that has ended are deleted, and others than the holder's are refused.
    """
    return f"hydra:job:{job}:files"


def story(job: str) -> str:
    """stream, capped: verb, and its fields by name (see hydra.model.story)."""
    return f"hydra:job:{job}:story"
