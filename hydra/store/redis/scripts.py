"""Loads the Lua scripts, and calls them by name: one file, one verb, one atomic step.

A script's header names what it takes, and is read here::

    -- KEYS    clock job free story job@reduced
    -- ARGV    now_ms# job why tail? ask:ask partial...

Each word of KEYS is a key of `keys.py`; whose it is comes from the call: `job="..."` makes both the
key `job` and the key `free`. `job@reduced` is the key `job` of what the call names `reduced`. In
the script it is `k.reduced_job`, the others are `k.clock`, `k.job` and so on. A script names the
keys that it touches itself; each step of _prelude.lua has a KEYS line of its own, and a script is
given those of the steps that it calls, too.

Each word of ARGV is an argument of the call, in the script `a.now_ms` and so on. It is a text
unless it ends in `#` (a number), `?` (true or false) or a layout's name (a record of `layout.py`,
nil if it is None). After a last word with `...` come as many arguments as there are:
`a.partial_at` is the place of the first in ARGV. What stands in brackets is for people.

So nobody counts positions, and a key or an argument more is a word in the header and one in the
call. Every script is sent as limits + the table `k` + _numbers.lua + layouts + the table `a` +
_prelude.lua + its own file. The `#!lua` line makes Redis refuse a script before its first write
when memory is full, unless the file's FLAGS line says allow-oom: so giving up and finishing always
work, and nothing is ever half done.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from operator import itemgetter
from typing import Any

import redis
from redis.commands.core import Script as RedisScript

from hydra.model import limits
from hydra.store.redis import keys
from hydra.store.redis.format import FORMAT
from hydra.store.redis.layout import LAYOUTS

LIMITS = (
    "LEASE_BEATS",
    "LEASE_MS_MAX",
    "LOSSES_MAX",
    "LOSSES_ALONE_MAX",
    "REDUCE_ATTEMPTS_MAX",
    "REDUCE_RETURNS_MAX",
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
    "PASSED_MAX",
    "SERVED_MS",
    "SERVED_MAX",
    "TURNS_KEPT",
    "TURN_MS",
)
"""Numbers of `limits.py` that scripts use by the same name."""

EVERYWHERE = ("format", "generation")
"""Keys that every script has, to tell whether the records are of the format that it writes."""

BETWEEN_KEYS = "\0"
"""All keys of a call are made in one step, with this between them."""

SECTION = re.compile(r"^-- (KEYS|ARGV|RETURNS|FLAGS) +(.*(?:\n--  .*)*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """One key of a script."""

    name: str
    """In the script's table `k`."""
    subjects: tuple[str, ...]
    """The arguments of the call that say whose it is."""
    pattern: str
    """Its name in Redis, with `{subject}` for each of those."""

    @classmethod
    def read(cls, word: str) -> KeyUse:
        """From a word of the header."""
        name, _, whose = word.partition("@")
        known = vars(keys)
        if name.upper() in known:
            return cls(name, (), known[name.upper()])
        if not callable(known.get(name)):
            raise TypeError(f"keys.py has no key {name!r}")
        subjects = (whose,) if whose else tuple(inspect.signature(known[name]).parameters)
        pattern = known[name](*(f"{{{subject}}}" for subject in subjects))
        return cls(f"{whose}_{name}" if whose else name, subjects, pattern)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a script."""

    name: str
    kind: str
    """`#`, `?`, `...`, the name of a layout, or nothing for a text."""

    @classmethod
    def read(cls, word: str) -> Argument:
        """From a word of the header."""
        found = re.fullmatch(r"(\w+)(#|\?|\.\.\.|:(\w+))?", word)
        if not found:
            raise TypeError(f"{word!r} is no argument")
        return cls(found[1], found[3] or found[2] or "")

    def lua(self, at: int) -> str:
        """Its entry in the script's table `a`."""
        value = f"ARGV[{at}]"
        if self.kind == "#":
            return f"{self.name} = tonumber({value})"
        if self.kind == "?":
            return f"{self.name} = {value} == '1'"
        if self.kind == "...":
            return f"{self.name}_at = {at}"
        if self.kind:
            return f"{self.name} = {value} ~= '' and {self.kind}_unpack({value}) or nil"
        return f"{self.name} = {value}"


@dataclass(frozen=True, slots=True)
class Header:
    """What a script takes, in order."""

    keys: tuple[KeyUse, ...]
    arguments: tuple[Argument, ...]
    flags: str

    @classmethod
    def read(cls, text: str) -> Header:
        """From the head of a script's file; TypeError if it cannot be read."""
        head, _, body = text.partition("\n\n")
        found = {name: re.sub(r"\n-- +", " ", words) for name, words in SECTION.findall(head)}
        if missing := {"KEYS", "ARGV", "RETURNS"} - found.keys():
            raise TypeError(f"a script's header lacks {', '.join(sorted(missing))}")
        called = (word for step in sorted(called_by(body)) for word in steps()[step].keys)
        words = dict.fromkeys((*found["KEYS"].split(), *called, *EVERYWHERE))
        told = re.sub(r"\([^)]*\)", "", found["ARGV"])  # what is said of the arguments
        arguments = tuple(map(Argument.read, told.split()))
        return cls(tuple(map(KeyUse.read, words)), arguments, found.get("FLAGS", "").strip())


@dataclass(frozen=True, slots=True)
class Step:
    """One function of _prelude.lua."""

    keys: tuple[str, ...]
    """That it touches itself."""
    code: str


STEP = re.compile(
    r"(?:^-- KEYS +([^\n]+(?:\n--  +[^\n]+)*)\n)?^local function (\w+)(\(.*?^end)",
    re.MULTILINE | re.DOTALL,
)


@cache
def steps() -> dict[str, Step]:
    """The steps of _prelude.lua, by name."""
    return {
        name: Step(keys=tuple(words.replace("\n--", "").split()), code=code)
        for words, name, code in STEP.findall(_file("_prelude"))
    }


def called_by(code: str) -> set[str]:
    """The steps that some Lua calls, and those that they call."""
    found = {name for name in steps() if re.search(rf"\b{name}\(", code)}
    return found.union(*(called_by(steps()[name].code) for name in found))


@cache
def header(verb: str) -> Header:
    """The header of a verb's script."""
    return Header.read(_file(verb))


def text(verb: str, *, flags: bool = True) -> str:
    """The whole script of a verb; without `flags` for servers that know no `#!lua` line.

    It has the layouts and steps that it uses and no other: a server runs all of it at each call.
    """
    head, own = header(verb), _file(verb)
    called = called_by(own)
    prelude = _file("_prelude")
    for name in steps().keys() - called:
        prelude = prelude.replace(f"local function {name}{steps()[name].code}", "")
    shebang = f"#!lua{' flags=' + head.flags if head.flags else ''}\n" if flags else ""
    numbers = "\n".join(f"local {name} = {getattr(limits, name)!r}" for name in LIMITS)
    records = {argument.kind for argument in head.arguments}
    records.update(re.findall(r"\b(\w+?)_(?:un)?pack\(", prelude + own))
    layouts = "\n".join(layout.lua() for layout in LAYOUTS if layout.name in records)
    given = ", ".join(f"{key.name} = KEYS[{at}]" for at, key in enumerate(head.keys, 1))
    told = ", ".join(argument.lua(at) for at, argument in enumerate(head.arguments, 1))
    return (
        f"{shebang}{numbers}\nlocal FORMAT = '{FORMAT}'\n"
        f"local k = {{{given}}}\n{_file('_numbers')}\n{layouts}\n"
        f"local a = {{{told}}}\n{prelude}\n{own}"
    )


@cache
def _file(name: str) -> str:
    return (files("hydra.store") / "lua" / f"{name}.lua").read_text()


class Script:
    """A verb's script, ready to be called by name; it is sent once, and called by digest after."""

    def __init__(self, client: redis.Redis, verb: str, *, flags: bool = True) -> None:
        found = header(verb)
        self._verb = verb
        self._script: RedisScript = client.register_script(text(verb, flags=flags))
        self._keys = BETWEEN_KEYS.join(key.pattern for key in found.keys)
        self._keys_number = len(found.keys)
        single = [a for a in found.arguments if a.kind != "..."]
        self._single = itemgetter(*(a.name for a in single))
        self._flags = [at for at, a in enumerate(single) if a.kind == "?"]
        self._records = [at for at, a in enumerate(single) if a.kind not in ("", "#", "?")]
        self._rest = next((a.name for a in found.arguments if a.kind == "..."), None)
        self._named = {argument.name for argument in found.arguments}
        self._named |= {subject for key in found.keys for subject in key.subjects}

    def __call__(self, **named: Any) -> Any:
        """Run it; every name of its header has to be given, and no other.

        Raises TypeError if that is not so.
        """
        if named.keys() != self._named:
            wrong = ", ".join(sorted(named.keys() ^ self._named))
            raise TypeError(f"{self._verb} takes other names than it is given: {wrong}")
        script_keys = self._keys.format_map(named).split(BETWEEN_KEYS)
        if len(script_keys) != self._keys_number:
            raise TypeError(f"{self._verb}: no name of a key may hold a zero byte")
        arguments = list(self._single(named))
        for at in self._flags:
            arguments[at] = "1" if arguments[at] else ""
        for at in self._records:
            arguments[at] = arguments[at] or ""
        if self._rest:
            arguments += named[self._rest]
        return self._script(keys=script_keys, args=arguments)
