"""Faults of processes: killed, stopped, of another edition, with a clock of their own."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.work import sessions
from tests.e2e import fleet
from tests.e2e.chaos.crew import REAPERS, SCHEDULERS, WORKERS, Seat
from tests.e2e.chaos.scene import Scene, fault

JUMPING_CLOCK = """
import time
_wall = time.time
time.time = lambda: _wall() + (86_400 if int(_wall()) // 7 % 2 else -86_400)
"""
"""A wall clock that jumps by two days every seven seconds."""


@fault("F1", WORKERS, weight=4)
def kill_horse(scene: Scene, seat: Seat) -> Iterator[None]:
    """The work-horse dies; its worker goes on."""
    scene.lost("kill-horse", seat, seat.horse())
    yield


@fault("F2", WORKERS, weight=2)
def kill_parent(scene: Scene, seat: Seat) -> Iterator[None]:
    """The worker dies; its orphaned work-horse may hand in what it has."""
    scene.crew.kill(seat, [seat.pid])
    yield


@fault("F3", WORKERS, weight=6)
def kill_worker(scene: Scene, seat: Seat) -> Iterator[None]:
    """Worker and work-horse die at once, as in a loss of power."""
    scene.lost("kill-worker", seat, seat.pids())
    yield


@fault("F4", WORKERS, weight=3, lasts_s=(5, 30))
def stop_worker(scene: Scene, seat: Seat) -> Iterator[None]:
    """The machine sleeps; what it brings when it wakes is stale or still its own."""
    with _stopped(seat.pids()):
        scene.watch.lost("stop-worker", seat.worker, time.time())
        yield


@fault("F4", WORKERS, weight=2, lasts_s=(4, 12))
def stop_horse(scene: Scene, seat: Seat) -> Iterator[None]:
    """Only the work-horse sleeps, for about as long as a lease lasts."""
    with _stopped(seat.horse()):
        yield


@fault("F5", SCHEDULERS, weight=3)
def kill_scheduler(scene: Scene, seat: Seat) -> Iterator[None]:
    """A scheduler dies in the middle of a request; clients repeat their requests."""
    scene.crew.kill(seat, seat.pids())
    yield


@fault("F5", SCHEDULERS, lasts_s=(5, 15))
def stop_scheduler(scene: Scene, seat: Seat) -> Iterator[None]:
    """A scheduler hangs; what it was asked is done late, once."""
    with _stopped(seat.pids()):
        yield


@fault("F6", REAPERS, weight=3)
def kill_reaper(scene: Scene, seat: Seat) -> Iterator[None]:
    """A reaper dies in the middle of a pass."""
    scene.crew.kill(seat, seat.pids())
    yield


@fault("F7", REAPERS, lasts_s=(5, 30))
def stop_reaper(scene: Scene, seat: Seat) -> Iterator[None]:
    """One of two reapers sleeps."""
    with _stopped(seat.pids()):
        yield


@fault("F7", REAPERS[:1], lasts_s=(15, 40), alone=True)
def no_reaper(scene: Scene, seat: Seat) -> Iterator[None]:
    """Nobody reaps; afterwards there is no mass expiry."""
    with _stopped([pid for name in REAPERS for pid in scene.crew.seats[name].pids()]):
        yield


@fault("F17", WORKERS + REAPERS, lasts_s=(10, 25))
def skewed_clock(scene: Scene, seat: Seat) -> Iterator[None]:
    """A process whose wall clock jumps by days; only the server's clock counts."""
    with _first(scene, seat, JUMPING_CLOCK):
        yield


@fault("F26", WORKERS, lasts_s=(10, 25))
def other_edition(scene: Scene, seat: Seat) -> Iterator[None]:
    """A worker with another version of the pi kernel gets nothing of pi."""
    with _first(scene, seat, fleet.other_edition("hydra.kernels.builtin.pi")):
        scene.watch.strange.add(f"{seat.name}.{seat.life + 1}")
        yield


@contextmanager
def _stopped(pids: list[int]) -> Iterator[None]:
    sessions.send(signal.SIGSTOP, pids)
    try:
        yield
    finally:
        sessions.send(signal.SIGCONT, pids)


@contextmanager
def _first(scene: Scene, seat: Seat, python: str) -> Iterator[None]:
    """The seat's next lives run this first."""
    seat.first = python
    scene.crew.kill(seat, seat.pids())
    try:
        yield
    finally:
        seat.first = ""
        scene.crew.kill(seat, seat.pids())
