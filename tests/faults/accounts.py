"""The stores that schedules run on, each of which can fall back to a moment that it remembered.

A server that writes its log once a second and is killed comes back a second or two older: what it
had acknowledged since never was, and everybody else goes on as if it had been.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from hydra.ports import Store
from hydra.server.connection import connect
from hydra.store.memory import memory_state, store_over
from hydra.store.redis import redis_store

FIXED = frozenset(("new_id", "now_ms", "bell", "observer", "lock", "run"))
"""Of the memory store's state: what is not data."""

FallBack = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Accounts:
    """A store; `remember` gives what makes it fall back to the moment of that call."""

    store: Store
    remember: Callable[[], FallBack]


MakeAccounts = Callable[[Callable[[], str], Callable[[], float]], Accounts]


def in_memory(new_id: Callable[[], str], now_ms: Callable[[], float]) -> Accounts:
    """The readable edition of the protocol."""
    state = memory_state(new_id, now_ms)
    runs = count(1)

    def remember() -> FallBack:
        kept = copy.deepcopy({name: of for name, of in vars(state).items() if name not in FIXED})

        def fall_back() -> None:
            vars(state).update(copy.deepcopy(kept))
            state.run = f"{next(runs):08d}"

        return fall_back

    return Accounts(store_over(state), remember)


def in_redis(url: str) -> MakeAccounts:
    """The Lua scripts in a real server, which is emptied for each schedule."""
    client = connect(url)

    def remember() -> FallBack:
        kept = {key: (client.dump(key), max(client.pttl(key), 0)) for key in client.scan_iter()}

        def fall_back() -> None:
            client.flushall()
            for key, (value, left_ms) in kept.items():
                client.restore(key, left_ms, value)

        return fall_back

    def make(new_id: Callable[[], str], now_ms: Callable[[], float]) -> Accounts:
        client.flushall()
        return Accounts(redis_store(client, new_id, now_ms=now_ms), remember)

    return make
