"""How a process reaches Redis, and whether that Redis can be trusted with the accounts.

A server that evicts keys, or is too old for the scripts, would lose work without a word; so every
long-lived process asks `require_safe` once, before it does anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from hydra.errors import BadSetting, StoreDown, StoreUnsafe

TIMEOUT_S = 5.0
"""How long one call may take before the server counts as silent."""

RETRIES = 2
"""Redis-py 8 retries ten times by default, which hides an outage for seconds; Hydra has its own
answer to outages, so the client only bridges a dropped connection."""

VERSION_MIN = (7, 0, 0)
"""Oldest server that runs every script."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says about itself."""

    flavour: Literal["redis", "valkey"]
    version: tuple[int, ...]
    """The flavour's own version: Valkey 9.1.2 also claims to be Redis 7.2.4."""
    maxmemory_policy: str
    aof_enabled: bool
    fsync: str
    """When the log is written to disk; empty if the server does not tell (managed ones do not)."""
    process_id: int

    @property
    def version_text(self) -> str:
        """As people write it: `valkey 9.1.2`."""
        return f"{self.flavour} {'.'.join(map(str, self.version))}"


def connect(url: str, *, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """A client that answers in bytes, gives up after `timeout_s` and connects on first use.

    Raises BadSetting if `url` is not an address of a Redis.
    """
    try:
        return redis.Redis.from_url(
            url,
            decode_responses=False,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), RETRIES),
            client_name="hydra",
        )
    except ValueError as error:
        raise BadSetting(
            f"REDIS_URL must start with redis://, rediss:// or unix://: {_first_line(error)}",
            field="REDIS_URL",
        ) from None


def address_of(client: redis.Redis) -> str:
    """Where the client connects, without user and password."""
    given: dict[str, Any] = client.connection_pool.connection_kwargs
    if "path" in given:
        return f"unix://{given['path']}"
    return f"redis://{given.get('host', 'localhost')}:{given.get('port', 6379)}"


def inspect(client: redis.Redis) -> ServerFacts:
    """The server's facts from INFO alone; managed servers refuse CONFIG.

    Raises StoreDown if it does not answer or does not let us in.
    """
    try:
        info: dict[str, Any] = client.info()
    except redis.RedisError as error:
        where = f"Redis at {address_of(client)}"
        if _is_refusal(error):
            raise StoreDown(f"{where} wants a password that REDIS_URL does not carry") from error
        raise StoreDown(f"{where} does not answer: {_first_line(error)}") from error
    flavour: Literal["redis", "valkey"] = "valkey" if "valkey_version" in info else "redis"
    return ServerFacts(
        flavour=flavour,
        version=_version(info.get(f"{flavour}_version", "0")),
        maxmemory_policy=str(info.get("maxmemory_policy", "")),
        aof_enabled=bool(info.get("aof_enabled", 0)),
        fsync=_fsync(client),
        process_id=int(info.get("process_id", 0)),
    )


def require_safe(client: redis.Redis) -> ServerFacts:
    """The server's facts, if it can be trusted with the accounts.

    A server without its append-only file is not refused, since managed ones have other means; the
    facts say so, and `hydra doctor` and `/readyz` show it. Raises StoreDown or StoreUnsafe.
    """
    facts = inspect(client)
    where = f"Redis at {address_of(client)}"
    # Valkey forked from Redis 7.2: every Valkey is new enough, and its own numbers start at 7.2.
    if facts.version < VERSION_MIN:
        raise StoreUnsafe(
            f"{where} is {facts.version_text}; Hydra needs 7.0 or newer, so upgrade the server or "
            f"set REDIS_URL to another"
        )
    if facts.maxmemory_policy not in ("", "noeviction"):
        raise StoreUnsafe(
            f"{where} evicts keys when memory is full (maxmemory-policy "
            f"{facts.maxmemory_policy}), which would lose work; set it to noeviction"
        )
    return facts


def _fsync(client: redis.Redis) -> str:
    try:
        answer = dict(client.config_get("appendfsync"))
    except redis.RedisError:
        return ""
    return "".join(_text(value) for value in answer.values())


def _is_refusal(error: redis.RedisError) -> bool:
    # The complaint about HELLO is what a client without a password gets.
    return isinstance(error, redis.AuthenticationError) or "HELLO must be called" in str(error)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _version(text: object) -> tuple[int, ...]:
    parts = (part for part in str(text).split(".") if part.isdigit())
    return tuple(int(part) for part in parts)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


REFUSALS = ("OOM", "MISCONF", "READONLY", "LOADING", "NOAUTH", "NOPERM", "WRONGPASS", "MASTERDOWN")


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's errors into StoreDown; other replies of the server are our bugs."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreDown(f"Redis does not answer: {error}") from error
    except redis.ResponseError as error:
        if str(error).startswith(REFUSALS) or "OOM" in str(error):
            raise StoreDown(f"Redis refuses: {error}") from error
        raise
