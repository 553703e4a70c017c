"""Which version of its records a Redis holds, and how older ones are brought up to date.

Every script refuses to run on records of another format than it writes. So a worker of another
version learns it from its first call, and changes nothing. The scheduler or reaper of a newer
version that starts first migrates, before it does anything else; the others wait. Until it is done
the stamp is that of no version, so that nobody writes meanwhile. Each step may be repeated: if a
start is killed during it, the next start runs it again from its beginning. A start that is so slow
that its lock runs out writes nothing more: each batch begins with a look at the lock.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import redis
from redis.exceptions import LockError

from hydra.errors import StoreUnsafe
from hydra.server.connection import store_errors
from hydra.store.redis import keys
from hydra.store.redis.layout import LEASE

FORMAT = 2
"""The format that this version reads and writes. Data without a stamp is of format 1, Hydra 0.1."""

ON_THE_WAY = "+"
"""Behind the stamp's number while the records leave that format."""

LOCK_S = 60
"""How long a start that migrates may be silent before another tries."""

BATCH = 500
"""Keys looked at in one call."""


def ensure(client: Any) -> None:
    """Stamp empty data, migrate older data; nothing to do for data of this format.

    Raises StoreUnsafe if the data is of a newer format.
    """
    with store_errors():
        while (stamp := _stamp(client)) != str(FORMAT):
            if _number(stamp) > FORMAT:
                raise mismatch(stamp)
            with suppress(LockError), client.lock(keys.MIGRATING, timeout=LOCK_S) as lock:
                for step in range(_number(_stamp(client)), FORMAT):
                    client.set(keys.FORMAT, f"{step}{ON_THE_WAY}")
                    STEPS[step](client, lock.reacquire)
                    lock.reacquire()
                    client.set(keys.FORMAT, step + 1)


def mismatch(stamp: str) -> StoreUnsafe:
    """The one sentence for a process of another format than the data."""
    found = _number(stamp)
    which = "this Hydra is older: upgrade it" if found > FORMAT else "its scheduler is older"
    if stamp.endswith(ON_THE_WAY):
        which = "a newer scheduler is changing them now"
    return StoreUnsafe(
        f"this Redis holds records of format {found} and this Hydra writes format {FORMAT}; {which}"
    )


def _number(stamp: str) -> int:
    return int(stamp.removesuffix(ON_THE_WAY))


def _stamp(client: Any) -> str:
    """What the data says; empty data is stamped first."""
    stamp = client.get(keys.FORMAT)
    if stamp is not None:
        return str(stamp.decode())
    if client.exists(keys.GENERATION, keys.CLOCK):
        return "1"
    client.set(keys.FORMAT, FORMAT, nx=True)
    return str(FORMAT)


def _from_1(client: Any, still_mine: Callable[[], object]) -> None:
    """Sessions hold replies, and workers what they do, in a form that has changed.

    No worker runs across this change. Leases say since then what their jobs were charged, and
    whether they are queued; those of format 1 run out. What jobs have spent was not told apart.
    """
    cursor, done = 0, False
    while not done:
        still_mine()
        cursor, found = client.scan(cursor, count=BATCH)
        for key in found:
            if key.startswith(b"hydra:session:"):
                client.delete(key)
            elif key.startswith(b"hydra:worker:"):
                client.hdel(key, "doing", "session")
            elif key.startswith(b"hydra:job:") and key.endswith(b":leases"):
                for token, line in client.hgetall(key).items():
                    if len(line.split(b" ")) < len(LEASE.fields):
                        client.hset(key, token, line + b" 0.0 0 0.000")
        done = cursor == 0
    client.zunionstore(keys.SPENT, [keys.RUNNABLE])


STEPS: dict[int, Callable[[Any, Callable[[], object]], None]] = {1: _from_1}
"""Each by the format that it starts from. It has to call its second argument before each batch:
that renews the lock, or raises LockError if another start has taken it."""


def told_of(error: redis.ResponseError) -> Exception:
    """StoreUnsafe if a script refused another format, else the error itself."""
    code, _, found = str(error).partition(" ")
    return mismatch(found.split(" ")[0]) if code == "HYDRAFORMAT" else error


def require(client: Any) -> None:
    """Raise StoreUnsafe if the data is of another format than this version's."""
    with store_errors():
        stamp = client.get(keys.FORMAT)
        older = stamp is None and client.exists(keys.GENERATION)
    found = stamp.decode() if stamp else "1" if older else str(FORMAT)
    if found != str(FORMAT):
        raise mismatch(found)
