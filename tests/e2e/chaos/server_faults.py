"""Faults of Redis: killed, stopped, starved, damaged, emptied; and of what lies in it."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import redis

from hydra.model.limits import QUEUE
from hydra.store.redis import keys
from tests.e2e.chaos.crew import Seat
from tests.e2e.chaos.scene import Scene, fault
from tests.waiting import until

SERVER = ("server",)

RQ_QUEUE = f"rq:queue:{QUEUE}"

READY_S = 30.0
REFUSES_S = 20.0

SLEEP_S = 5

TAIL_BYTES_MAX = 3000


def _back(scene: Scene) -> None:
    """Start the server and wait for it."""
    scene.server.wanted = True
    if scene.server.ended:
        scene.server.start()
    until(scene.server.answers, within_s=READY_S, what="the server answers again")
    scene.watch.came_back()


@fault("F9", SERVER, weight=4, lasts_s=(0, 6), alone=True)
def kill_redis(scene: Scene, seat: Seat) -> Iterator[None]:
    """Redis dies under load, under each way of writing its log."""
    scene.server.wanted = False
    scene.server.kill()
    yield
    _back(scene)


@fault("F8", SERVER, lasts_s=(0, 3), alone=True)
def restart_redis(scene: Scene, seat: Seat) -> Iterator[None]:
    """Redis is ended and started in good order."""
    scene.server.wanted = False
    scene.server.end()
    yield
    _back(scene)


@fault("F27", SERVER, weight=2, lasts_s=(2, 10), alone=True)
def stop_redis(scene: Scene, seat: Seat) -> Iterator[None]:
    """Redis stands still for longer than a lease; afterwards nobody is expired for it."""
    scene.server.send(signal.SIGSTOP)
    yield
    scene.server.send(signal.SIGCONT)
    scene.watch.came_back()


@fault("F27", SERVER, lasts_s=(SLEEP_S, SLEEP_S), alone=True)
def slow_redis(scene: Scene, seat: Seat) -> Iterator[None]:
    """One command lasts five seconds."""
    with scene.server.client(timeout_s=0.2) as client:
        try:
            client.execute_command("DEBUG", "SLEEP", SLEEP_S)
        except redis.TimeoutError:
            pass  # it sleeps
    yield
    scene.watch.came_back()


@fault("F10", SERVER, weight=2, lasts_s=(0.5, 2), alone=True)
def cut_log(scene: Scene, seat: Seat) -> Iterator[None]:
    """A loss of power takes the log's last bytes: Redis wakes up with an earlier state."""
    scene.server.wanted = False
    scene.server.kill()
    log = scene.server.log_file()
    size = log.stat().st_size
    cut = min(size, random.Random(size).randrange(1, TAIL_BYTES_MAX))
    scene.load.may_forget = True
    scene.watch.rolled_back()
    with log.open("r+b") as file:
        file.truncate(size - cut)
    yield
    _back(scene)

    def renewed() -> bool:
        scene.crew.tend()
        return not log.exists()

    # Redis 7.0 may have kept half of a script at the end of the log: a reaper has it rewritten.
    until(renewed, within_s=READY_S, what="a reaper has the log rewritten")


@fault("F11", SERVER, lasts_s=(1, 1), alone=True)
def flip_log(scene: Scene, seat: Seat) -> Iterator[None]:
    """A damaged log: Redis refuses to start, and the copy from before is put back."""
    scene.server.wanted = False
    scene.server.kill()
    log = max(scene.server.data.glob("appendonlydir/*.aof"), key=lambda path: path.stat().st_size)
    whole = log.read_bytes()
    # The log has no checksums: only damage to its structure can be seen by anyone.
    place = whole.index(b"\r\n$", len(whole) // 2) + 2
    log.write_bytes(whole[:place] + b"#" + whole[place + 1 :])
    scene.server.start()
    until(lambda: scene.server.ended or scene.server.answers(), what="it refuses, or starts")
    if not scene.server.ended:
        scene.complaints.append("redis started with a damaged log")
        scene.server.kill()
    log.write_bytes(whole)
    yield
    _back(scene)


@fault("F12", SERVER, lasts_s=(8, 8), alone=True)
def empty_redis(scene: Scene, seat: Seat) -> Iterator[None]:
    """Redis comes back without its data: nothing is opened there, and who starts now refuses."""
    kept = scene.server.data.with_name("kept")
    lives = _exchange(scene, kept)
    seats = [scene.crew.seats[name] for name in ("reaper-1", "scheduler-1")]
    for each in seats:
        scene.crew.kill(each, each.pids())
    yield
    for each in seats:
        if not scene.crew.said(each, "is empty", lives[each.name]):
            scene.complaints.append(f"{each.name} did not refuse an empty server")
    scene.server.wanted = False
    with scene.server.client() as client:
        if client.exists(keys.JOBS):
            scene.complaints.append("a job was opened on an empty server")
    scene.server.kill()
    shutil.rmtree(scene.server.data)
    kept.rename(scene.server.data)
    _back(scene)


def _exchange(scene: Scene, kept: Path) -> dict[str, int]:
    """Put an empty folder in the place of the data; each seat's next life."""
    scene.server.wanted = False
    scene.server.kill()
    scene.server.data.rename(kept)
    scene.server.data.mkdir()
    lives = {seat.name: seat.life + 1 for seat in scene.crew.seats.values()}
    scene.server.wanted = True
    scene.server.start()
    return lives


@fault("F18", SERVER, lasts_s=(4, 10), alone=True)
def full_memory(scene: Scene, seat: Seat) -> Iterator[None]:
    """No memory is left: changes are refused whole, until there is some again."""
    with scene.server.client() as client:
        client.config_set("maxmemory", "1mb")
        yield
        client.config_set("maxmemory", "0")
    scene.watch.came_back()


@fault("F19", SERVER, lasts_s=(8, 8), alone=True)
def evicting(scene: Scene, seat: Seat) -> Iterator[None]:
    """The server is told to evict: who starts now refuses, and nobody is ready."""
    scheduler = scene.crew.seats["scheduler-1"]
    life = scheduler.life + 1
    with scene.server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        scene.crew.kill(scheduler, scheduler.pids())
        yield
        if not scene.crew.said(scheduler, "evicts", life):
            scene.complaints.append("scheduler-1 did not refuse an evicting server")
        if 200 in scene.ready():
            scene.complaints.append("a scheduler is ready on an evicting server")
        client.config_set("maxmemory-policy", "noeviction")


@fault("F20", SERVER, lasts_s=(4, 8), alone=True)
def full_disk(scene: Scene, seat: Seat) -> Iterator[None]:
    """No room is left for the log: Redis refuses changes, or ends, until there is room."""
    if not scene.server.mounted:
        scene.skipped.append("full-disk: this user may not mount a small disk")
    scene.server.fill_disk()
    yield
    scene.server.free_disk()
    _back(scene)


@fault("F30", SERVER, weight=2)
def lost_queue(scene: Scene, seat: Seat) -> Iterator[None]:
    """Somebody deletes the queue: the reaper fills it from what Hydra knows."""
    with scene.server.client() as client:
        client.delete(RQ_QUEUE)
    yield


@fault("F15", SERVER, weight=2)
def doubled_queue(scene: Scene, seat: Seat) -> Iterator[None]:
    """What is queued is queued twice more."""
    with scene.server.client() as client:
        tasks = client.lrange(RQ_QUEUE, 0, -1)
        if tasks:
            client.rpush(RQ_QUEUE, *tasks, *tasks)
    yield


@fault("F29", SERVER, weight=3)
def cancel(scene: Scene, seat: Seat) -> Iterator[None]:
    """A person ends a job while its chunks run."""
    scene.load.cancel()
    yield


@fault("F28", SERVER, weight=2)
def poison(scene: Scene, seat: Seat) -> Iterator[None]:
    """A job has a unit that no worker survives: it fails, naming the unit."""
    scene.load.poison()
    yield


BAD_BODIES: tuple[object, ...] = (
    {},
    {"kernel": "pi", "params": {"samples": "many"}},
    {"kernel": "../etc", "params": {}},
    {"kernel": "pi", "params": {"samples": 2**200}},
    {"kernel": ["pi"]},
    "pi",
    17,
    {"kernel": "pi", "params": {"samples": 10, "\u2603": 1}},
)


@fault("F23", SERVER, weight=2)
def bad_bodies(scene: Scene, seat: Seat) -> Iterator[None]:
    """Requests that can never be right: each is told so, and opens nothing."""
    for body in BAD_BODIES:
        status, said = scene.load.ask("POST", "/jobs", body)
        if status in (0, 503):
            break  # nobody can answer now: the next ones would wait for nothing
        if not 400 <= status < 500:
            scene.complaints.append(f"{body!r} gave {status}: {said}")
    yield
