"""What a lost reply or a failing unit may cost, on every store: found by schedules of faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hydra.errors import NoSuchWorker
from hydra.model import JobState, Rest, Span, Verdict, limits
from hydra.model.invariants import violations
from hydra.ports import Store
from tests.stores import Wall, ask, hand_in, session, sums_spec

ONE = sums_spec(1)
A, B = session("a"), session("b")


def pass_s(store: Store, wall: Wall, seconds: int) -> None:
    """Let Hydra time pass, with a reaper."""
    for _ in range(seconds):
        wall.ms += 1_000
        store.verbs.tick()
        for job, token in store.views.overdue(10):
            store.verbs.expire(job, token)


def test_a_reduction_whose_reply_was_lost_is_given_again(store: Store, wall: Wall) -> None:
    """It waited out the whole minute of its lease, for nobody."""
    store.verbs.submit("j", ONE)
    store.verbs.enlist(A)
    grant = store.verbs.claim(A, 1, "j", ask(1))
    assert grant is not None
    store.verbs.complete(A, 2, hand_in(ONE, "j", grant.token, Span(0, 1), Rest.RETURN))
    held = store.verbs.reduce(A, "j")
    assert held is not None
    assert (store.views.look(A).reducible, store.views.look(B).reducible) == (["j"], [])
    assert store.verbs.reduce(B, "j") is None
    assert [store.verbs.reduce(A, "j") for _ in range(limits.REDUCE_ATTEMPTS_MAX)] == [held] * 3
    assert store.verbs.finish("j", held.token, {}) == "accepted"
    assert store.verbs.reduce(A, "j") is None


def test_a_session_whose_unknown_lease_ended_may_claim_again(store: Store, wall: Wall) -> None:
    """The grants' replies were lost: the session never called for those leases, and starved."""
    store.verbs.submit("j", sums_spec(10))
    store.verbs.enlist(A)
    assert store.verbs.claim(A, 1, "j", ask(4)) is not None
    assert store.verbs.claim(A, 2, "j", ask(4)) is not None
    assert store.verbs.claim(A, 3, "j", ask(1)) is None, "it holds two leases"
    pass_s(store, wall, 4)
    assert store.verbs.claim(A, 4, "j", ask(10)) is not None
    assert violations(store.vitals.dump("j")) == []


def test_a_session_whose_job_was_cancelled_may_claim_again(store: Store, wall: Wall) -> None:
    store.verbs.submit("j", sums_spec(10))
    store.verbs.submit("k", sums_spec(10))
    store.verbs.enlist(A)
    assert store.verbs.claim(A, 1, "j", ask(10)) is not None
    store.verbs.cancel("j")
    pass_s(store, wall, 4)
    assert store.verbs.claim(A, 2, "k", ask(10)) is not None


def test_one_worker_among_others_loses_a_unit_only_so_often(store: Store, wall: Wall) -> None:
    """The others may lack the kernel: then the only one that has it failed without an end."""
    store.verbs.submit("j", ONE)
    store.verbs.enlist(A)
    store.verbs.enlist(B)
    losses = 0
    while store.views.job("j").state is JobState.RUNNING:
        grant = store.verbs.claim(A, 2 * losses + 1, "j", ask(1))
        assert grant is not None
        said = hand_in(ONE, "j", grant.token, Span(0, 0), Rest.LOST, "ValueError: bad unit")
        store.verbs.complete(A, 2 * losses + 2, said)
        losses += 1
        assert violations(store.vitals.dump("j")) == []
    assert losses == limits.LOSSES_ALONE_MAX
    assert store.views.job("j").reason == "unit 0 was lost 20 times: ValueError: bad unit"


def test_a_worker_that_leaves_frees_what_it_held_at_once(store: Store, wall: Wall) -> None:
    store.verbs.submit("j", sums_spec(10))
    store.verbs.enlist(A)
    store.verbs.enlist(B)
    grant = store.verbs.claim(A, 1, "j", ask(8))
    assert grant is not None
    assert store.verbs.leave("s-a", "its process ended by SIGSEGV") is True
    dump = store.vitals.dump("j")
    assert (violations(dump), dump.leases) == ([], [])
    assert [(r.span, r.losses, r.loser) for r in dump.free] == [
        (Span(0, 8), 1, "a"),
        (Span(8, 10), 0, ""),
    ]
    assert "a lost units 0..8: its process ended by SIGSEGV" in [
        e.text for e in store.views.story("j")
    ]
    assert store.views.live_workers() == 1
    late = hand_in(sums_spec(10), "j", grant.token, Span(0, 8), Rest.RETURN)
    with pytest.raises(NoSuchWorker):
        store.verbs.complete(A, 2, late)
    assert store.verbs.leave("s-a", "again") is False
    assert store.verbs.leave("s-nobody", "why") is False
    with pytest.raises(NoSuchWorker):  # its first call comes when its parent has seen it die
        store.verbs.enlist(replace(A, id="s-nobody"))
    store.verbs.enlist(replace(A, id="another"))
    assert store.views.live_workers() == 2


def test_an_older_session_that_leaves_takes_nothing_from_the_newer(
    store: Store, wall: Wall
) -> None:
    store.verbs.submit("j", sums_spec(10))
    first, second = A, replace(A, id="another")
    store.verbs.enlist(first)
    store.verbs.enlist(second)
    assert store.verbs.claim(first, 1, "j", ask(4)) is not None
    assert store.verbs.claim(second, 1, "j", ask(4)) is not None
    assert store.verbs.leave(first.id, "gone") is True
    assert [lease.session for lease in store.vitals.dump("j").leases] == [second.id]
    assert store.views.live_workers() == 1, "its newer process lives"
    for late in (
        lambda: store.verbs.enlist(first),
        lambda: store.verbs.claim(first, 2, "j", ask(4)),
    ):
        with pytest.raises(NoSuchWorker):
            late()
    assert store.verbs.leave(second.id, "gone") is True
    assert store.views.live_workers() == 0


def test_a_worker_that_leaves_idle_loses_nothing(store: Store, wall: Wall) -> None:
    store.verbs.submit("j", ONE)
    store.verbs.enlist(A)
    assert store.verbs.leave("s-a", "the worker ended") is False
    assert (store.views.live_workers(), store.vitals.dump("j").free[0].losses) == (0, 0)


def test_a_reduction_whose_process_ended_is_there_for_others_at_once(store: Store) -> None:
    """It once was waited for a minute, as if its worker might still be at it."""
    store.verbs.submit("j", ONE)
    store.verbs.enlist(A)
    grant = store.verbs.claim(A, 1, "j", ask(1))
    assert grant is not None
    store.verbs.complete(A, 2, hand_in(ONE, "j", grant.token, Span(0, 1), Rest.RETURN))
    first = store.verbs.reduce(A, "j")
    assert first is not None
    assert store.verbs.leave("s-a", "killed") is False, "no lease was lost"
    assert store.views.look(B).reducible == ["j"]
    store.verbs.enlist(B)
    again = store.verbs.reduce(B, "j")
    assert again is not None
    assert store.verbs.finish("j", first.token, {"x": 0}) is Verdict.STALE
    assert store.verbs.finish("j", again.token, {"x": 1}) is Verdict.ACCEPTED
    assert store.verbs.leave("s-b", "it ended later") is False
    said = [
        entry.text.partition(",")[0] for entry in store.views.story("j") if entry.verb == "reduce"
    ]
    assert said == [
        "all 1 units are in",
        "a makes the answer",
        "a made no answer: killed",
        "b makes the answer",
    ]
    assert store.views.job("j").state is JobState.DONE


def test_a_session_that_has_left_reduces_nothing(store: Store, wall: Wall) -> None:
    store.verbs.submit("j", sums_spec(1))
    store.verbs.enlist(A)
    store.verbs.enlist(B)
    grant = store.verbs.claim(A, 1, "j", ask(1))
    assert grant is not None
    store.verbs.complete(A, 2, hand_in(sums_spec(1), "j", grant.token, Span(0, 1), Rest.RETURN))
    store.verbs.leave(A.id, "gone")
    assert store.verbs.reduce(A, "j") is None
    assert store.verbs.reduce(B, "j") is not None, "no attempt is lost and no lease runs"
