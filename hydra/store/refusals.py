"""Why a hand-in is refused: one sentence for each rule, for both stores."""

from __future__ import annotations

from hydra.errors import BadSpan

SENTENCES = {
    "span": "the span must be inside {start}..{total}",
    "sum": "{name} must be from {low} to {high} for {units} units",
    "sums": "the sums must be the kernel's",
    "piece": "a piece must be at most {bytes} bytes",
}

SILENT = "no heartbeat before the deadline"
"""Why a lease that ran out was lost."""


def refusal(rule: str, **numbers: object) -> BadSpan:
    """The error for the rule that was broken."""
    return BadSpan(SENTENCES[rule].format(**numbers), field="hand_in")


def read_refusal(line: str) -> BadSpan:
    """The same from a script's words: the rule, then `name=value` for each number."""
    rule, *words = line.split(" ")
    pairs = (word.partition("=") for word in words)
    return refusal(rule, **{name: value for name, _, value in pairs})
