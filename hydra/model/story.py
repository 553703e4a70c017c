"""What happened to a job, and the sentences in which people read it.

An entry is a verb and fields; both stores write those, and the sentence is made here alone. Where a
verb tells of several things, the first sentence serves whose fields are all there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

Fields = Mapping[str, str | int]
"""What an entry says, by name; `worker`, `why`, `unbegun` and `reason` are text, all else numbers.
"""

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "submit": ("{units} units",),
    "claim": ("{worker} takes units {start}..{stop}: {why}",),
    "split": ("{worker} gives up units {start}..{stop}: {why}",),
    "return": (
        "{worker} gives back units {start}..{stop}: {why}",
        "units {start}..{stop}, which {worker} held but had not begun, are free again: {unbegun}",
    ),
    "expire": ("{worker} lost units {start}..{stop}: {why}",),
    "reduce": (
        "all {units} units are in",
        "{worker} makes the answer, attempt {attempt} of {attempts_max}",
        "{worker} made no answer: {why}",
    ),
    "done": ("",),
    "failed": (
        "unit {unit} was lost {losses} times: {why}",
        "the reduction was lost {attempts} times",
        "the reduction was given back {returns} times: {why}",
        "{reason}",
    ),
    "cancelled": ("{reason}",),
}
"""By verb; `text` is what an entry says that was written before entries had fields."""

NUMBERS = frozenset(
    {"units", "start", "stop", "attempt", "attempts_max", "unit", "losses", "attempts", "returns"}
)
"""Fields that are whole numbers."""


def _names(sentence: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(sentence) if name)


_KNOWN = {
    verb: tuple((_names(sentence), sentence) for sentence in sentences)
    for verb, sentences in SENTENCES.items()
}


def sentence_of(verb: str, fields: Fields) -> str:
    """The sentence of an entry; empty if the fields do not make one."""
    if "text" in fields:
        return str(fields["text"])
    for names, sentence in _KNOWN.get(verb, ()):
        if names <= fields.keys():
            return sentence.format_map(fields)
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEntry:
    """One thing that happened to a job."""

    id: str
    """Grows along the story; a reader that has seen it asks for what came after."""
    at_ms: int
    verb: str
    fields: Fields

    @property
    def text(self) -> str:
        """The sentence, for people."""
        return sentence_of(self.verb, self.fields)
