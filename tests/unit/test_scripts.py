"""The scripts by name: what a header says is what the script touches, and what a call must give."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.resources import files
from typing import Any

import fakeredis
import pytest

from hydra.store.redis import layout
from hydra.store.redis.layout import LAYOUTS, Layout
from hydra.store.redis.scripts import (
    EVERYWHERE,
    SECTION,
    Header,
    Script,
    called_by,
    header,
    steps,
    text,
)
from hydra.store.redis.verbs import VERBS

LUA = files("hydra.store") / "lua"


def body(verb: str) -> str:
    return (LUA / f"{verb}.lua").read_text().partition("\n\n")[2]


def touched(code: str) -> set[str]:
    """The keys that some code touches itself."""
    return set(re.findall(r"\bk\.(\w+)", code))


def test_every_script_is_a_verb() -> None:
    stems = {path.name.removesuffix(".lua") for path in LUA.iterdir()}
    assert stems == {*VERBS, "_prelude", "_numbers"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_script_names_the_keys_that_it_touches_itself(verb: str) -> None:
    found = SECTION.findall((LUA / f"{verb}.lua").read_text().partition("\n\n")[0])
    words = dict(found)["KEYS"].replace("\n--", " ").split()
    own = {"_".join(reversed(word.split("@"))) for word in words}
    assert own == touched(body(verb)) - set(EVERYWHERE)


@pytest.mark.parametrize("name", steps())
def test_a_step_names_the_keys_that_it_touches_itself(name: str) -> None:
    assert set(steps()[name].keys) == touched(steps()[name].code)


@pytest.mark.parametrize("verb", VERBS)
def test_a_script_is_given_the_keys_of_all_that_it_calls(verb: str) -> None:
    code = body(verb) + "".join(steps()[name].code for name in called_by(body(verb)))
    assert {key.name for key in header(verb).keys} == touched(code) | set(EVERYWHERE)


@pytest.mark.parametrize("verb", VERBS)
def test_a_header_names_the_arguments_that_are_read(verb: str) -> None:
    told = {a.name + "_at" if a.kind == "..." else a.name for a in header(verb).arguments}
    read = set(re.findall(r"\ba\.(\w+)", text(verb)))
    assert set(re.findall(r"\ba\.(\w+)", body(verb))) <= told
    assert told <= read | {"now_ms"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_script_begins_with_its_verb(verb: str) -> None:
    assert (LUA / f"{verb}.lua").read_text().startswith(f"-- {verb}: ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("-- KEYS    nothing\n-- ARGV    now#\n-- RETURNS ok", "no key 'nothing'"),
        ("-- KEYS    clock\n-- ARGV    now!\n-- RETURNS ok", "'now!' is no argument"),
        ("-- KEYS    clock\n-- ARGV    now#", "lacks RETURNS"),
    ],
)
def test_a_header_that_cannot_be_read_says_what_is_wrong(words: str, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Header.read(f"-- try: a script.\n{words}\n\nreturn 1")


@pytest.mark.parametrize("wrong", [{"job": "j"}, {"job": "j", "reason": "", "keep_ms": 1, "x": 2}])
def test_a_call_gives_every_name_and_no_other(wrong: dict[str, Any]) -> None:
    script = Script(fakeredis.FakeRedis(), "cancel", flags=False)
    with pytest.raises(TypeError, match="cancel takes other names"):
        script(now_ms=1, **wrong)


SAMPLES: dict[str, Any] = {
    "int": 2**53 - 1,
    "float": 0.1 + 0.2,
    "ms": 1234567890.125,
    "flag": True,
    "word": "",
    "text": "why: 3 words, and  two spaces",
}


@pytest.mark.parametrize("record", LAYOUTS, ids=lambda record: record.name)
def test_both_languages_read_and_write_a_record_alike(record: Layout) -> None:
    kinds = {kind: name for name, kind in layout.KINDS.items()}
    values = {field: SAMPLES[kinds[kind]] for field, kind in record.fields.items()}
    line = record.pack(**values)
    assert record.unpack(line) == values
    numbers = (LUA / "_numbers.lua").read_text()
    again = f"return {record.name}_pack({record.name}_unpack(ARGV[1]))"
    said = fakeredis.FakeRedis().eval(f"{numbers}\n{record.lua()}\n{again}", 0, line)
    assert said.decode() == line


def test_an_empty_text_at_the_end_is_no_fault() -> None:
    record = Layout("note", "at:int", "why:text")
    assert record.unpack(record.pack(at=1, why="")) == {"at": 1, "why": ""}
    assert record.unpack("1") == {"at": 1, "why": ""}


def test_a_record_takes_all_its_fields_and_no_other() -> None:
    with pytest.raises(TypeError, match="'losses', 'many', and 'loser'"):
        layout.RANGE.pack(stop=1)
    with pytest.raises(TypeError, match="'more'"):
        layout.CUT.pack(token="t", at=1, why="", more=2)


def test_a_script_is_the_same_in_every_process() -> None:
    """Its digest is; else each process would send its own to the server."""
    verbs = ", ".join(map(repr, VERBS))
    code = f"from hydra.store.redis.scripts import text; print([text(v) for v in ({verbs},)])"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
