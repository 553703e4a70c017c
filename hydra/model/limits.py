"""Fixed numbers of the protocol: with one changed, workers of one fleet misjudge each other."""

from __future__ import annotations

BASE = "/api/v1"
"""Where the addresses of the HTTP API begin."""

JOBS_PAGE_MAX = 200
"""Jobs that one page of their list may hold."""

WAIT_S_MAX = 25
"""Longest that a request for a job may wait for its end."""

UNITS_MAX = 2**53 - 1
"""Largest count of units a job may have: Lua's numbers are exact up to here."""

SUM_MAX = 2**63 - 1
"""Largest total a named sum may reach: Redis counters are signed 64-bit."""

LEASE_BEATS = 3
"""A lease lasts this many beats."""

LEASE_MS_MAX = 60_000
"""Longest lease of a range that was lost again and again."""

BEATS_PER_S_MAX = 5_000
"""Heartbeats a second that the whole fleet may send: the beat grows with the fleet."""

LOSSES_MAX = 5
"""A single unit lost this often in a row, by two workers or the only one there is, is dead."""

LOSSES_ALONE_MAX = 20
"""Lost this often in a row by one worker it is dead, too: the others may lack the kernel."""

REDUCE_ATTEMPTS_MAX = 3
"""Attempts at a reduction that may fail: their lease runs out, or their session leaves."""

REDUCE_RETURNS_MAX = 20
"""How often a reduction may be given back: else one that fits into no memory would never end."""

REDUCE_LEASE_MS = 15_000
"""A reduction whose holder is silent for this long is lost."""

TICK_MS_MAX = 1_500
"""Hydra time advances by at most this between calls, so that a stalled server expires nobody."""

SESSION_TTL_MS = 600_000
"""A session that does not call for this long is forgotten."""

LIVE_MS = 15_000
"""A worker seen within this is live; one that holds a lease is, until the lease runs out."""

SHOWN_S = 5.0
"""An idle worker shows itself again after so long, or it would count as gone."""

FIGURES_PER_S_MAX = 10_000
"""Workers whose rates a reaper reads in a second: larger fleets get their figures more seldom."""

REAPER_LATE_MS = 15_000
"""A reaper that has not passed for this long is missing."""

MEMORY_SHARE_MAX = 0.95
"""A server that uses more than this share of its memory counts as full."""

CLOCK_JUMP_S = 5.0
"""A server's clock that moves by this much more or less than ours has jumped."""

JUMP_TOLD_S = 60.0
"""How long a jump is told."""

WORKER_KEEP_MS = 3_600_000
"""A worker not seen for this long leaves the list."""

RATE_KEEP_MS = 30 * 86_400_000
"""How long the rate of a host that computes no more is remembered."""

CLAIM_TRIES_MAX = 4
"""Jobs that one claim tries, of those that the worker can serve."""

PASSED_MAX = 32
"""Jobs that a session remembers as not for it, the first in turn."""

SERVED_MS = 10_000
"""A job of which nothing was lent or handed in for this long does not catch up on its turns."""

TURNS_KEPT = 2
"""Chunks that a job served so seldom may be behind all the same: one of low priority is served
seldom, and would lose its share."""

SERVED_MAX = 64
"""Jobs served lately that are compared."""

TURN_MS = 2 * 1000
"""A job of which nothing was lent or handed in for so long has its turn: one worker gives way."""

EXPIRE_BATCH = 100
"""Leases that one reaper call ends."""

FILE_PART_BYTES = 16_000
"""Files of an answer are stored in parts of this size. With its header a part fits into the 16 KiB
that the server's allocator gives to it; one of 16 KiB would be given 20."""

FILE_PARTS_MAX = 64
"""Parts that one call carries at most, a megabyte."""

PIECES_READ_MAX = 256
"""Pieces that one call of a reduction reads at most."""

HISTORY_PLACES = 256
"""Samples of a job's sums on its way, evenly over its progress."""

STORY_ENTRIES_MAX = 500
"""Entries of a job's story that are kept, about."""

STORY_READ_MAX = 2 * STORY_ENTRIES_MAX
"""More entries than a story ever has: a reader of so many gets all."""

TIMELINE_CHUNKS_MAX = 10_000
"""Chunks of a job's timeline that are kept, and a few hundred more: some 100 bytes each."""

TIMELINE_READ_MAX = 2 * TIMELINE_CHUNKS_MAX
"""More chunks than a timeline ever has: a reader of so many gets all."""

PIECE_BYTES_MAX = 256 << 10
"""Largest blob of one unit."""

SUM_NAMES_MAX = 64
"""Named sums that one kernel may have."""

KEY_TTL_MS = 86_400_000
"""How long an Idempotency-Key is remembered."""

QUEUE = "hydra"
"""The one RQ queue; with two, RQ's dequeue can lose a task."""

RATE_MEMORY_S = 3.0
"""Rates are averaged exponentially over this time."""

RATE_S_MIN = 0.005
"""Progress over a shorter time than this says nothing about a rate."""

CHUNKS_PER_S_MAX = 10_000
"""Chunks a second that the whole fleet may ask for: the shortest grows with the fleet."""

POLLS_PER_S_MAX = 10_000
"""How often a second the idle workers of the whole fleet may ask: they take turns."""

CHUNK_S_MIN = 0.02
"""Shortest chunk, whatever its overhead."""

SPLIT_GAIN_S_MIN = 0.5
"""A split that saves less than this is not worth telling the holder."""

CHUNK_UNITS_MAX = 2**34
"""Largest chunk: its sums must stay below 2^53."""
