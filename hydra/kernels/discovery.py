"""Which kernels are here: the files of the folder `builtin`, and what installed packages name.

One kernel that cannot be used is left out, and the others work on.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib.metadata import entry_points
from typing import Any, NamedTuple

from hydra.errors import BadKernel, BadSetting, NoSuchKernel
from hydra.kernels import builtin
from hydra.kernels.contract import Kernel
from hydra.kernels.params import shown

ENTRY_POINTS = "hydra.kernels"

LOG = logging.getLogger(__name__)


class Found(NamedTuple):
    """What a look through the installation brought."""

    kernels: dict[str, Kernel]
    """Those that can be used, by name."""
    broken: dict[str, str]
    """Why the others cannot, by name."""


@cache
def look() -> Found:
    """Import every kernel of this installation, once; what is broken is logged.

    Raises BadSetting if a HYDRA_* variable that kernels read cannot be used.
    """
    kernels: dict[str, Kernel] = {}
    broken: dict[str, str] = {}
    for named, module in _modules():
        name = named
        try:
            kernel = Kernel.of(module())
            name = kernel.name
        except BadSetting:
            raise
        except BadKernel as error:
            why = error.sentence
        except Exception as error:  # whatever a module raises while it is imported
            why = f"it cannot be imported: {type(error).__name__}: {error}"
        else:
            kernels[name] = kernel
            broken.pop(name, None)
            continue
        LOG.error("kernel left out name=%s why=%r", name, why)
        broken[name] = why
        kernels.pop(name, None)
    return Found(dict(sorted(kernels.items())), broken)


def _modules() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Each kernel's name, as far as it is known before the import, and how to import it."""
    for entry in entry_points(group=ENTRY_POINTS):
        yield entry.name, entry.load
    for info in pkgutil.iter_modules(builtin.__path__):
        if not (info.name.startswith("_") or info.ispkg):
            path = f"{builtin.__name__}.{info.name}"
            yield info.name, partial(importlib.import_module, path)


def load() -> dict[str, Kernel]:
    """Every kernel of this installation that can be used, by name, in the names' order.

    A file of `builtin` wins over an entry point of the same name.
    """
    return look().kernels


def broken() -> dict[str, str]:
    """Kernels that are installed and cannot be used: why, by name."""
    return look().broken


def find(kernels: Mapping[str, Kernel], name: str) -> Kernel:
    """The kernel of this name, or NoSuchKernel."""
    try:
        return kernels[name]
    except KeyError:
        raise NoSuchKernel(
            f"no kernel {shown(name)!r}; installed are {', '.join(kernels)}", field="kernel"
        ) from None
