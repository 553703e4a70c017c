"""Two leases a session, in two lanes: the older is worked on, the younger is queued behind it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hydra.errors import KeyReused, NoSuchWorker
from hydra.model import End, Lease, LeaseId, Rest, Session, Span, Verdict, limits
from hydra.model.invariants import clashes, violations
from hydra.model.messages import Grant, Work
from hydra.ports import Store
from tests.stores import Wall, ask, cut, hand_in, session, sums_spec

SPEC = sums_spec(100)
A, B, C = session("a"), session("b"), session("c")


@pytest.fixture(autouse=True)
def jobs(store: Store) -> None:
    """Two jobs, three idle workers."""
    for job in ("j", "k"):
        store.verbs.submit(job, SPEC)
    for who in (A, B, C):
        store.verbs.enlist(who)


def claim(store: Store, who: Session, seq: int, units: int, job: str = "j", **wish: float) -> Grant:
    grant = store.verbs.claim(who, seq, job, ask(units, **wish))
    assert grant is not None
    return grant


def two(store: Store, who: Session = A, begins_in_s: float = 1.0) -> tuple[Grant, Grant]:
    """An older lease of ten units and a younger one behind it."""
    return claim(store, who, 1, 10), claim(store, who, 2, 10, begins_in_s=begins_in_s)


def ids(*grants: Grant) -> list[LeaseId]:
    return [LeaseId(grant.job, grant.token) for grant in grants]


def end(store: Store, who: Session, seq: int, grant: Grant, rest: Rest = Rest.RETURN) -> Verdict:
    """Hand in all of a lease."""
    said = hand_in(SPEC, grant.job, grant.token, grant.span, rest)
    return store.verbs.complete(who, seq, said).verdict


def lapse(store: Store, wall: Wall, seconds: float, *beating: tuple[Session, Grant]) -> None:
    """Let Hydra time pass; those who beat name one lease each."""
    until_ms = wall.ms + seconds * 1_000
    while wall.ms < until_ms:
        wall.ms += 1_000
        store.verbs.tick()
        for who, grant in beating:
            store.verbs.beat(who, ids(grant))


def straggler(store: Store, grant: Grant) -> Lease:
    _, leases = store.views.stragglers(grant.job, 10)
    return next(lease for lease in leases if lease.token == grant.token)


def free(store: Store, job: str = "j") -> list[tuple[Span, int]]:
    return [(r.span, r.losses) for r in store.vitals.dump(job).free]


def healthy(store: Store) -> None:
    dumps = [store.vitals.dump(job) for job in ("j", "k")]
    assert [found for dump in dumps for found in violations(dump)] == []
    assert clashes(dumps) == []


def stories(store: Store, verb: str, job: str = "j") -> Sequence[str]:
    return [entry.text for entry in store.views.story(job) if entry.verb == verb]


# Two lanes ---------------------------------------------------------------------------------------


def test_claims_and_hand_ins_count_up_each_by_itself(store: Store) -> None:
    first = claim(store, A, 7, 10)
    said = hand_in(SPEC, "j", first.token, Span(0, 5))
    receipt = store.verbs.complete(A, 1, said)
    assert receipt.verdict is Verdict.ACCEPTED
    second = claim(store, A, 8, 10)
    assert store.verbs.complete(A, 1, said) == receipt, "a claim came in between"
    store.verbs.complete(A, 2, hand_in(SPEC, "j", first.token, Span(5, 6)))
    again = store.verbs.claim(A, 8, "k", ask(99))
    assert again is not None
    assert again.token == second.token, "hand-ins came in between"
    assert store.verbs.claim(A, 7, "j", ask(1)) is None
    late = hand_in(SPEC, "j", first.token, Span(6, 7))
    assert store.verbs.complete(A, 1, said).verdict is Verdict.STALE
    with pytest.raises(KeyReused):
        store.verbs.complete(A, 2, late)
    assert store.views.look(A).granted == 8
    healthy(store)


def test_a_repeat_of_the_claim_of_the_last_units_gets_them_again(store: Store) -> None:
    """Its reply was lost: nothing was free then, so nothing was asked, and the lease ran out."""
    first = claim(store, A, 1, 100)
    assert store.views.look(A).granted == 1
    again = store.verbs.claim(A, 1, "", ask(0))
    assert again is not None
    assert again.token == first.token


# Two leases --------------------------------------------------------------------------------------


def test_a_session_holds_two_leases_over_all_jobs(store: Store) -> None:
    older, younger = claim(store, A, 1, 10), claim(store, A, 2, 10, "k")
    assert store.verbs.claim(A, 3, "j", ask(1)) is None
    assert store.verbs.claim(A, 3, "k", ask(1)) is None
    (worker,) = (each for each in store.views.workers() if each.id == "a")
    assert (worker.job, worker.doing) == ("j", "a takes units 0..10: because")
    healthy(store)
    assert end(store, A, 1, older) is Verdict.ACCEPTED
    (worker,) = (each for each in store.views.workers() if each.id == "a")
    assert worker.job == "k", "what it works on now"
    third = claim(store, A, 3, 10)
    assert [straggler(store, each).queued for each in (younger, third)] == [False, True]
    assert store.verbs.claim(A, 4, "j", ask(1)) is None
    healthy(store)


def test_the_younger_is_handed_in_though_the_older_is_gone(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    lapse(store, wall, 4, (A, younger))
    assert store.verbs.expire("j", older.token)
    assert end(store, A, 1, older) is Verdict.STALE
    assert end(store, A, 2, younger) is Verdict.ACCEPTED
    assert store.views.job("j").done_units == 10
    assert claim(store, A, 3, 10).span == Span(0, 10), "it holds nothing, so a lost range is right"
    healthy(store)


def test_the_younger_may_end_before_the_older(store: Store) -> None:
    older, younger = two(store)
    assert end(store, A, 1, younger) is Verdict.ACCEPTED
    third = claim(store, A, 3, 10)
    assert straggler(store, third).queued
    assert end(store, A, 2, older) is Verdict.ACCEPTED
    assert not straggler(store, third).queued
    healthy(store)


def test_leases_of_a_job_that_has_ended_do_not_count_once_their_holder_knows(store: Store) -> None:
    older, younger = two(store)
    store.verbs.cancel("j")
    assert store.verbs.claim(A, 3, "k", ask(1)) is None
    assert store.verbs.beat(A, ids(older, younger)).spans == {}
    first, second = claim(store, A, 3, 10, "k"), claim(store, A, 4, 10, "k")
    store.verbs.cancel("k")
    assert end(store, A, 1, second) is Verdict.CLOSED
    store.verbs.submit("l", SPEC)
    assert claim(store, A, 5, 1, "l")
    assert claim(store, A, 6, 1, "l")
    assert first.job == "k"


# The clock of a queued lease ---------------------------------------------------------------------


def test_a_queued_lease_counts_from_the_end_of_its_older_sibling(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    wall.ms += 1_000
    assert end(store, A, 1, older) is Verdict.ACCEPTED
    rate = store.views.look(A).jobs[0].pace.rate
    assert rate == pytest.approx(10.0)
    freed_ms = int(wall.ms)
    wall.ms += 1_000
    said = hand_in(SPEC, "j", younger.token, Span(10, 15))
    store.verbs.complete(A, 2, said, Work(10.0, 2.0))
    assert store.views.look(A).jobs[0].pace.rate == pytest.approx(rate), "10 in 1 s, not in 2"
    wall.ms += 500
    store.verbs.complete(A, 3, hand_in(SPEC, "j", younger.token, Span(15, 20)))
    times = [(c.lent_ms, c.ended_ms) for c in store.views.timeline("j")]
    assert times[1] == (freed_ms, freed_ms + 1_500)
    assert times[0] == (freed_ms - 1_000, freed_ms)


def test_one_that_is_given_back_before_it_began_lasted_since_then(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    wall.ms += 1_000
    end(store, A, 1, older)
    freed_ms = int(wall.ms)
    wall.ms += 250
    nothing = hand_in(SPEC, "j", younger.token, Span(10, 10), Rest.RETURN)
    store.verbs.complete(A, 2, nothing)
    last = store.views.timeline("j")[-1]
    assert (last.lent_ms, last.ended_ms, last.end) == (freed_ms, freed_ms + 250, End.RETURN)


def test_one_that_is_lent_after_the_older_one_ended_is_not_queued(store: Store, wall: Wall) -> None:
    older = claim(store, A, 1, 10)
    wall.ms += 1_000
    end(store, A, 1, older)
    wall.ms += 1_000
    lent_ms = int(wall.ms)
    second = claim(store, A, 2, 10, begins_in_s=50.0)
    found = straggler(store, second)
    assert (found.queued, found.at_ms) == (False, store.views.stragglers("j", 1)[0])
    wall.ms += 1_000
    end(store, A, 2, second)
    assert store.views.timeline("j")[-1].lent_ms == lent_ms


def test_until_it_begins_its_end_is_estimated_from_when_it_may_begin(
    store: Store, wall: Wall
) -> None:
    older, younger = two(store, begins_in_s=8.0)
    long = claim(store, B, 1, 10, tau_s=9.0)
    now_ms, leases = store.views.stragglers("j", 10)
    assert [lease.token for lease in leases] == [younger.token, long.token, older.token]
    assert [lease.at_ms - now_ms for lease in leases] == [8_000.0, 0.0, 0.0]
    wall.ms += 1_000
    store.verbs.beat(A, ids(older, younger))
    assert straggler(store, younger).at_ms == now_ms + 8_000.0, "a beat begins nothing"
    end(store, A, 1, older)
    found = straggler(store, younger)
    assert (found.queued, found.at_ms) == (False, now_ms + 1_000.0)


# Who is blamed -----------------------------------------------------------------------------------


def lose(store: Store, who: Session, claims: int, hand_ins: int, units: int) -> None:
    """Lose the first units once."""
    grant = claim(store, who, claims, units)
    said = hand_in(SPEC, "j", grant.token, Span(grant.span.start, grant.span.start), Rest.LOST)
    store.verbs.complete(who, hand_ins, said)


def test_a_range_that_was_lost_before_is_never_queued(store: Store) -> None:
    claim(store, A, 1, 10, "k")
    lose(store, B, 1, 1, 10)
    assert store.verbs.claim(A, 2, "j", ask(10)) is None
    tail = store.verbs.claim(A, 2, "j", ask(10, tail=True))
    assert tail is not None
    assert claim(store, C, 1, 10).span == Span(0, 10), "one that holds nothing takes it"
    healthy(store)


def test_nothing_is_queued_behind_a_range_that_was_lost_before(store: Store) -> None:
    lose(store, B, 1, 1, 10)
    lost = claim(store, A, 1, 10)
    assert lost.span == Span(0, 10)
    assert store.verbs.claim(A, 2, "k", ask(10)) is None
    store.verbs.complete(A, 1, hand_in(SPEC, "j", lost.token, Span(0, 5)))
    assert store.verbs.claim(A, 2, "k", ask(10)) is None, "it was lost when it was lent"
    store.verbs.complete(A, 2, hand_in(SPEC, "j", lost.token, Span(5, 10)))
    claim(store, A, 2, 10, "k")
    claim(store, A, 3, 10, "k")


@pytest.mark.parametrize("job", ["j", "k"])
def test_who_leaves_loses_the_older_and_gives_the_younger_back(store: Store, job: str) -> None:
    older = claim(store, A, 1, 10)
    younger = claim(store, A, 2, 10, job)
    assert store.verbs.leave(A.id, "it died") is True
    if job == "j":
        assert free(store) == [(Span(0, 10), 1), (Span(10, 100), 0)]
        assert [chunk.end for chunk in store.views.timeline("j")] == [End.LOST, End.RETURN]
    else:
        assert (free(store), free(store, "k")) == (
            [(Span(0, 10), 1), (Span(10, 100), 0)],
            [(Span(0, 100), 0)],
        )
    assert stories(store, "expire") == ["a lost units 0..10: it died"]
    start, stop = younger.span
    assert stories(store, "return", job) == [
        f"units {start}..{stop}, which a held but had not begun, are free again: it died"
    ]
    vtimes_s = {seen.job: seen.vtime_s for seen in store.views.look(B).jobs}
    assert vtimes_s["j"] == pytest.approx(0.0), "neither was done"
    assert older.span == Span(0, 10)
    healthy(store)


def test_who_leaves_with_one_that_was_the_younger_loses_it(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    lapse(store, wall, 3.5, (A, younger))
    assert store.verbs.expire("j", older.token)
    store.verbs.beat(A, ids(younger))
    assert store.verbs.leave(A.id, "it died") is True, "its holder has begun it"
    healthy(store)


def test_who_leaves_before_it_knows_that_its_older_one_is_gone_has_not_begun_the_younger(
    store: Store, wall: Wall
) -> None:
    older = claim(store, A, 1, 10)
    claim(store, A, 2, 10, "k", beat_s=5.0)
    lapse(store, wall, 4)
    assert store.verbs.expire("j", older.token)
    assert store.verbs.leave(A.id, "it died") is False
    assert free(store, "k") == [(Span(0, 100), 0)]
    healthy(store)


def test_the_younger_expires_unharmed_and_the_older_is_lost(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    lapse(store, wall, 4)
    assert set(store.views.overdue(10)) == set(ids(older, younger))
    for grant in (older, younger):  # the second had not begun, though the first is gone
        assert store.verbs.expire("j", grant.token) is True
    assert free(store) == [(Span(0, 10), 1), (Span(10, 100), 0)]
    assert [chunk.end for chunk in store.views.timeline("j")] == [End.EXPIRE, End.EXPIRE]
    assert stories(store, "return") == [
        "units 10..20, which a held but had not begun, are free again: "
        "no heartbeat before the deadline"
    ]
    healthy(store)


def test_what_has_become_the_older_is_lost_when_it_expires(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    end(store, A, 1, older)
    lapse(store, wall, 4)
    assert store.verbs.expire("j", younger.token) is True
    assert free(store) == [(Span(10, 20), 1), (Span(20, 100), 0)]
    healthy(store)


# Taking from others ------------------------------------------------------------------------------


def test_only_who_holds_nothing_takes(store: Store) -> None:
    victim = claim(store, A, 1, 50)
    claim(store, B, 1, 10)
    assert store.verbs.claim(B, 2, "j", ask(10), cut("a", victim.token, 25)) is None
    assert store.verbs.claim(C, 1, "j", ask(10), cut("a", victim.token, 25)) is not None
    healthy(store)


@pytest.mark.parametrize("at", [15, 20])
def test_a_queued_lease_is_taken_whole_or_not_at_all(store: Store, at: int) -> None:
    _, younger = two(store)
    assert store.verbs.claim(B, 1, "j", ask(10), cut("a", younger.token, at, queued=True)) is None
    taken = store.verbs.claim(B, 1, "j", ask(10), cut("a", younger.token, 10, queued=True))
    assert taken is not None
    assert taken.span == Span(10, 20)
    found = straggler(store, taken)
    assert (found.losses, found.queued) == (0, False)
    assert [chunk.end for chunk in store.views.timeline("j")] == [End.CUT]
    assert stories(store, "split") == ["a gives up units 10..20: it is slow"]
    healthy(store)
    third = claim(store, A, 3, 10)
    assert straggler(store, third).queued, "the place is free again"
    assert claim(store, B, 2, 10), "nothing was lost, so one may be queued behind it"
    assert end(store, A, 1, younger) is Verdict.STALE
    healthy(store)


def test_a_cut_that_believes_what_is_no_longer_so_takes_nothing(store: Store) -> None:
    older, younger = two(store)
    for token, at, queued in [
        (older.token, 5, True),
        (older.token, 0, True),
        (younger.token, 10, False),
        (younger.token, 15, False),
    ]:
        asked = cut("a", token, at, queued=queued)
        assert store.verbs.claim(B, 1, "j", ask(10), asked) is None
    end(store, A, 1, older)
    late = cut("a", younger.token, 10, queued=True)
    assert store.verbs.claim(B, 1, "j", ask(10), late) is None, "it has begun meanwhile"
    begun = cut("a", younger.token, 10)
    taken = store.verbs.claim(B, 1, "j", ask(10), begun)
    assert taken is not None
    assert straggler(store, taken).losses == 1, "then it counts as a loss"
    healthy(store)


def test_a_lease_is_taken_from_who_holds_it_alone(store: Store) -> None:
    older, younger = two(store)
    for holder in "bc":
        for grant, queued in ((older, False), (younger, True)):
            asked = cut(holder, grant.token, grant.span.start, queued=queued)
            assert store.verbs.claim(C, 1, "j", ask(10), asked) is None
    healthy(store)


# Hand-ins ----------------------------------------------------------------------------------------


def test_who_is_behind_is_told_where_to_go_on(store: Store) -> None:
    """A part sent in place of one that was silent, and was counted all the same."""
    grant = claim(store, A, 1, 30)
    store.verbs.complete(A, 1, hand_in(SPEC, "j", grant.token, Span(0, 20)))
    before = store.vitals.dump("j")
    for seq, stop in enumerate((20, 25, 10, 30), 2):
        behind = hand_in(SPEC, "j", grant.token, Span(0, stop), Rest.RETURN)
        receipt = store.verbs.complete(A, seq, behind)
        assert (receipt.verdict, receipt.start, receipt.stop) == (Verdict.COUNTED, 20, 30)
        assert receipt.pace.unassigned_units == 70
    assert store.vitals.dump("j") == before
    lent = store.views.lent(A, "j", grant.token)
    assert lent is not None
    assert lent.span == Span(20, 30)
    ahead = hand_in(SPEC, "j", grant.token, Span(21, 30))
    assert store.verbs.complete(A, 6, ahead).verdict is Verdict.STALE
    rest = hand_in(SPEC, "j", grant.token, Span(20, 30))
    assert store.verbs.complete(A, 7, rest).verdict is Verdict.ACCEPTED
    assert store.verbs.complete(A, 8, rest).verdict is Verdict.STALE, "its lease has ended"
    healthy(store)


def test_nobody_is_told_of_the_lease_of_another(store: Store) -> None:
    grant = claim(store, A, 1, 30)
    store.verbs.complete(A, 1, hand_in(SPEC, "j", grant.token, Span(0, 20)))
    stolen = hand_in(SPEC, "j", grant.token, Span(0, 20))
    assert store.verbs.complete(B, 1, stolen).verdict is Verdict.STALE


# Beats -------------------------------------------------------------------------------------------


def test_a_beat_renews_what_it_names_and_says_what_is_left(store: Store, wall: Wall) -> None:
    older, younger = two(store)
    for _ in range(4):
        wall.ms += 1_000
        standing = store.verbs.beat(A, ids(older))
        assert standing.spans == {older.token: older.span}
    assert store.views.overdue(10) == ids(younger)
    assert store.verbs.expire("j", older.token) is False
    standing = store.verbs.beat(A, ids(older, younger))
    assert standing.spans == {older.token: older.span, younger.token: younger.span}
    assert store.verbs.expire("j", younger.token) is False, "late, but nobody had ended it"
    lapse(store, wall, 4, (A, older))
    assert store.verbs.expire("j", younger.token) is True
    assert store.verbs.beat(A, ids(older, younger)).spans == {older.token: older.span}
    assert store.verbs.beat(A, ids(younger)).spans == {}
    healthy(store)


def test_each_lease_is_renewed_for_its_own_beat(store: Store, wall: Wall) -> None:
    older = claim(store, A, 1, 10, beat_s=1.0)
    younger = claim(store, A, 2, 10, "k", beat_s=5.0)
    now_ms, _ = store.views.stragglers("j", 1)
    store.verbs.beat(A, ids(older, younger))
    assert straggler(store, older).deadline_ms == now_ms + 3_000
    assert straggler(store, younger).deadline_ms == now_ms + 15_000


def test_a_beat_tells_of_a_cut(store: Store) -> None:
    older, younger = two(store)
    assert store.verbs.claim(B, 1, "j", ask(9), cut("a", older.token, 4))
    queued = cut("a", younger.token, 10, queued=True)
    assert store.verbs.claim(C, 1, "j", ask(9), queued)
    assert store.verbs.beat(A, ids(older, younger)).spans == {older.token: Span(0, 4)}


def test_nobody_renews_the_lease_of_another(store: Store, wall: Wall) -> None:
    grant = claim(store, A, 1, 10)
    deadline_ms = straggler(store, grant).deadline_ms
    wall.ms += 1_000
    assert store.verbs.beat(B, ids(grant)).spans == {}
    assert straggler(store, grant).deadline_ms == deadline_ms
    assert store.verbs.beat(A, [LeaseId("k", grant.token)]).spans == {}, "of another job"
    assert store.verbs.beat(A, ids(grant)).spans == {grant.token: grant.span}


def test_a_beat_shows_that_its_worker_lives(store: Store, wall: Wall) -> None:
    wall.ms += limits.LIVE_MS + 1
    assert store.verbs.tick().live_workers == 0
    assert store.verbs.beat(A, []).live_workers == 0, "as the reaper last counted"
    assert store.verbs.tick().live_workers == 1
    assert store.verbs.beat(A, []).live_workers == 1


def test_a_beat_needs_a_session(store: Store) -> None:
    with pytest.raises(NoSuchWorker):
        store.verbs.beat(session("nobody"), [])
    store.verbs.leave(A.id, "gone")
    with pytest.raises(NoSuchWorker):
        store.verbs.beat(A, [])


# Turns -------------------------------------------------------------------------------------------


def test_a_job_that_waits_is_told_to_who_works_on_another(store: Store, wall: Wall) -> None:
    served = claim(store, B, 1, 1, "k", tau_s=0.1)
    older = claim(store, A, 1, 10)
    assert store.verbs.beat(A, ids(older)).turn == "", "it was served just now"
    lapse(store, wall, limits.TURN_MS / 1_000 + 1, (A, older), (B, served))
    assert store.verbs.beat(B, ids(served)).turn == "", "its own job has had less"
    assert store.verbs.beat(C, []).turn == "", "it works on nothing"
    standing = store.verbs.beat(A, ids(older))
    assert (standing.turn, standing.gives_way) == ("k", False)


def test_a_new_job_waits_though_it_began_where_others_are(store: Store) -> None:
    claim(store, B, 1, 10, "k")
    older = claim(store, A, 1, 10)
    store.verbs.submit("new", SPEC)
    assert store.verbs.beat(A, ids(older)).turn == "new"


def test_a_job_that_the_session_cannot_serve_is_not_told(store: Store) -> None:
    older = store.verbs.claim(A, 1, "j", ask(10), None, ["k"])
    assert older is not None
    assert store.verbs.beat(A, ids(older)).turn == ""
    assert store.verbs.claim(A, 2, "j", ask(1), None, [], True), "its list stays"
    assert store.verbs.beat(A, ids(older)).turn == ""


def test_one_alone_gives_way_and_not_again_for_a_while(store: Store, wall: Wall) -> None:
    older, other = claim(store, A, 1, 10), claim(store, B, 1, 10)
    assert store.verbs.turn("k") is True
    assert store.verbs.turn("k") is False
    assert store.verbs.beat(B, ids(other)).turn == ""
    lapse(store, wall, limits.TURN_MS / 1_000 + 1, (A, older), (B, other))
    assert store.verbs.beat(B, ids(other)).turn == "k"
    assert store.verbs.turn("k") is True


def test_nobody_gives_way_to_a_job_that_has_nothing_to_lend(store: Store, wall: Wall) -> None:
    """And it hides no other one that waits behind it."""
    whole = claim(store, B, 1, 100, "k", tau_s=0.1)
    older = claim(store, A, 1, 10)
    store.verbs.submit("z", SPEC)
    assert claim(store, B, 2, 10, "z")  # so its turn is after that of k
    lapse(store, wall, limits.TURN_MS / 1_000 + 1, (A, older), (B, whole))
    assert store.verbs.beat(A, ids(older)).turn == "k"
    assert store.verbs.turn("k") is False
    assert store.verbs.beat(A, ids(older)).turn == "z"
    store.verbs.cancel("z")
    assert store.verbs.turn("z") is False
    assert store.verbs.turn("nothing") is False


# In turn -----------------------------------------------------------------------------------------


def test_more_of_a_job_is_lent_until_another_has_waited_longer(store: Store) -> None:
    def lent_in_turn(seq: int) -> bool:
        grant = store.verbs.claim(A, seq, "j", ask(5), in_turn=True)
        if grant:
            end(store, A, seq, grant)
        return grant is not None

    assert [lent_in_turn(seq) for seq in (1, 2, 3)] == [True, True, False]
    other = store.verbs.claim(A, 4, "j", ask(5), None, ["k"])
    assert other is not None
    end(store, A, 4, other)
    assert all(lent_in_turn(seq) for seq in (5, 6, 7, 8)), "it cannot serve the other"
    healthy(store)
