"""Health of the Redis that holds the accounts. Each check asks the server again.

Only the server's clock is remembered, to notice when it jumps. A jump does no harm to leases,
because Hydra time never advances by more than a moment between two calls. But what Redis deletes by
its own clock (finished jobs, sessions, idempotency keys) is deleted too early or too late, so a
jump is shown for a while. A machine that slept shows one, too.
"""

from __future__ import annotations

from collections.abc import Callable

import redis

from hydra.model import Check, limits
from hydra.server.connection import ServerFacts, inspect, requirements, store_errors
from hydra.store.redis import keys


class Health:
    """Looks at one server; `generation` is the data it must hold (empty: any), `fsync` its log."""

    def __init__(
        self, client: redis.Redis, monotonic_s: Callable[[], float], generation: str, fsync: str
    ) -> None:
        self._redis = client
        self._monotonic_s = monotonic_s
        self._generation = generation
        self._fsync = fsync
        self._ahead_s: float | None = None
        self._jump = (0.0, 0.0)

    def checks(self) -> list[Check]:
        """Everything the accounts need of the server; raises StoreDown if it does not answer."""
        facts = inspect(self._redis)
        return [*requirements(facts, self._fsync), memory(facts), self._same(), self._clock()]

    def _same(self) -> Check:
        with store_errors():
            raw = self._redis.get(keys.GENERATION)
        found = raw.decode() if isinstance(raw, bytes) else ""
        if found and self._generation in ("", found):
            return Check("generation", True, found)
        what = f"this Redis has generation {found}" if found else "this Redis is empty"
        known = f", not {self._generation} as at the start" if self._generation else ""
        return Check("generation", False, f"{what}{known}: restore its data, or start with no jobs")

    def _clock(self) -> Check:
        with store_errors():
            seconds, micros = self._redis.time()
        now_s = self._monotonic_s()
        ahead_s = seconds + micros / 1e6 - now_s
        moved_s = 0.0 if self._ahead_s is None else ahead_s - self._ahead_s
        self._ahead_s = ahead_s
        if abs(moved_s) > limits.CLOCK_JUMP_S:
            self._jump = (now_s, moved_s)
        since_s, by_s = self._jump
        if by_s and now_s - since_s < limits.JUMP_TOLD_S:
            return Check("clock", False, f"the server's clock jumped by {by_s:+.0f} s")
        return Check("clock", True, "steady")


def memory(facts: ServerFacts) -> Check:
    """Whether there is room for more jobs; giving up and finishing need none."""
    used, most = facts.memory_bytes, facts.memory_bytes_max
    if not most:
        return Check("memory", True, f"{used >> 20} MB used")
    text = f"{used >> 20} of {most >> 20} MB used"
    if used < most * limits.MEMORY_SHARE_MAX:
        return Check("memory", True, text)
    return Check("memory", False, f"{text}: raise maxmemory, or let finished jobs go sooner")
