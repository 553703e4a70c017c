"""The text records in Redis: each field of each record is named once, here.

A record is one line of words: whole numbers, floats, times in ms, flags and words without spaces; a
last field may be text with spaces. A layout gives Python `pack` and `unpack`, and Lua the functions
`NAME_pack(table)` and `NAME_unpack(line)`, which `scripts` puts in front of every script. So a new
field is one word here, and no place counts positions.

Rejected: JSON, since cjson turns integers into floats, and a hash for each record, which costs a
key of its own and one argument a field.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

NONE = "-"
"""How an empty word is written: words are split at spaces."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How one field is written and read, as code of both languages; `{}` stands for the value."""

    write: str
    read: str
    lua_format: str
    """For string.format, as in _numbers.lua."""
    lua_write: str
    """What that is given."""
    lua_read: str


KINDS = {
    "int": Kind("str(int({}))", "int({})", "%.0f", "{}", "tonumber({})"),
    "float": Kind("repr(float({}))", "float({})", "%.17g", "{}", "tonumber({})"),
    "ms": Kind("'%.3f' % {}", "float({})", "%.3f", "{}", "tonumber({})"),
    "flag": Kind("('1' if {} else '0')", "{} == '1'", "%s", "({} and '1' or '0')", "{} == '1'"),
    "word": Kind(
        f"(str({{}}) or '{NONE}')",
        f"('' if {{}} == '{NONE}' else {{}})",
        "%s",
        f"({{}} ~= '' and {{}} or '{NONE}')",
        f"({{}} ~= '{NONE}' and {{}} or '')",
    ),
    "text": Kind("str({})", "{}", "%s", "{}", "{}"),
}


class Layout:
    """The fields of one record, such as `start:int worker:word why:text`; text only as the last.

    Both languages get their functions as code made from the fields, as `dataclass` makes its own:
    a chunk packs and unpacks five records, and a loop over the fields took three times as long.
    """

    pack: Callable[..., str]
    """The record of these values: all fields, by name. TypeError if some lack or are too many."""
    unpack: Callable[[str | bytes], dict[str, Any]]
    """The fields of a record that either language has written."""

    def __init__(self, name: str, *fields: str) -> None:
        self.name = name
        """Its prefix in Lua."""
        self.fields: dict[str, Kind] = {}
        for field in " ".join(fields).split():
            word, _, kind = field.partition(":")
            self.fields[word] = KINDS[kind]
        self._splits = len(self.fields) - 1
        made: dict[str, Any] = {}
        exec(self.python(), made)  # code from the constants of this file, and nothing else
        self.pack, self.unpack = made[f"{name}_pack"], made[f"{name}_unpack"]

    def python(self) -> str:
        """The source of both functions in Python."""
        names = ", ".join(self.fields)
        written = [kind.write.replace("{}", word) for word, kind in self.fields.items()]
        read = [f"'{word}': {kind.read.replace('{}', word)}" for word, kind in self.fields.items()]
        return (
            f"def {self.name}_pack(*, {names}):\n"
            f"    return ' '.join(({', '.join(written)},))\n"
            f"def {self.name}_unpack(line):\n"
            f"    words = (line.decode() if isinstance(line, bytes) else line)"
            f".split(' ', {self._splits})\n"
            f"    if len(words) == {self._splits}:\n"
            f"        words.append('')  # an empty text at the end\n"
            f"    {names}{',' if not self._splits else ''} = words\n"
            f"    return {{{', '.join(read)}}}\n"
        )

    def lua(self) -> str:
        """The source of both functions in Lua."""
        form = " ".join([kind.lua_format for kind in self.fields.values()])
        written = [kind.lua_write.replace("{}", f"t.{word}") for word, kind in self.fields.items()]
        # A last field may be empty, and in Lua a pattern without captures for it would not match.
        pattern = " ".join(["(%S+)"] * self._splits) + " ?(.*)"
        read = [
            f"{word} = {kind.lua_read.replace('{}', word)}" for word, kind in self.fields.items()
        ]
        return (
            f"local function {self.name}_pack(t)\n"
            f"  return string.format('{form}', {', '.join(written)})\nend\n"
            f"local function {self.name}_unpack(line)\n"
            f"  local {', '.join(self.fields)} = string.match(line, '^{pattern}$')\n"
            f"  return {{{', '.join(read)}}}\nend"
        )


PACE_FIELDS = (
    "unassigned_units:int rate:float fleet_rate:float live_workers:int free_start:int free_stop:int"
)

LEASE = Layout(
    "lease",
    "start:int stop:int slice_units:int rate_units_s:float at_ms:ms deadline_ms:ms beat_ms:ms",
    "losses:int many:flag loser:word session:word worker:word tau_ms:ms lent_ms:int first:int",
    "cut:flag busy_ms:int unit_charge_s:float queued:flag begins_ms:ms",
)
"""A live lease. `at_ms` and `deadline_ms` are Hydra time, `lent_ms` is wall-clock time; `first` is
where the span began when it was lent; `cut`: somebody took the far part; `unit_charge_s` is what
its job was charged for a unit of it; `queued`: it was lent behind another, and its holder has not
handed anything in; then `begins_ms` is when it was to begin, as estimated when it was lent."""

RANGE = Layout("range", "stop:int losses:int many:flag loser:word")
"""A free range; its start is the score."""

LEASE_ID = Layout("lease_id", "job:word token:word")
"""A lease among the deadlines of all jobs."""

CHUNK = Layout(
    "chunk", "worker:word first:int stop:int lent_ms:int ended_ms:int busy_ms:int how:word"
)
"""A line of the timeline, with what was counted of the lease: `first` to `stop`."""

SAMPLE = Layout("sample", "at_ms:int done_units:int done_work:float sums:text")
"""A job on its way; `sums` are names and totals in turn."""

REDUCTION = Layout("reduction", "token:word session:word worker:word")
"""An attempt at a job's reduction, and who holds it."""

OPENED = Layout("opened", "job:word spec_digest:word")
"""What an Idempotency-Key opened."""

FILE = Layout("file", "parts:int token:word")
"""A file of an answer: under which token its parts are, and how many there are."""

CLAIMED = Layout("claimed", "start:int stop:int why:text")
"""A worker's last claim."""

ASK = Layout(
    "ask",
    "token:word units:int tau_ms:ms beat_ms:ms slice_units:int unit_cost:float tail:flag",
    "begins_in_ms:ms why:text",
)
"""What a worker wants next, as policy decided it; `token` is that of the lease to be."""

CUT = Layout("cut", "token:word at:int session:word queued:flag why:text")
"""Whose lease is to be cut, where, and whether it is believed not to have begun."""

GRANT = Layout(
    "grant",
    "job:word token:word start:int stop:int slice_units:int tau_ms:ms beat_ms:ms",
    PACE_FIELDS,
)
"""A fresh lease, and how its job stands."""

RECEIPT = Layout("receipt", "verdict:word start:int stop:int last:flag", PACE_FIELDS)
"""The reply to a hand-in; `last`: it brought the job's last unit."""

STANDING = Layout(
    "standing",
    "live_workers:int turn:word start:int stop:int next_start:int next_stop:int",
)
"""The reply to a beat: what is left of the two leases that it names; 0 to 0 of one that is gone."""

LAYOUTS = (
    LEASE,
    RANGE,
    LEASE_ID,
    CHUNK,
    SAMPLE,
    REDUCTION,
    OPENED,
    FILE,
    CLAIMED,
    ASK,
    CUT,
    GRANT,
    RECEIPT,
    STANDING,
)
