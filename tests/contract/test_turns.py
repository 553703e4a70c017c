"""Whose turn it is: jobs by their virtual time, for workers that cannot do them all."""

from __future__ import annotations

import pytest

from hydra.model import Rest, Session, Span, limits
from hydra.model.messages import Cut, Grant
from hydra.ports import Store
from tests.stores import Wall, ask, cut, hand_in, pieces_spec, session, sums_spec

MINE, OTHERS = {"v1"}, {"v2"}
SPEC = sums_spec(1_000)


def vtime_s(store: Store, job: str) -> float:
    found = store.views.look(session("anybody")).jobs
    return next(each.vtime_s for each in found if each.job == job)


def claim(
    store: Store, who: Session, seq: int, job: str, units: int = 10, taken: Cut | None = None
) -> Grant:
    passed = store.views.look(who, MINE).passed
    grant = store.verbs.claim(who, seq, job, ask(units), taken, passed)
    assert grant
    return grant


@pytest.fixture
def a(store: Store) -> Session:
    who = session("a")
    store.verbs.enlist(who)
    return who


@pytest.mark.parametrize("others", [1, 4, 40, 200])
def test_a_worker_finds_its_job_behind_any_number_of_others(store: Store, others: int) -> None:
    """Four jobs of another version hid all that came behind them."""
    for number in range(others):
        store.verbs.submit(f"other{number:03}", pieces_spec(3))
    store.verbs.submit("mine", SPEC)
    looked = store.views.look(session("a"), MINE)
    assert [job.job for job in looked.jobs] == ["mine"]
    assert len(looked.passed) == min(others, limits.PASSED_MAX)
    assert len(store.views.look(session("a")).jobs) == min(others + 1, limits.CLAIM_TRIES_MAX)
    assert store.views.look(session("a"), set()).jobs == []


def test_only_who_can_reduces(store: Store, a: Session) -> None:
    store.verbs.submit("mine", sums_spec(1))
    grant = claim(store, a, 1, "mine")
    store.verbs.complete(a, 2, hand_in(sums_spec(1), "mine", grant.token, Span(0, 1)))
    assert store.views.look(session("b"), MINE).reducible == ["mine"]
    assert store.views.look(session("b"), OTHERS).reducible == []


def test_a_job_that_nobody_here_can_do_keeps_nobody_from_the_next_chunk_in_turn(
    store: Store, a: Session
) -> None:
    """With such a job at the head, none of 200 hand-ins brought the next chunk."""
    store.verbs.submit("stuck", pieces_spec(3))
    store.verbs.submit("mine", SPEC)
    grant = claim(store, a, 1, "mine")
    for seq in range(2, 20):
        store.verbs.complete(a, seq, hand_in(SPEC, "mine", grant.token, grant.span, Rest.RETURN))
        more = store.verbs.claim(a, seq, "mine", ask(10), in_turn=True)
        assert more, f"hand-in {seq}"
        grant = more


@pytest.mark.parametrize("new", ["new", "ob"])
def test_a_job_that_it_can_do_and_that_waits_longer_gets_its_turn(
    store: Store, a: Session, new: str
) -> None:
    """Also if its id is a part of another's, `job1`, that the session cannot serve."""
    store.verbs.submit("job1", pieces_spec(3))
    store.verbs.submit("mine", SPEC)
    grant = claim(store, a, 1, "mine")
    store.verbs.submit(new, SPEC)
    brought = 0
    for seq in range(2, 6):
        said = hand_in(SPEC, "mine", grant.token, grant.span, Rest.RETURN)
        store.verbs.complete(a, seq, said)
        found = store.verbs.claim(a, seq, "mine", ask(10), in_turn=True)
        if not found:
            break
        grant, brought = found, brought + 1
    assert brought <= 2, "then it claims anew"


def test_who_was_passed_over_for_long_does_not_catch_up(
    store: Store, wall: Wall, a: Session
) -> None:
    store.verbs.submit("stuck", pieces_spec(3))
    store.verbs.submit("mine", SPEC)
    for seq in range(1, 40, 2):
        grant = claim(store, a, seq, "mine")
        said = hand_in(SPEC, "mine", grant.token, grant.span, Rest.RETURN)
        store.verbs.complete(a, seq + 1, said)
        wall.ms += 1_000
    least_s = vtime_s(store, "mine")
    assert least_s > 10
    b = session("b")
    store.verbs.enlist(b)
    before_s = vtime_s(store, "stuck")
    assert store.verbs.claim(b, 1, "stuck", ask(1))
    charged_s = vtime_s(store, "mine") / 20
    kept_s = (limits.TURNS_KEPT + 1) * charged_s
    assert before_s == 0.0
    assert vtime_s(store, "stuck") >= least_s - kept_s


def test_a_new_job_begins_with_those_served_and_not_with_one_that_is_stuck(
    store: Store, wall: Wall, a: Session
) -> None:
    store.verbs.submit("stuck", pieces_spec(3))
    store.verbs.submit("mine", SPEC)
    grant = claim(store, a, 1, "mine")
    store.verbs.complete(a, 2, hand_in(SPEC, "mine", grant.token, grant.span, Rest.RETURN))
    store.verbs.submit("new", SPEC)
    assert vtime_s(store, "mine") > 0
    assert vtime_s(store, "new") == pytest.approx(vtime_s(store, "mine"))


@pytest.mark.parametrize("how", [Rest.RETURN, Rest.LOST, "leave", "expire", "cut"])
def test_what_a_lease_does_not_do_is_taken_off_its_jobs_charge(
    store: Store, wall: Wall, a: Session, how: str
) -> None:
    """Leases that gave way after a tenth were charged whole."""
    store.verbs.submit("mine", SPEC)
    grant = claim(store, a, 1, "mine", 100)
    whole_s = vtime_s(store, "mine")
    assert whole_s > 0
    if how == "cut":
        b = session("b")
        store.verbs.enlist(b)
        claim(store, b, 1, "mine", 90, cut("a", grant.token, 10))
        assert vtime_s(store, "mine") == pytest.approx(whole_s * 0.1 + whole_s)
        return
    said = hand_in(SPEC, "mine", grant.token, Span(0, 10), Rest.KEEP)
    if how in tuple(Rest):
        said = hand_in(SPEC, "mine", grant.token, Span(0, 10), Rest(how))
    store.verbs.complete(a, 2, said)
    if how == "leave":
        store.verbs.leave(a.id, "gone")
    while how == "expire" and not store.verbs.expire("mine", grant.token):
        wall.ms += 1_000
    assert vtime_s(store, "mine") == pytest.approx(whole_s * 0.1)
