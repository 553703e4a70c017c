"""How many units a worker takes next: time-window factoring.

A chunk is sized in time, not in units, so that a slow board and a fast desktop come back equally
often. With R work unassigned and V the fleet's speed, the rest of the job lasts R / V; each chunk
takes half of that (factoring: Hummel, Schonberg, Flynn, CACM 35(8), 1992; with measured weights it
is AWF-C of Carino and Banicescu), so sizes shrink towards the end and the last ones finish
together. Long jobs are capped at a target, so that other jobs get their turn soon; where a
chunk costs a pause that no claim in time could hide, the cap grows with the root of that, as Young
and Daly space checkpoints (Young, CACM 17(9), 1974). Short jobs have a floor, below which the pause
would show.

Where units differ in work, sizes are in work, and it matters which units a chunk has. They are in
the order of their costs. Workers take the first ones, the most expensive, so that small ones are
left for the end. A worker that is slower than the fleet's mean, and would need longer for the most
expensive unit than its chunk may last, takes the last ones, the cheapest. If a worker of mean speed
would do even the cheapest sooner, after all the rest, it takes none: a slow board with a last large
unit would keep all others waiting. Estimated costs may be wrong; after OVERTIME times the planned
time the holder gives back what it has not done.

The rules of others stand below ours, for comparison on the same fleet. They get Hydra's heartbeats
and recovery, which they never had; only `seed` brings its own deadline. None of them splits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter

from hydra.model import Span
from hydra.model.costs import Costs
from hydra.model.messages import Pace
from hydra.model.sizing import Sizing

FREE_DIVISOR = 2.0
"""A chunk is what is free divided by this; 1.25 to 4 differ by little."""

FREE_DIVISOR_ESTIMATED = 4.0
"""The same where costs are estimates: single tiles take more than twice the work expected of them,
and a slow worker with several of those would end long after all others."""

OVERTIME = 1.5
"""A chunk ends at this many times its planned duration; what is not done then is given back."""

OVERHEADS = 5.0
"""A chunk lasts at least this many times its overhead."""

LOSS_INTERVAL_S = 3_600.0
"""Mean time between losses of a worker, as the cap assumes it. A value of its own for each worker
would gain nothing: what a lost worker loses is a beat's work, not its chunk."""

CAP_S_MAX = 60.0
"""Most that slow calls can raise the cap to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a chunk, all from settings."""

    target_s: float
    probe_s: float
    """How long the first chunk of a worker of unknown speed lasts."""
    floor_s: float
    beat_s: float
    units_max: int
    """Largest chunk whose sums stay exact."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule may look at: one worker that asks for a chunk of one job."""

    pace: Pace
    total_units: int
    costs: Costs
    overhead_s: float = 0.0
    """How long the worker's kernel waits before a chunk: what is claimed in time costs nothing."""
    call_s: float = 0.0
    """How long a claim takes the worker."""
    hint_units: int = 0
    """A size for a worker of unknown speed; 0 for none."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many units, for how long, and why."""

    units: int
    tau_s: float
    why: str
    lease_s: float | None = None
    """How long the holder may be silent; None: as long as Hydra's heartbeats allow."""
    tail: bool = False
    """Whether they are the last free ones, the cheapest, instead of the first."""


def chunk(case: Case, limits: Limits) -> Size:
    """The next chunk of a job for one worker: at most `units_max` units.

    None at all if other workers will have done the rest sooner.
    """
    pace, costs, overhead_s = case.pace, case.costs, case.overhead_s
    if pace.rate <= 0:
        return _probe(case, limits)
    # In a fleet of unknown speed all workers count as fast as this one.
    fleet_rate = max(pace.fleet_rate or pace.rate * pace.live_workers, pace.rate)
    rest_s = pace.unassigned_units * costs.mean(pace.free_within) / fleet_rate
    pause_ms = f"{overhead_s * 1000:.2g} ms"
    slow_s = min(math.sqrt(2 * overhead_s * LOSS_INTERVAL_S), CAP_S_MAX)
    divisor, part = (FREE_DIVISOR_ESTIMATED, "a quarter") if costs.sums else (FREE_DIVISOR, "half")
    low_s, least = max(
        (limits.floor_s, f"the shortest for a fleet of {pace.live_workers}"),
        (case.call_s, "as long as it takes to claim the next"),
        (OVERHEADS * overhead_s, f"the shortest worth the pause of {pause_ms} before it"),
        key=itemgetter(0),
    )
    high_s, most = max(
        (limits.target_s, "the target"),
        (limits.beat_s, f"as long as a beat in a fleet of {pace.live_workers}"),
        (slow_s, f"as the pause before a chunk is {pause_ms}"),
        (low_s, least),
        key=itemgetter(0),
    )
    tau_s, why = rest_s / divisor, f"{part} of the {rest_s:.3g} s that the fleet needs for the rest"
    if tau_s >= high_s:
        tau_s, why = high_s, most
    elif tau_s <= low_s:
        tau_s, why = low_s, least
    why = f"{tau_s:.3g} s, {why}"
    some, tail = costs.first(pace.free_within, pace.rate * tau_s), False
    if costs.sums and some < 1 and pace.rate * pace.live_workers < fleet_rate:
        some, tail = costs.last(pace.free_within, pace.rate * tau_s), True
        if some < 1 and _others_are_sooner(case, fleet_rate, rest_s):
            return Size(0, tau_s, "a faster worker will have done the last units sooner", tail=True)
    why += f", at {some / tau_s:.3g} units/s"
    if costs.sums:
        why += f" of the {'cheapest' if tail else 'most expensive'}"
    return Size(max(1, min(int(some), limits.units_max)), tau_s, why, tail=tail)


def eaten_by_then(pace: Pace, costs: Costs, begins_in_s: float) -> bool:
    """Whether the fleet will have done the rest before a worker begins that is still at work.

    Then it leaves the rest to those who begin sooner.
    """
    fleet_rate = max(pace.fleet_rate or pace.rate * pace.live_workers, pace.rate)
    rest = pace.unassigned_units * costs.mean(pace.free_within)
    return begins_in_s > 0 and fleet_rate > 0 and begins_in_s >= rest / fleet_rate


def _others_are_sooner(case: Case, fleet_rate: float, rest_s: float) -> bool:
    """Whether a worker of mean speed, after all the rest, would still do the last unit sooner."""
    pace, stop = case.pace, case.pace.free_within.stop
    work = case.costs.of(Span(max(stop - 1, 0), stop))
    return work / pace.rate > rest_s + work * pace.live_workers / fleet_rate


def _probe(case: Case, limits: Limits) -> Size:
    """A worker of unknown speed takes a fair share and works on it for a moment only."""
    share = case.pace.unassigned_units / (FREE_DIVISOR * _workers(case))
    units = max(1, min(case.hint_units or int(share), limits.units_max))
    why = f"{limits.probe_s:.3g} s, to learn its speed"
    return Size(units, limits.probe_s, why, tail=bool(case.costs.sums))


# The rules of others -----------------------------------------------------------------------------

UNCUT_S = 86_400.0
"""Planned time of a chunk that its holder keeps to the end, however long it takes."""

SEED_S, SEED_PATIENCE = 2.0, 40.0
"""How long the ancestor's chunk lasts, and how many times that until it counts as lost."""


def static(case: Case, limits: Limits) -> Size:
    """Equal shares, one for each worker."""
    return _uncut(case.total_units / _workers(case), "an equal share of the job", limits)


def guided(case: Case, limits: Limits) -> Size:
    """R / P (guided self-scheduling: Polychronopoulos, Kuck, IEEE ToC 36(12), 1987)."""
    return _uncut(case.pace.unassigned_units / _workers(case), "its share of the rest", limits)


def factored(case: Case, limits: Limits) -> Size:
    """Half of the rest in P equal chunks, again and again (factoring with two: FAC2).

    The batch is known from the rest alone: the k-th begins when N / 2^k is left.
    """
    left = max(case.pace.unassigned_units, 1)
    batch = math.floor(math.log2(max(case.total_units / left, 1.0)))
    units = case.total_units / 2 ** (batch + 1) / _workers(case)
    return _uncut(units, f"an equal share of batch {batch + 1}", limits)


def weighted(case: Case, limits: Limits) -> Size:
    """w_i R / (2 P) with the worker's measured weight (adaptive weighted factoring: AWF-C)."""
    pace = case.pace
    if pace.rate <= 0:
        return _probe(case, limits)
    fleet_rate = max(pace.fleet_rate or pace.rate * pace.live_workers, pace.rate)
    units = pace.unassigned_units * pace.rate / fleet_rate / FREE_DIVISOR
    why = f"half of its share of the rest, at {pace.rate / case.costs.unit_cost:.3g} units/s"
    return _uncut(units, why, limits)


def ancestral(case: Case, limits: Limits) -> Size:
    """Two seconds of this worker's speed, taken for lost after forty times as long."""
    if case.pace.rate <= 0:
        size = _probe(case, limits)
    else:
        units = case.pace.rate * SEED_S / case.costs.unit_cost
        size = _uncut(units, f"{SEED_S:g} s, whatever is left", limits)
    return replace(size, lease_s=SEED_S * SEED_PATIENCE)


def _workers(case: Case) -> int:
    return max(case.pace.live_workers, 1)


def _uncut(units: float, why: str, limits: Limits) -> Size:
    return Size(max(1, min(math.ceil(units), limits.units_max)), UNCUT_S, why)


SIZINGS: Mapping[str, Callable[[Case, Limits], Size]] = {
    Sizing.OURS: chunk,
    Sizing.STATIC: static,
    Sizing.GSS: guided,
    Sizing.FAC2: factored,
    Sizing.AWFC: weighted,
    Sizing.SEED: ancestral,
}
"""What each name of `Sizing` does."""

SPLITTING = frozenset({Sizing.OURS})
"""Rules whose idle workers split the leases of others."""
