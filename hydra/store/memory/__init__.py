"""The accounts in plain Python: the readable edition of the protocol."""

from __future__ import annotations

from collections.abc import Callable

from hydra.ports import Store
from hydra.store.memory.state import Bell, LeaseObserver, ManualBell, NoObserver, State, ThreadBell
from hydra.store.memory.verbs import MemoryVerbs
from hydra.store.memory.views import MemoryViews
from hydra.store.memory.vitals import MemoryVitals


def memory_state(
    new_id: Callable[[], str],
    now_ms: Callable[[], float],
    *,
    jobs_open_max: int = 10_000,
    sleep_s: Callable[[float], None] | None = None,
    bell: Bell | None = None,
    observer: LeaseObserver | None = None,
) -> State:
    """Empty accounts; `now_ms` is the wall clock that a Redis server would have.

    With a clock that stands still, `sleep_s` moves it where a listener would wait.
    """
    return State(
        new_id,
        now_ms,
        bell=bell or (ManualBell(sleep_s) if sleep_s else ThreadBell()),
        observer=observer or NoObserver(),
        jobs_open_max=jobs_open_max,
    )


def store_over(state: State) -> Store:
    """The three ports over one state."""
    return Store(verbs=MemoryVerbs(state), views=MemoryViews(state), vitals=MemoryVitals(state))


def memory_store(
    new_id: Callable[[], str],
    now_ms: Callable[[], float],
    *,
    jobs_open_max: int = 10_000,
    sleep_s: Callable[[float], None] | None = None,
) -> Store:
    """Empty accounts in this process's memory, as a store; see `memory_state`."""
    state = memory_state(new_id, now_ms, jobs_open_max=jobs_open_max, sleep_s=sleep_s)
    return store_over(state)
