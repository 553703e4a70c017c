"""Has the Redis log rewritten when it may be damaged, before that can do harm.

The problem: two ways in which a log goes bad while what the server holds in memory is right.

- A script's writes lie in the log between MULTI and EXEC, and a loss of power may leave the last
  such block unfinished. Redis 7.0 then cuts off the one command that is broken, but not the block
  that it began: what comes later is written into that block, and the next restart applies half of a
  script that never happened, so that units are counted twice. Valkey 9.1 cuts off the block.
- A full disk takes a part of a write. Both servers cut that part off, but in a log that was begun
  by a rewrite they go on writing where it ended: zeros lie between, and the next start is refused.

The idea: rewrite the log from memory as soon as anyone sees that the server was restarted, or that
it can write its log again. A second crash during the rewriting, which takes milliseconds, leaves a
log that Redis does not read until redis-check-aof has repaired it. Rejected: `aof-load-truncated
no`, since every loss of power would wait for a person; reading the log ourselves, since a large one
takes minutes.
"""

from __future__ import annotations

import logging
from typing import Any

import redis

from hydra.server.connection import store_errors

LOG = logging.getLogger("hydra.redis")


class Renewal:
    """Watches one server's log; `look` is to be called often."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client
        self._run_id = ""
        """The run of the server whose log is known to be whole."""

    def look(self) -> bool:
        """Have the log rewritten if it may be damaged; whether that was asked for.

        A server that does not allow it, or gives no facts (a managed one), is left alone. Raises
        StoreDown.
        """
        with store_errors():
            run_id = self._redis.info("server").get("run_id", "")
            log = self._redis.info("persistence")
            if log.get("aof_last_write_status", "ok") != "ok":
                self._run_id = ""  # to be done once there is room
                return False
            if run_id == self._run_id or not log.get("aof_enabled"):
                return False
            try:
                self._redis.bgrewriteaof()
            except redis.ResponseError as error:
                LOG.warning("log not rewritten why=%s", error)
        self._run_id = run_id
        return True
