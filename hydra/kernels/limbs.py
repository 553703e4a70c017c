"""Totals wider than a counter: a whole number as several named sums, exact in any order.

A store folds named sums of 63 bits, and takes hand-ins below 2^53. A fixed-point total, such as the
sum of squares of a Monte Carlo estimate, is wider. `Limbs` splits the total of one unit into digits
of 32 bits, each a named sum of its own; digits are added like any sums, never carried, so that
merging stays plain addition, and the whole is exact::

    GAINS = Limbs("gain", low=0, high=UNIT_DRAWS * GAIN_MAX)
    SUMS = {**GAINS.bounds()}               # {"gain_0": (0, 2**32 - 1), "gain_1": ...}
    GAINS.split(total_of_one_unit)          # {"gain_0": ..., "gain_1": ...}
    GAINS.join(sums)                        # the exact total of all units
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

LIMB_BITS = 32
"""A digit of a unit is below 2^32: room for 2^21 units in a hand-in and 2^31 in a job."""

LIMB_MASK = 2**LIMB_BITS - 1

UNITS_MAX = 2**31 - 1
"""Most units of a job whose digits still fit their counters."""


@dataclass(frozen=True, slots=True)
class Limbs:
    """The total `name` of one unit, from `low` to `high`, as named sums of 32-bit digits.

    All digits but the last are at least 0; the last has the sign. Raises ValueError if the range
    is empty.
    """

    name: str
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low {self.low} must be at most high {self.high}")

    @property
    def many(self) -> int:
        """How many digits a total needs, the last with its sign."""
        size = max(abs(self.low), abs(self.high)).bit_length()
        return max(1, -(-size // LIMB_BITS))

    def names(self) -> list[str]:
        """The names of the sums, least digit first."""
        return [f"{self.name}_{digit}" for digit in range(self.many)]

    def bounds(self) -> dict[str, tuple[int, int]]:
        """The entries of SUMS: least and greatest value of each digit for one unit."""
        *lower, last = self.names()
        shift = LIMB_BITS * (self.many - 1)
        return {
            **dict.fromkeys(lower, (0, LIMB_MASK)),
            last: (self.low >> shift, self.high >> shift),
        }

    def split(self, total: int) -> dict[str, int]:
        """One unit's total as named sums; ValueError if it is out of range."""
        if not self.low <= total <= self.high:
            raise ValueError(f"{self.name} must be from {self.low} to {self.high}, not {total}")
        *lower, last = self.names()
        digits = {}
        for name in lower:
            digits[name] = total & LIMB_MASK
            total >>= LIMB_BITS
        return {**digits, last: total}

    def join(self, sums: Mapping[str, int]) -> int:
        """The exact total of however many units were added."""
        total = 0
        for name in reversed(self.names()):
            total = (total << LIMB_BITS) + sums[name]
        return total


def fixed(value: float, fraction_bits: int) -> int:
    """The number in units of 2^-fraction_bits, rounded to the nearest, halves to even; exact.

    Raises ValueError or OverflowError for what is not finite.
    """
    nearest: int = round(Fraction(value) * 2**fraction_bits)
    return nearest
