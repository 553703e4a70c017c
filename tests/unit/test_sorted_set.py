"""The memory store's sorted sets: the order of Redis, however many members share a moment."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from hydra.store.memory.records import SortedSet

SCORES = st.one_of(st.sampled_from([0.0, 99.9, 100.0, 1e15, 1e300, math.inf]), st.floats(-1e4, 1e4))


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.none() | SCORES)),
    SCORES,
    st.integers(0, 9),
)
def test_it_says_what_a_sorted_list_says(
    steps: list[tuple[str, float | None]], score: float, limit: int
) -> None:
    """A step puts a member at its score, or drops it."""
    members: SortedSet[str] = SortedSet()
    known: dict[str, float] = {}
    for member, at in steps:
        if at is None:
            members.drop(member)
            known.pop(member, None)
        else:
            members.put(member, at)
            known[member] = at
    order = sorted(known, key=lambda member: (known[member], member))
    assert members.members() == order
    assert members.highest(limit) == order[::-1][:limit]
    assert members.until(score, limit) == [m for m in order if known[m] <= score][:limit]
    assert {member: members.score(member) for member in "abcdefgh" if member in members} == known
