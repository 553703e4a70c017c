"""Which version of its records a Redis holds, and how older ones are brought up to date.

Every script refuses to run on records of another format than it writes. So a worker of another
version learns it from its first call, and changes nothing. The scheduler or reaper of a newer
version that starts first migrates, before it does anything else; the others wait. Each step may be
repeated: if a start is killed during it, the next start runs it again from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

from hydra.clock import Clock
from hydra.errors import StoreUnsafe
from hydra.server.connection import store_errors
from hydra.store.redis import keys
from hydra.store.redis.layout import LEASE

FORMAT = 2
"""The format that this version reads and writes. Data without a stamp is of format 1, Hydra 0.1."""

LOCK_MS = 60_000
"""How long one start may take to migrate before another tries."""

WAIT_S = 0.1
"""Between two looks at another start that migrates."""

BATCH = 500
"""Keys looked at in one call."""


def ensure(client: Any, clock: Clock) -> None:
    """Stamp empty data, migrate older data; nothing to do for data of this format.

    Raises StoreUnsafe if the data is of a newer format.
    """
    with store_errors():
        while (found := _found(client)) != FORMAT:
            if found > FORMAT:
                raise mismatch(found)
            if client.set(keys.MIGRATING, clock.new_id(), nx=True, px=LOCK_MS):
                for step in range(_found(client), FORMAT):
                    STEPS[step](client)
                    client.set(keys.FORMAT, step + 1)
                client.delete(keys.MIGRATING)
            else:
                clock.sleep_s(WAIT_S)


def mismatch(found: int) -> StoreUnsafe:
    """The one sentence for a process of another format than the data."""
    which = "this Hydra is older: upgrade it" if found > FORMAT else "its scheduler is older"
    return StoreUnsafe(
        f"this Redis holds records of format {found} and this Hydra writes format {FORMAT}; {which}"
    )


def _found(client: Any) -> int:
    stamp = client.get(keys.FORMAT)
    if stamp is not None:
        return int(stamp)
    if client.exists(keys.GENERATION, keys.CLOCK):
        return 1
    client.set(keys.FORMAT, FORMAT, nx=True)
    return FORMAT


def _from_1(client: Any) -> None:
    """Sessions hold replies, and workers what they do, in a form that has changed.

    No worker runs across this change. Leases say since then what their jobs were charged; those of
    format 1 run out.
    """
    for pattern in ("hydra:session:*", "hydra:worker:*"):
        for key in client.scan_iter(match=pattern, count=BATCH):
            if key.startswith(b"hydra:session:"):
                client.delete(key)
            else:
                client.hdel(key, "doing", "session")
    for key in client.scan_iter(match="hydra:job:*:leases", count=BATCH):
        for token, line in client.hgetall(key).items():
            if len(line.split(b" ")) < len(LEASE.fields):
                client.hset(key, token, line + b" 0.0")


STEPS: dict[int, Callable[[Any], None]] = {1: _from_1}
"""Each by the format that it starts from."""


@contextmanager
def store_format() -> Iterator[None]:
    """Turn a script's refusal of another format into StoreUnsafe."""
    try:
        yield
    except redis.ResponseError as error:
        code, _, found = str(error).partition(" ")
        if code != "HYDRAFORMAT":
            raise
        raise mismatch(int(found.split(" ")[0])) from None


def require(client: Any) -> None:
    """Raise StoreUnsafe if the data is of another format than this version's."""
    with store_errors():
        stamp = client.get(keys.FORMAT)
        older = stamp is None and client.exists(keys.GENERATION)
    found = int(stamp) if stamp else 1 if older else FORMAT
    if found != FORMAT:
        raise mismatch(found)
