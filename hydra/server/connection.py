"""How a process reaches Redis, and whether that Redis can be trusted with the accounts.

A server that evicts keys, is too old for the scripts, or keeps no log where one was promised would
lose work silently. So every long-lived process calls `require_safe` once, before it does anything
else, and the health page makes the same checks each time: a configuration can change.
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
from hydra.model import Check
from hydra.settings import FSYNC

TIMEOUT_S = 5.0
"""How long one call may take before the server counts as silent."""

RETRIES = 2
"""Redis-py 8 retries ten times by default, which hides an outage for seconds. Hydra handles outages
itself, so the client only retries after a dropped connection."""

BYTES_S_MIN = 1 << 14
"""A link that carries less than this a second counts as silent, however much is sent."""

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
    log_fails: bool = False
    """Whether its last write to the log did not reach the disk: it refuses changes then."""
    memory_bytes: int = 0
    memory_bytes_max: int = 0
    """What it may use, or what its machine has; 0 if it does not tell."""

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


def own_client(theirs: redis.Redis, timeout_s: float) -> redis.Redis:
    """A client of the same server with connections of its own, and another time-out.

    A call that carries much may take longer: as long as a link of BYTES_S_MIN needs for it.
    """
    pool = theirs.connection_pool
    given: dict[str, Any] = {
        **pool.connection_kwargs,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "decode_responses": False,
    }
    given.pop("retry", None)
    kind = pool.connection_class
    if not issubclass(kind, _Sized):
        kind = type(f"Sized{kind.__name__}", (_Sized, kind), {})
    return redis.Redis(connection_pool=redis.ConnectionPool(connection_class=kind, **given))


class _Sized:
    """A connection whose time-out follows what is sent over it; see `own_client`."""

    def send_packed_command(self: Any, command: Any, check_health: bool = True) -> None:
        """Send a command, and give it and its answer the time that its bytes need."""
        parts = [command] if isinstance(command, (bytes, str)) else command
        if self._sock is None:
            self.connect_check_health(check_health=False)
        size = sum(map(len, parts))
        self._sock.settimeout(self.socket_timeout + size / BYTES_S_MIN)
        super().send_packed_command(command, check_health)  # type: ignore[misc]


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
        log_fails=info.get("aof_last_write_status", "ok") != "ok",
        memory_bytes=int(info.get("used_memory", 0)),
        memory_bytes_max=int(info.get("maxmemory", 0) or info.get("total_system_memory", 0)),
    )


def require_safe(client: redis.Redis, fsync: str = "") -> ServerFacts:
    """The server's facts, if it can be trusted with the accounts.

    `fsync` is what was promised of its log (`HYDRA_FSYNC`); empty for workers, which promise
    nothing. Raises StoreDown or StoreUnsafe.
    """
    facts = inspect(client)
    for check in requirements(facts, fsync):
        if not check.ok:
            raise StoreUnsafe(f"Redis at {address_of(client)} {check.detail}")
    return facts


def requirements(facts: ServerFacts, fsync: str) -> list[Check]:
    """What a server must be: new enough, never evicting, with the log that was promised."""
    return [_version_check(facts), _eviction_check(facts), _log_check(facts, fsync)]


def _version_check(facts: ServerFacts) -> Check:
    # Valkey forked from Redis 7.2: every Valkey is new enough, and its own numbers start at 7.2.
    if facts.version >= VERSION_MIN:
        return Check("redis", True, facts.version_text)
    old = f"is {facts.version_text}; Hydra needs 7.0 or newer"
    return Check("redis", False, f"{old}, so upgrade the server or set REDIS_URL to another")


def _eviction_check(facts: ServerFacts) -> Check:
    policy = facts.maxmemory_policy
    if policy in ("", "noeviction"):
        return Check("eviction", True, policy or "unknown")
    evicts = f"evicts keys when memory is full (maxmemory-policy {policy})"
    return Check("eviction", False, f"{evicts}, which would lose work; set it to noeviction")


def _log_check(facts: ServerFacts, fsync: str) -> Check:
    if facts.log_fails:
        return Check("log", False, "cannot write its log: make room on its disk")
    if not facts.aof_enabled:
        lost = "keeps no log, so a crash loses jobs"
        fix = "set appendonly yes, or HYDRA_FSYNC=no to accept that"
        return Check("log", fsync in ("", "no"), f"{lost}; {fix}")
    found = FSYNC.index(facts.fsync) if facts.fsync in FSYNC else 0
    if fsync and found > FSYNC.index(fsync):
        late = f"writes its log to disk at {facts.fsync}, not {fsync}"
        fix = f"set appendfsync {fsync}, or HYDRA_FSYNC={facts.fsync} to accept that a power cut"
        return Check("log", False, f"{late}; {fix} may lose up to a second")
    return Check("log", True, f"on, fsync {facts.fsync or 'unknown'}")


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


REFUSALS = ("OOM", "MISCONF", "READONLY", "LOADING", "NOPERM", "MASTERDOWN")
"""Codes of a server that cannot change anything now. A script's or a pipeline's reply has them
somewhere inside; where redis-py has a class for a code, it takes the code away."""

REFUSING = (
    redis.exceptions.OutOfMemoryError,
    redis.ReadOnlyError,
    redis.exceptions.NoPermissionError,
    redis.exceptions.MasterDownError,
    redis.exceptions.ExecAbortError,
    redis.exceptions.NoScriptError,  # it was started again between a script's loading and its call
)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn the client's errors into StoreDown; other errors of the server are bugs of Hydra."""
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        raise StoreDown(f"Redis does not answer: {error}") from error
    except redis.ResponseError as error:
        if isinstance(error, REFUSING) or any(code in str(error) for code in REFUSALS):
            raise StoreDown(f"Redis refuses: {error}") from error
        raise
