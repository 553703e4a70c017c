"""Loads the Lua scripts: one file, one verb, one atomic step.

Each script is sent as limits + _prelude.lua + its own file. The `#!lua` line makes Redis refuse a
script before its first write when memory is full, unless the file's FLAGS line says allow-oom:
so giving up and finishing always work, and nothing is ever half done.
"""

from __future__ import annotations

import re
from importlib.resources import files

import redis
from redis.commands.core import Script

from hydra.model import limits

LIMITS = (
    "LEASE_BEATS",
    "LEASE_MS_MAX",
    "LOSSES_MAX",
    "LOSSES_ALONE_MAX",
    "REDUCE_ATTEMPTS_MAX",
    "REDUCE_LEASE_MS",
    "TICK_MS_MAX",
    "SESSION_TTL_MS",
    "LIVE_MS",
    "FIGURES_PER_S_MAX",
    "WORKER_KEEP_MS",
    "RATE_KEEP_MS",
    "STORY_ENTRIES_MAX",
    "KEY_TTL_MS",
    "HISTORY_PLACES",
    "TIMELINE_CHUNKS_MAX",
    "RATE_MEMORY_S",
    "RATE_S_MIN",
)


def text(verb: str, *, flags: bool = True) -> str:
    """The whole script of a verb; without `flags` for servers that know no `#!lua` line."""
    folder = files("hydra.store") / "lua"
    body = (folder / f"{verb}.lua").read_text()
    prelude = (folder / "_prelude.lua").read_text()
    numbers = "\n".join(f"local {name} = {getattr(limits, name)!r}" for name in LIMITS)
    found = re.search(r"^-- FLAGS +(\S+)$", body, re.MULTILINE)
    first = f"#!lua{' flags=' + found[1] if found else ''}\n" if flags else ""
    return f"{first}{numbers}\n{prelude}\n{body}"


def load(client: redis.Redis, verb: str, *, flags: bool = True) -> Script:
    """A verb's script, ready to call; it is sent to the server once and by digest after."""
    return client.register_script(text(verb, flags=flags))
