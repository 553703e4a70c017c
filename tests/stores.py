"""Every implementation of the Store port, on a clock that the test turns."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import fakeredis
import redis

from hydra.errors import HydraError
from hydra.model import JobSpec, Partial, Rest, Session, Span, limits
from hydra.model.messages import Ask, Cut, HandIn
from hydra.ports import Store
from hydra.server import binary
from hydra.store.memory import memory_store
from hydra.store.redis import redis_store

VALUE_MAX = 1_000


class Wall:
    """A wall clock in ms that stands still until a test moves it."""

    def __init__(self) -> None:
        self.ms = 1_000_000.0

    def __call__(self) -> float:
        """Read it."""
        return self.ms


def counter(prefix: str = "t") -> Callable[[], str]:
    """Ids that count up, so that a failing story reads well."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


def memory(wall: Wall) -> Store:
    """The readable specification."""
    return memory_store(counter(), wall)


def fake(wall: Wall) -> Store:
    """The Lua scripts in a Redis made of Python."""
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    return redis_store(client, counter(), now_ms=wall, flags=False)


def real(wall: Wall, client: redis.Redis) -> Store:
    """The Lua scripts in a real server."""
    return redis_store(client, counter(), now_ms=wall)


def home_of_lua() -> str:
    """Where the scripts are tested: "real", or "fake" where there is no server.

    CI must have one. HYDRA_TEST_REDIS_SERVER=fake asks for the other.
    """
    try:
        binary.find(os.environ.get("HYDRA_TEST_REDIS_SERVER", ""))
    except HydraError:
        return "real" if os.environ.get("CI") else "fake"
    return "real"


def value_of(unit: int) -> int:
    """What the test kernel counts for a unit."""
    return unit * 37 % VALUE_MAX


def blob_of(unit: int) -> bytes:
    """What the test kernel draws for a unit."""
    return f"piece {unit}".encode()


def sums_spec(total: int, **over: object) -> JobSpec:
    """A job of one named sum."""
    values = {"sum_bounds": {"value": (0, VALUE_MAX)}, **over}
    return JobSpec(
        kernel="testing", version="v1", params={"seed": 2**63}, total_units=total, **values
    )  # type: ignore[arg-type]


def pieces_spec(total: int, **over: object) -> JobSpec:
    """A job of pieces."""
    return JobSpec(
        kernel="drawing", version="v2", params={}, total_units=total, piece_bytes_max=32, **over
    )  # type: ignore[arg-type]


def partial_of(spec: JobSpec, span: Span) -> Partial:
    """The right partial of a span."""
    if spec.sum_bounds:
        return {"value": sum(map(value_of, range(*span)))} if span.units else {}
    return {unit: blob_of(unit) for unit in range(*span)}


def session(name: str, host: str = "") -> Session:
    """A session of the worker `name`."""
    return Session(f"s-{name}", name, host or f"host-{name}", 1)


def ask(units: int, **over: float) -> Ask:
    """A wish for so many units."""
    values: dict[str, float] = {"tau_s": 2.0, "beat_s": 1.0, "slice_units": 0, **over}
    return Ask(units=units, why="because", **values)  # type: ignore[arg-type]


def cut(holder: str, token: str, at: int, **over: object) -> Cut:
    """A proposal to take from the worker `holder`."""
    values = {"session": session(holder).id, "why": "it is slow", **over}
    return Cut(token=token, at=at, **values)  # type: ignore[arg-type]


def hand_in(
    spec: JobSpec, job: str, token: str, span: Span, rest: Rest = Rest.KEEP, note: str = "why"
) -> HandIn:
    """The right hand-in of a span."""
    return HandIn(
        job=job, token=token, span=span, partial=partial_of(spec, span), rest=rest, note=note
    )


def upload(store: Store, job: str, token: str, name: str, content: bytes) -> int:
    """Store a file for a reduction; how many parts it has."""
    size = limits.FILE_PART_BYTES
    parts = [content[at : at + size] for at in range(0, max(len(content), 1), size)]
    assert store.verbs.upload(job, token, name, 0, parts)
    return len(parts)
