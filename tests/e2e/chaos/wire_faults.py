"""Faults of the network between one process and Redis, made at its door."""

from __future__ import annotations

from collections.abc import Iterator

from tests.e2e.chaos.crew import REAPERS, SCHEDULERS, WORKERS, Seat
from tests.e2e.chaos.doors import BOTH, REPLIES, REQUESTS
from tests.e2e.chaos.scene import Scene, fault

ANYONE = WORKERS * 2 + REAPERS + SCHEDULERS


@fault("F13", ANYONE, weight=2, lasts_s=(1, 20))
def partition(scene: Scene, seat: Seat) -> Iterator[None]:
    """Nothing passes; when it is over, what was sent arrives, long given up."""
    seat.door.shut = BOTH
    yield
    seat.door.shut = frozenset()


@fault("F13", ANYONE, weight=2, lasts_s=(1, 20))
def cut_off(scene: Scene, seat: Seat) -> Iterator[None]:
    """Nothing passes, and what was sent meanwhile is lost."""
    seat.door.shut = BOTH
    yield
    scene.doors.sever(seat.door)
    seat.door.shut = frozenset()


@fault("F13", ANYONE, lasts_s=(1, 15))
def half_open(scene: Scene, seat: Seat) -> Iterator[None]:
    """Nothing passes, and Redis goes on believing in connections that are no more."""
    seat.door.lingers, seat.door.shut = True, BOTH
    yield
    seat.door.lingers, seat.door.shut = False, frozenset()


@fault("F13", ANYONE, weight=2, lasts_s=(1, 10))
def lost_replies(scene: Scene, seat: Seat) -> Iterator[None]:
    """What is asked is done, but no reply comes."""
    seat.door.shut = frozenset({REPLIES})
    yield
    scene.doors.sever(seat.door)
    seat.door.shut = frozenset()


@fault("F16", ANYONE, weight=2, lasts_s=(1, 10))
def late_requests(scene: Scene, seat: Seat) -> Iterator[None]:
    """Requests wait on the way, and are done after those that replaced them."""
    seat.door.shut = frozenset({REQUESTS})
    yield
    seat.door.shut = frozenset()


@fault("F13", ANYONE, lasts_s=(1, 15))
def refused(scene: Scene, seat: Seat) -> Iterator[None]:
    """Connections are closed, and so are new ones."""
    seat.door.refuses = True
    scene.doors.sever(seat.door)
    yield
    seat.door.refuses = False


@fault("F13 F16", ANYONE, weight=2, lasts_s=(5, 20))
def slow(scene: Scene, seat: Seat) -> Iterator[None]:
    """A link with a delay of up to 0.8 s each way, never the same."""
    seat.door.delay_s = 0.8
    yield
    seat.door.delay_s = 0.0


@fault("F15 F16", ANYONE, weight=2, lasts_s=(5, 20))
def repeated(scene: Scene, seat: Seat) -> Iterator[None]:
    """Every script call comes a second time, up to four seconds later."""
    seat.door.twice = True
    yield
    seat.door.twice = False
