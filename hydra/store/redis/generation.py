"""Is this still the same data? A store that lost its data must not go on from nothing.

The store carries a random id, made when it was first used. The scheduler's state folder keeps a
copy. A server that came back empty, or another one behind the same address, has another id, and is
refused before anything is written.
"""

from __future__ import annotations

from pathlib import Path

import redis

from hydra.clock import Clock
from hydra.errors import StoreUnsafe
from hydra.server.connection import store_errors
from hydra.server.state_folder import open_folder, write_whole
from hydra.store.redis import format, keys

FILE = "generation"


def adopt(client: redis.Redis, state_dir: str, clock: Clock) -> str:
    """The store's id, made if it has none, and remembered in the state folder.

    Records of an older format are brought up to date. Raises StoreUnsafe if the folder knows
    another id, or if the records are of a newer format.
    """
    path = Path(state_dir) / FILE
    known = path.read_text().strip() if path.exists() else ""
    with store_errors():
        raw = client.get(keys.GENERATION)
    found = raw.decode() if isinstance(raw, bytes) else ""
    if known and found != known:
        what = f"has generation {found}" if found else "is empty"
        raise StoreUnsafe(
            f"this Redis {what}, but {path} knows generation {known}: its data was lost or it is "
            f"another server. Restore it, or delete that file to start with no jobs"
        )
    format.ensure(client)
    if not found:
        with store_errors():
            client.set(keys.GENERATION, clock.new_id(), nx=True)
            raw = client.get(keys.GENERATION)
        found = raw.decode() if isinstance(raw, bytes) else ""
    if not known:
        write_whole(open_folder(state_dir) / FILE, found + "\n")
    return found
