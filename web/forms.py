"""The form of a kernel: what stands in its fields, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from hydra.errors import BadParam
from hydra.kernels import Kernel

CHARS_MAX = 200
"""What an address may put into one field."""

PRIORITY_FIELD = "_priority"
"""Our own fields begin like this: a kernel may call a parameter `priority`."""

Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Form:
    """One kernel's form as it is shown."""

    name: str
    kernel: Kernel
    typed: Typed = field(default_factory=dict)
    """What stands in the fields, that of the priority too, instead of the defaults."""
    errors: Mapping[str, str] = field(default_factory=dict)
    preset: str = ""
    """The preset it was filled from, if it was."""


def prefilled(name: str, kernel: Kernel, query: Mapping[str, str]) -> Form:
    """The form as an address asks for it: a preset, single fields, or nothing.

    Raises BadParam for a preset that the kernel does not have.
    """
    typed, preset = {}, query.get("preset", "") if "preset" not in kernel.params else ""
    if preset:
        if preset not in kernel.presets:
            known = ", ".join(kernel.presets) or "none"
            raise BadParam(f"{name} has no such preset; it has {known}", field="preset")
        typed = {param: str(value) for param, value in kernel.presets[preset].items()}
    given = {param: text[:CHARS_MAX] for param, text in texts_of(kernel, query).items()}
    return Form(name, kernel, typed | given, preset=preset)


def texts_of(kernel: Kernel, sent: Mapping[str, str]) -> dict[str, str]:
    """What was sent for the fields of a kernel's form, and nothing else."""
    return {name: sent[name] for name in (*kernel.params, PRIORITY_FIELD) if name in sent}


def key_of(drawn: str, name: str, typed: Typed) -> str:
    """The same form sent twice opens one job; going back and changing it opens another."""
    words = "\n".join([drawn, name, *map(repr, typed.items())])
    return "page " + hashlib.sha256(words.encode("utf-8", "replace")).hexdigest()
