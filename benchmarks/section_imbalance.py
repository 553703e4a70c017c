"""How evenly Mandelbrot pictures load unequal machines, beside the ways of cutting them before.

Imbalance is the most that any worker computed less the mean, in seconds: a fleet that ends together
has none. Each view's tiles and rows are rendered here once, one thread, by its CPU time; the rest
is virtual time, so that a run repeats exactly and neighbours of this machine do not matter. Tiles
go through Hydra's own services, worker loop and memory store; rows and stripes are arithmetic. All
are stretched to the same ideal time, and every call to the store or the queue costs CALL_S.
"""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from greenlet import getcurrent, greenlet

from benchmarks.report import Rows
from hydra import wiring
from hydra.clock import ManualClock
from hydra.kernels import Kernel, Param, add_sums, load, parse_params
from hydra.kernels.builtin import mandelbrot
from hydra.kernels.pictures.view import TILE, Box, view_of
from hydra.model import FINAL, Params, Session, Span
from hydra.model.messages import Grant, HandIn, Hint, Receipt
from hydra.services.reap import reap
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import LocalPort, session_here
from hydra.work.one_thread import OneThread
from hydra.work.worker import Worker
from tests.faults.loop import Loop, Process

SPEEDS = {
    "6 machines, 10 : 1": (0.3, 0.5, 1.0, 1.0, 1.5, 3.0),
    "8 machines, 27 : 1": (0.15, 0.15, 0.5, 1.0, 1.0, 1.5, 3.0, 4.0),
    "6 equal ones": (1.0,) * 6,
}
VIEWS = ("the whole set", "seahorse valley", "the set in the set")
SCALE = 4
"""Pictures are the presets', this many times as large each way: worth a fleet."""

IDEAL_S = 30.0
CALL_S = 0.001
LATEST_S = 100 * IDEAL_S
TRIES = 2
"""Each tile's time is the least of so many."""


@dataclass(frozen=True)
class Outcome:
    """How long the workers computed, and the whole thing took."""

    busy_s: Sequence[float]
    makespan_s: float

    @property
    def imbalance_s(self) -> float:
        """The longest less the mean."""
        return max(self.busy_s) - sum(self.busy_s) / len(self.busy_s)


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Each view on each fleet; `rounds` is of no use here, since nothing is left to chance."""
    for name in VIEWS:
        if only not in name:
            continue
        params = _params(name)
        tiles, lines = _tile_times(params), _row_times(params)
        for fleet, speeds in SPEEDS.items():
            work_s = IDEAL_S * sum(speeds)
            tile_s, row_s = _stretched(tiles, work_s), _stretched(lines, work_s)
            by_row, by_stripe = pulled(row_s, speeds), striped(row_s, speeds)
            thick_s = [sum(row_s[first : first + TILE]) for first in range(0, len(row_s), TILE)]
            by_thick = pulled(thick_s, speeds)
            ours = through_hydra(tile_s, mandelbrot.costs(params), speeds)
            level = through_hydra(tile_s, None, speeds)
            rows.add(
                f"Seconds that the longest worker computed beyond the mean; ideal {IDEAL_S:g} s",
                view=name,
                fleet=fleet,
                tiles=len(tiles),
                ours_s=ours.imbalance_s,
                pixel_rows_s=by_row.imbalance_s,
                tile_rows_s=by_thick.imbalance_s,
                stripes_s=by_stripe.imbalance_s,
                ours_without_costs_s=level.imbalance_s,
                less_than_pixel_rows_percent=_less(ours, by_row),
                less_than_tile_rows_percent=_less(ours, by_thick),
                less_than_stripes_percent=_less(ours, by_stripe),
            )
            rows.add(
                "The same runs: ideal time / time to the last result, in percent",
                view=name,
                fleet=fleet,
                ours=100 * IDEAL_S / ours.makespan_s,
                pixel_rows=100 * IDEAL_S / by_row.makespan_s,
                tile_rows=100 * IDEAL_S / by_thick.makespan_s,
                stripes=100 * IDEAL_S / by_stripe.makespan_s,
                ours_without_costs=100 * IDEAL_S / level.makespan_s,
            )
    rows.note(
        f"a call costs {CALL_S * 1000:g} ms; rows of one pixel, a 64th of a tile, and rows "
        "as high as tiles are pulled one by one"
    )


def _less(ours: Outcome, other: Outcome) -> float:
    return 100 * (1 - ours.imbalance_s / other.imbalance_s)


def _params(name: str) -> Params:
    kernel = load()["mandelbrot"]
    params = parse_params(kernel, kernel.presets[name])
    larger = {side: SCALE * int(params[side]) for side in ("columns", "rows")}
    return {**params, **larger}


def _tile_times(params: Params) -> list[float]:
    units = range(mandelbrot.size(params))
    mandelbrot.run(params, Span(0, 1))
    return [_cpu_s(lambda u=unit: mandelbrot.run(params, Span(u, u + 1))) for unit in units]


def _row_times(params: Params) -> list[float]:
    view = view_of(params)
    found = []
    for row in range(view.rows):
        boxes = [Box(c, row, min(TILE, view.columns - c), 1) for c in range(0, view.columns, TILE)]
        found.append(_cpu_s(lambda boxes=boxes: mandelbrot.render(view, boxes)))
    return found


def _cpu_s(work: Any) -> float:
    found = []
    for _ in range(TRIES):
        begun_s = time.thread_time()
        work()
        found.append(time.thread_time() - begun_s)
    return min(found)


def _stretched(times: Sequence[float], work_s: float) -> list[float]:
    return [each * work_s / sum(times) for each in times]


# The others --------------------------------------------------------------------------------------


def pulled(pieces_s: Sequence[float], speeds: Sequence[float]) -> Outcome:
    """Whoever is free takes the next piece."""
    free = [(0.0, worker) for worker in range(len(speeds))]
    busy = [0.0] * len(speeds)
    last_s = 0.0
    for piece_s in pieces_s:
        at_s, worker = heapq.heappop(free)
        busy[worker] += piece_s / speeds[worker]
        last_s = max(last_s, at_s + CALL_S + piece_s / speeds[worker])
        heapq.heappush(free, (at_s + CALL_S + piece_s / speeds[worker], worker))
    return Outcome(busy, last_s)


def striped(pieces_s: Sequence[float], speeds: Sequence[float]) -> Outcome:
    """Each worker has one stripe of as many rows."""
    many, workers = len(pieces_s), len(speeds)
    busy = [
        sum(pieces_s[many * w // workers : many * (w + 1) // workers]) / speeds[w]
        for w in range(workers)
    ]
    return Outcome(busy, max(busy) + CALL_S)


# Ours --------------------------------------------------------------------------------------------


class Turns(ManualClock):
    """A clock on which each worker is a process of its own; a run repeats exactly."""

    def __init__(self) -> None:
        self.loop = Loop(seed=0)
        self.lives: dict[greenlet, Process] = {}
        super().__init__()
        self._start_s = self.now_s

    def live(self, name: str, life: Callable[[], object]) -> None:
        """Begin a life as soon as time passes."""
        process = self.loop.process(name)
        process.start(life)
        self.lives[process.threads[0]] = process

    def sleep_s(self, seconds: float) -> None:
        """Let the others go on."""
        self.lives[getcurrent()].sleep(seconds)
        self.now_s = self._start_s + self.loop.now_s


class Port(LocalPort):
    """The services, each call of which takes a moment."""

    def __init__(self, h: Any) -> None:
        super().__init__(h)
        self._clock = h.clock

    def claim(self, session: Session, seq: int, hint: Hint) -> Grant | None:
        self._clock.sleep_s(CALL_S)
        return super().claim(session, seq, hint)

    def complete(self, session: Session, seq: int, hand_in: HandIn) -> Receipt:
        self._clock.sleep_s(CALL_S)
        return super().complete(session, seq, hand_in)


def through_hydra(
    unit_s: Sequence[float], costs: Sequence[int] | None, speeds: Sequence[float]
) -> Outcome:
    """The tiles through services, worker loop and memory store; without costs, as if all equal."""
    clock = Turns()
    busy = dict.fromkeys((f"w{number}" for number in range(len(speeds))), 0.0)
    speed = dict(zip(busy, speeds, strict=True))

    def run(_params: Mapping[str, Any], span: Span) -> dict[str, int]:
        worker = clock.lives[getcurrent()].name
        took_s = sum(unit_s[span.start : span.stop]) / speed[worker]
        busy[worker] += took_s
        clock.sleep_s(took_s)
        return {"units": span.units}

    declared = SimpleNamespace(
        __name__="replayed",
        VERSION=1,
        GOLDEN=(),
        PARAMS={"of": Param(int, 1, 1, 1)},
        SUMS={"units": (1, 1)},
        size=lambda _params: len(unit_s),
        run=run,
        merge=add_sums,
        finish=lambda _params, whole: whole,
    )
    if costs is not None:
        declared.costs = lambda _params: costs
    kernel = Kernel.of(declared)
    h = wiring.in_memory(Settings.read({}), clock, lambda: {"replayed": kernel})
    job = submit(h, "replayed", {}).id

    def over() -> bool:
        return h.store.views.job(job).state in FINAL

    def work(name: str) -> None:
        session = dataclasses.replace(session_here(h), worker=name, host=name)
        worker = Worker(
            Port(h), h.kernels(), clock, h.settings, session, stopping=over, lanes=OneThread
        )
        while not over():
            worker.shift(Hint())

    def watch() -> None:
        while not over():
            reap(h)
            clock.sleep_s(1.0)

    clock.live("reaper", watch)
    for name in busy:
        clock.live(name, lambda name=name: work(name))
    clock.loop.run(over, LATEST_S)
    clock.loop.close()
    return Outcome(list(busy.values()), clock.loop.now_s)
