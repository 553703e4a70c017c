"""One seed from start to verdict: a fleet, clients, the faults of the schedule, the last checks."""

from __future__ import annotations

import heapq
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import redis

from hydra.model.invariants import violations
from hydra.ports import Store
from hydra.store.redis import redis_store
from tests.e2e.chaos.crew import ROOT, WORKERS, Crew
from tests.e2e.chaos.doors import Door, Doors
from tests.e2e.chaos.load import Load
from tests.e2e.chaos.report import Outcome, outcome
from tests.e2e.chaos.scene import Scene
from tests.e2e.chaos.schedule import Strike
from tests.e2e.chaos.server import Server
from tests.e2e.chaos.watch import Watch

STEP_S = 0.05

DRAIN_S = 150.0
"""How long all open jobs may take once the last fault is over."""

JOBS_MAX = 10_000

Say = Callable[[str], None]


def run(
    seed: int,
    strikes: Sequence[Strike],
    *,
    binary: str,
    fsync: str,
    say: Say,
    tree: Path = ROOT,
    until_found: bool = False,
) -> Outcome:
    """Run one seed; `tree` is the checkout under test. With `until_found` the first violation ends
    it, which is what a planted bug is for."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    with ExitStack() as stack:
        server = Server(folder, binary, fsync)
        stack.callback(server.close)
        doors = Doors(server.socket)
        stack.callback(doors.close)
        crew = Crew(folder, server, doors, tree)
        stack.callback(crew.close)
        load = Load(crew.urls(), seed)
        stack.callback(load.close)
        watch = Watch(server)
        stack.callback(watch.close)
        scene = Scene(server, doors, crew, load, watch)
        begun_s = time.monotonic()
        struck: list[Strike] = []
        try:
            _strike_all(scene, strikes, struck, say, until_found)
            if not (until_found and scene.found()):
                _drain(scene)
                _last_checks(scene)
        except AssertionError as error:  # something that must come about did not
            scene.complaints.append(str(error))
        found = outcome(scene, seed, struck, time.monotonic() - begun_s)
    if not found.violations or until_found:
        shutil.rmtree(folder)
    return found


def _strike_all(
    scene: Scene, strikes: Sequence[Strike], struck: list[Strike], say: Say, until_found: bool
) -> None:
    """Inject each fault at its time and heal it at its own; `struck` gets those that could be.

    The plan's time stands still while a fault is injected or healed, which may take long: else the
    faults that are late would all strike at once, also those that are to be alone.
    """
    coming = list(strikes)
    healing: list[tuple[float, int, Strike, AbstractContextManager[None]]] = []
    begun_s = time.monotonic()
    while coming or healing:
        looked_s = time.monotonic()
        now_s = looked_s - begun_s
        scene.watch.standstill.hindered = _hinders([strike for _, _, strike, _ in healing])
        if healing and healing[0][0] <= now_s:
            _, _, strike, wound = heapq.heappop(healing)
            wound.__exit__(None, None, None)
            scene.watch.disturbances -= strike.fault.disturbs
        elif coming and coming[0].at_s <= now_s:
            strike = coming.pop(0)
            say(str(strike))
            scene.watch.standstill.hindered |= strike.fault.alone
            if inflicted := _inject(scene, strike):
                heapq.heappush(healing, (now_s + strike.lasts_s, len(struck), strike, inflicted))
                struck.append(strike)
        else:
            scene.crew.tend()
            time.sleep(STEP_S)
            looked_s = time.monotonic()
        begun_s += time.monotonic() - looked_s
        if until_found and scene.found():
            coming.clear()


def _hinders(inflicted: Sequence[Strike]) -> bool:
    """Whether these faults together may stop everything: all workers, or the store."""
    struck = {strike.seat for strike in inflicted}
    return struck.issuperset(WORKERS) or any(strike.fault.alone for strike in inflicted)


def _inject(scene: Scene, strike: Strike) -> AbstractContextManager[None] | None:
    """Begin a fault; None, and a note, if it cannot be injected now."""
    if strike.fault.disturbs:
        scene.watch.disturbed()
    seat = scene.crew.seats.get(strike.seat, scene.crew.nobody)
    wound = strike.fault.inject(scene, seat)
    try:
        wound.__enter__()
    except redis.RedisError as error:
        scene.skipped.append(f"{strike.fault.name}: {error}")
        scene.watch.disturbances -= strike.fault.disturbs
        return None
    return wound


def _drain(scene: Scene) -> None:
    """Everything is healed: every open job comes to its end."""
    scene.watch.standstill.hindered = False
    scene.load.finish()
    ends_s = time.monotonic() + DRAIN_S
    while scene.load.busy and time.monotonic() < ends_s:
        scene.crew.tend()
        time.sleep(STEP_S)
    scene.complaints += [
        f"{job.task.kernel} job {job.id} is still {job.state} {DRAIN_S:.0f} s after the last fault"
        for job in scene.load.jobs
        if job.state not in ("done", "failed", "cancelled")
    ]


def _last_checks(scene: Scene) -> None:
    """One job for each key; no lease is left; and every message ever sent changes nothing now."""
    assert scene.watch.awake, "the watch ended before the faults did"
    store = redis_store(scene.server.client(timeout_s=5.0), str)
    jobs = store.views.jobs(JOBS_MAX)
    opened = {job.id for job in scene.load.jobs}
    scene.complaints += [
        f"job {job.id} was opened by nobody" for job in jobs if job.id not in opened
    ]
    scene.complaints += [f"job {lost} is gone" for lost in opened - {job.id for job in jobs}]
    for job in jobs:
        scene.complaints += [
            f"at the end: {text}" for text in violations(store.vitals.dump(job.id))
        ]
    scene.crew.rest()
    before = _books(store)
    for seat in scene.crew.seats.values():
        _say_again(scene, seat.door)
    if _books(store) != before:
        scene.complaints.append("old messages, said again at the end, changed the books")


def _books(store: Store) -> list[object]:
    return [
        (job.id, job.state, job.done_units, job.sums, job.leases)
        for job in store.views.jobs(JOBS_MAX)
    ]


def _say_again(scene: Scene, door: Door) -> None:
    """Send what came through this door once more, in its order."""
    with scene.server.client(timeout_s=5.0) as client:
        connection = client.connection_pool.get_connection()
        for message in list(door.heard):
            connection.send_packed_command([message])
            try:
                connection.read_response()
            except redis.ResponseError:
                pass  # refused: so much the better
        client.connection_pool.release(connection)
