"""Parameters: typed, bounded and documented, and how what people give becomes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hydra.errors import BadParam, FieldError

if TYPE_CHECKING:
    from hydra.kernels.contract import Kernel


@dataclass(frozen=True, slots=True)
class Param:
    """One typed, bounded, documented parameter of a kernel.

    `kind` is int, float or str. Numbers are bounded by `low` and `high`, both inclusive; a str
    must be one of `choices`.
    """

    kind: type
    default: int | float | str
    low: int | float | None = None
    high: int | float | None = None
    doc: str = ""
    choices: tuple[str, ...] = ()

    def parse(self, name: str, value: object) -> int | float | str:
        """The value in its type, or BadParam naming the field and the bound.

        Numbers may come as text (a form, a command line). 1e12 and 928.0 are integers; True and
        NaN are not numbers.
        """
        if self.kind is str:
            if value not in self.choices:
                known = ", ".join(self.choices)
                raise BadParam(f"{name} must be one of {known}, not {shown(value)}", field=name)
            return value
        number = _number(self.kind, value)
        if number is None:
            noun = "a whole number" if self.kind is int else "a finite number"
            raise BadParam(f"{name} must be {noun}, not {shown(value)}", field=name)
        if self.low is not None and number < self.low:
            raise BadParam(f"{name} must be at least {self.low}, not {shown(value)}", field=name)
        if self.high is not None and number > self.high:
            raise BadParam(f"{name} must be at most {self.high}, not {shown(value)}", field=name)
        return number


NUMBER_CHARS_MAX = 64
"""Longest text that is read as a number: nothing longer can be inside anyone's bounds."""


def _number(kind: type, value: object) -> int | float | None:
    """The value as a number of that type; None if it is none, or not finite, or not whole."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip().replace("_", "")
        # int() would take the digits of every script; no form or command line writes those.
        if not text.isascii() or not 0 < len(text) <= NUMBER_CHARS_MAX:
            return None
        try:
            value = int(text)
        except ValueError:
            try:
                value = float(text)
            except ValueError:
                return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if kind is float:
        try:
            return float(value)
        except OverflowError:
            return None
    return int(value) if value == int(value) else None


def shown(value: object) -> str:
    """The value for a sentence: as its giver wrote it, cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= NUMBER_CHARS_MAX else text[:NUMBER_CHARS_MAX] + "..."


def parse_params(kernel: Kernel, given: Mapping[str, object]) -> dict[str, int | float | str]:
    """All parameters of the kernel, checked, with defaults for those not given.

    Raises BadParam naming every field that is unknown, of the wrong type or out of bounds.
    """
    known = ", ".join(kernel.params)
    unknown = [shown(name) for name in given if name not in kernel.params]
    wrong = [FieldError(name, f"{name} is not a parameter; known are {known}") for name in unknown]
    found: dict[str, int | float | str] = {}
    for name, param in kernel.params.items():
        try:
            found[name] = param.parse(name, given.get(name, param.default))
        except BadParam as error:
            wrong += error.errors
    if wrong:
        raise BadParam.of(wrong)
    return found
