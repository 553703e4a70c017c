"""Which fault strikes whom, when and for how long: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.e2e.chaos.scene import Fault

FIRST_S = 4.0
"""Until then the fleet only works."""

GAP_S_MAX = 7.0
"""Faults begin up to this far apart, and so on the average half of it."""

AIR_S = 4.0
"""What lies at least between two faults of the server: time to recover, and to show it."""


@dataclass(frozen=True)
class Strike:
    """One planned fault."""

    at_s: float
    fault: Fault
    seat: str
    lasts_s: float

    def __str__(self) -> str:
        lasts = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        return f"{self.at_s:6.1f} s  {self.fault.name} {self.seat}{lasts}"


def schedule(faults: Sequence[Fault], seed: int, seconds: float) -> list[Strike]:
    """The strikes of one seed, in the order of time; all have begun by `seconds`.

    Faults are dealt from a shuffled pack that holds each as often as its weight says, so that a
    long run meets every kind. One that wants the server to itself waits in the pack for its turn.
    """
    chance = random.Random(seed)
    pack = _pack(faults, chance)
    waiting: list[Fault] = []
    strikes: list[Strike] = []
    at_s, free_s = FIRST_S, FIRST_S
    while at_s < seconds:
        ready = [fault for fault in waiting if not fault.alone or at_s >= free_s]
        fault = ready[0] if ready else next(pack)
        if ready:
            waiting.remove(fault)
        elif fault.alone and at_s < free_s:
            waiting.append(fault)
            if len(waiting) > len(faults):
                at_s = free_s
            continue
        lasts_s = chance.uniform(*fault.lasts_s)
        strikes.append(Strike(at_s, fault, chance.choice(fault.seats), lasts_s))
        if fault.alone:
            free_s = at_s + lasts_s + AIR_S
        at_s += chance.uniform(0, GAP_S_MAX)
    return strikes


def _pack(faults: Sequence[Fault], chance: random.Random) -> Iterator[Fault]:
    while True:
        cards = [fault for fault in faults for _ in range(fault.weight)]
        chance.shuffle(cards)
        yield from cards
