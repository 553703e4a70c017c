"""Every pair of state and event, on every store, against the one table."""

from __future__ import annotations

import itertools

import pytest

from hydra.errors import IllegalMove
from hydra.model import FINAL, TRANSITIONS, JobState, Rest, Span, move
from hydra.ports import Store
from tests.stores import ask, hand_in, session, sums_spec

SPEC = sums_spec(1)
WHO = session("a")
EVENTS = ["reduce", "finish", "fail", "cancel"]


def bring_to(store: Store, state: JobState) -> tuple[str, str]:
    """A job in that state; the lease's and the reduction's tokens."""
    store.verbs.submit("j", SPEC)
    store.verbs.enlist(WHO)
    grant = store.verbs.claim(WHO, 1, "j", ask(1))
    assert grant is not None
    reduction = ""
    if state in (JobState.REDUCING, JobState.DONE, JobState.FAILED):
        store.verbs.complete(WHO, 2, hand_in(SPEC, "j", grant.token, Span(0, 1), Rest.RETURN))
        held = store.verbs.reduce(WHO, "j")
        assert held is not None
        reduction = held.token
    if state is JobState.DONE:
        store.verbs.finish("j", reduction, {})
    elif state is JobState.FAILED:
        store.verbs.fail("j", reduction, "why")
    elif state is JobState.CANCELLED:
        store.verbs.cancel("j")
    assert store.views.job("j").state is state
    return grant.token, reduction


def cause(store: Store, event: str, lease: str, reduction: str) -> None:
    """What makes the event happen, where it may."""
    if event == "reduce":
        store.verbs.complete(WHO, 3, hand_in(SPEC, "j", lease, Span(0, 1), Rest.RETURN))
    elif event == "finish":
        store.verbs.finish("j", reduction, {})
    elif event == "fail":
        store.verbs.fail("j", reduction, "why")
    else:
        store.verbs.cancel("j")


@pytest.mark.parametrize(("state", "event"), list(itertools.product(JobState, EVENTS)))
def test_only_the_table_moves_a_job(store: Store, state: JobState, event: str) -> None:
    tokens = bring_to(store, state)
    before = store.vitals.dump("j").job
    cause(store, event, *tokens)
    after = store.views.job("j").state
    if (state, event) == (JobState.RUNNING, "fail"):
        # A running job fails by a dead unit, not by its reduction: that has a test of its own.
        assert after is state
    elif (state, event) in TRANSITIONS:
        assert after is TRANSITIONS[state, event]
    else:
        assert store.vitals.dump("j").job == before


@pytest.mark.parametrize(("state", "event"), list(itertools.product(JobState, EVENTS)))
def test_an_illegal_move_raises(state: JobState, event: str) -> None:
    if (state, event) in TRANSITIONS:
        assert move(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(IllegalMove, match=f"a {state.value} job cannot {event}"):
            move(state, event)


def test_final_states_are_final() -> None:
    assert {state for state, _ in TRANSITIONS} & FINAL == set()
    assert {JobState(state) for state in TRANSITIONS.values()} - FINAL == {JobState.REDUCING}
