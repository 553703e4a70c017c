"""The annexes: folders of this package that a fleet can do without, each one a line here.

Nothing else names them. API, pages, command line, metrics, simulator and wiring ask here what the
annexes have for them. With a folder and its line deleted everything else works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from hydra.model.annex import Annex

ANNEXES: Sequence[str] = ("hydra.adaptive",)


def annexes() -> Iterator[Annex]:
    """Their records, in the order of the list."""
    for name in ANNEXES:
        found: Annex = import_module(name).ANNEX
        yield found


def every(pick: Callable[[Annex], Sequence[str]]) -> Iterator[Any]:
    """What all annexes have of one kind, loaded: `every(lambda annex: annex.routes)`."""
    for annex in annexes():
        for path in pick(annex):
            yield load(path)


def named(pick: Callable[[Annex], Mapping[str, str]]) -> dict[str, str]:
    """Import paths of what all annexes have of one kind, by name; `load` one of them."""
    return {name: path for annex in annexes() for name, path in pick(annex).items()}


def load(path: str) -> Any:
    """The thing that an import path names."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
