"""Attempts at a reduction: who holds it, how it is lost, given back and renewed, on every store."""

from __future__ import annotations

import pytest

from hydra.errors import NoSuchJob
from hydra.model import JobState, Rest, Session, Span, Verdict, limits
from hydra.ports import Store
from tests.stores import Wall, ask, hand_in, session, sums_spec, upload

ONE = sums_spec(1)
A, B = session("a"), session("b")


@pytest.fixture(autouse=True)
def _all_units_are_in(store: Store) -> None:
    bring_in(store)


def bring_in(store: Store) -> None:
    """A job whose only unit is in."""
    store.verbs.submit("j", ONE)
    for who in (A, B):
        store.verbs.enlist(who)
    grant = store.verbs.claim(A, 1, "j", ask(1))
    assert grant is not None
    store.verbs.complete(A, 2, hand_in(ONE, "j", grant.token, Span(0, 1), Rest.RETURN))


def take(store: Store, who: Session) -> str:
    """Its token."""
    held = store.verbs.reduce(who, "j")
    assert held is not None
    return held.token


def pass_ms(store: Store, wall: Wall, ms: int) -> None:
    """Let Hydra time pass."""
    for _ in range(ms // 1_000):
        wall.ms += 1_000
        store.verbs.tick()


def told(store: Store) -> list[str]:
    """What the story says of the reduction."""
    return [e.text for e in store.views.story("j") if e.verb in ("reduce", "failed")][1:]


def test_each_attempt_has_a_fresh_token(store: Store, wall: Wall) -> None:
    """It was the session's id: a late `finish` of its first attempt could end its second."""
    first = take(store, A)
    assert take(store, A) == first, "a repeat"
    assert store.verbs.reduce(B, "j") is None
    pass_ms(store, wall, limits.REDUCE_LEASE_MS)
    second = take(store, A)
    assert second != first
    assert store.verbs.finish("j", first, {"x": 0}) is Verdict.STALE
    assert store.verbs.finish("j", second, {"x": 1}) is Verdict.ACCEPTED
    assert told(store) == [
        "a makes the answer, attempt 1 of 3",
        "a made no answer: no heartbeat before the deadline",
        "a makes the answer, attempt 2 of 3",
    ]


def test_a_reduction_that_is_renewed_lasts(store: Store, wall: Wall) -> None:
    token = take(store, A)
    for _ in range(10):
        pass_ms(store, wall, limits.REDUCE_LEASE_MS - 1_000)
        assert store.verbs.renew("j", token)
        assert store.views.look(B).reducible == []
        assert store.verbs.reduce(B, "j") is None
    assert store.views.live_workers() == 1, "its worker counts as live, and b is silent"
    assert store.verbs.finish("j", token, {"x": 1}) is Verdict.ACCEPTED
    assert not store.verbs.renew("j", token)


def test_a_repeat_renews_it(store: Store, wall: Wall) -> None:
    token = take(store, A)
    pass_ms(store, wall, limits.REDUCE_LEASE_MS - 1_000)
    assert take(store, A) == token
    pass_ms(store, wall, limits.REDUCE_LEASE_MS - 1_000)
    assert store.verbs.reduce(B, "j") is None


def test_what_ran_out_and_nobody_took_is_still_the_holders(store: Store, wall: Wall) -> None:
    token = take(store, A)
    pass_ms(store, wall, 2 * limits.REDUCE_LEASE_MS)
    assert store.verbs.renew("j", token)
    assert store.verbs.reduce(B, "j") is None
    pass_ms(store, wall, 2 * limits.REDUCE_LEASE_MS)
    assert store.verbs.finish("j", token, {"x": 1}) is Verdict.ACCEPTED
    assert told(store) == ["a makes the answer, attempt 1 of 3"], "no attempt was lost"


def test_what_another_holds_is_not_renewed(store: Store, wall: Wall) -> None:
    first = take(store, A)
    pass_ms(store, wall, limits.REDUCE_LEASE_MS)
    second = take(store, B)
    assert not store.verbs.renew("j", first)
    assert not store.verbs.release("j", first, "late")
    assert not store.verbs.upload("j", first, "f", 0, [b"late"])
    assert store.verbs.fail("j", first, "late") is Verdict.STALE
    assert store.verbs.renew("j", second)
    assert store.views.job("j").state is JobState.REDUCING


@pytest.mark.parametrize("how", ["it runs out", "its session leaves"])
def test_a_reduction_is_lost_a_few_times(store: Store, wall: Wall, how: str) -> None:
    for life in range(limits.REDUCE_ATTEMPTS_MAX):
        who = Session(f"s-{life}", "w", "host", 1)
        store.verbs.enlist(who)
        take(store, who)
        assert store.views.job("j").state is JobState.REDUCING, "the last attempt is one, too"
        if how == "it runs out":
            pass_ms(store, wall, limits.REDUCE_LEASE_MS)
        else:
            store.verbs.leave(who.id, "killed")
        assert store.views.look(B).reducible == ["j"]
    assert store.verbs.reduce(B, "j") is None
    job = store.views.job("j")
    assert (job.state, job.reason) == (JobState.FAILED, "the reduction was lost 3 times")
    why = "killed" if how == "its session leaves" else "no heartbeat before the deadline"
    assert told(store).count(f"w made no answer: {why}") == limits.REDUCE_ATTEMPTS_MAX


def test_what_is_given_back_is_no_lost_attempt(store: Store) -> None:
    for time in range(1, limits.REDUCE_RETURNS_MAX + 1):
        assert store.views.job("j").state is JobState.REDUCING
        token = take(store, A if time % 2 else B)
        assert told(store)[-1].endswith(" makes the answer, attempt 1 of 3")
        assert store.verbs.release("j", token, "MemoryError")
        assert not store.verbs.release("j", token, "MemoryError"), "it is nobody's"
    job = store.views.job("j")
    assert (job.state, job.reason) == (
        JobState.FAILED,
        "the reduction was given back 20 times: MemoryError",
    )


def test_a_session_that_leaves_after_giving_back_has_lost_nothing(store: Store) -> None:
    assert store.verbs.release("j", take(store, A), "MemoryError")
    store.verbs.leave(A.id, "its process ended")
    take(store, B)
    assert told(store) == [
        "a makes the answer, attempt 1 of 3",
        "a made no answer: MemoryError",
        "b makes the answer, attempt 1 of 3",
    ]


def test_a_file_is_made_of_the_parts_of_one_attempt(store: Store, wall: Wall) -> None:
    first = take(store, A)
    assert upload(store, "j", first, "f", b"one" * limits.FILE_PART_BYTES) == 3
    pass_ms(store, wall, limits.REDUCE_LEASE_MS)
    second = take(store, B)
    assert store.verbs.finish("j", second, {}, {"f": 2}) is Verdict.STALE, "they are not there"
    content = b"other" * limits.FILE_PART_BYTES
    parts = [content[: limits.FILE_PART_BYTES], content[limits.FILE_PART_BYTES :]]
    assert store.verbs.upload("j", second, "f", 1, parts[1:])
    assert store.verbs.upload("j", second, "f", 0, parts)
    assert store.verbs.finish("j", second, {}, {"f": 2}) is Verdict.ACCEPTED
    assert store.views.file("j", "f") == content
    assert not store.verbs.upload("j", second, "f", 0, [b"late"])
    assert store.views.file("j", "f") == content


def test_the_spec_of_a_job_is_known_by_itself(store: Store) -> None:
    assert store.views.spec("j") == ONE
    with pytest.raises(NoSuchJob):
        store.views.spec("nothing")
