"""The log of a Redis that was restarted is written anew, before a torn end of it can do harm.

The problem: a script's writes lie in the log between MULTI and EXEC, and a loss of power may leave
the last such block unfinished. Redis 7.0 then cuts off the one command that is broken, but not the
block that it began: what comes later is written into that block, and the next restart applies half
of a script that never happened, so that units are counted twice. Valkey 9.1 cuts off the block.

The idea: what such a server holds in memory is right, so its log is rewritten from that as soon as
anyone sees that it was restarted. A second crash amid the rewriting, which takes milliseconds,
leaves a log that Redis refuses to read until redis-check-aof has cut it. Rejected:
`aof-load-truncated no`, since every loss of power would wait for a person; reading the log
ourselves, since a large one takes minutes.
"""

from __future__ import annotations

import logging
from typing import Any

import redis

from hydra.connection import store_errors

_log = logging.getLogger("hydra.redis")


class Renewal:
    """Watches one server for restarts; `look` is to be called often."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis: Any = client
        self._run_id = ""

    def look(self) -> bool:
        """Have the log rewritten if this is another run of the server; whether it was asked to.

        A server that lets nobody do so (a managed one) is left alone. Raises StoreDown.
        """
        with store_errors():
            run_id = self._redis.info("server")["run_id"]
            if run_id == self._run_id or not self._redis.info("persistence")["aof_enabled"]:
                return False
            try:
                self._redis.bgrewriteaof()
            except redis.ResponseError as error:
                _log.warning("log not rewritten why=%s", error)
        self._run_id = run_id
        return True
