"""The protocol, verb by verb: what each call answers and what it changes."""

from __future__ import annotations

import dataclasses
import math

import pytest

from hydra.errors import BadSpan, KeyReused, NoSuchFile, NoSuchJob, NoSuchWorker, NotFinished
from hydra.model import End, JobState, Rest, Session, Span, Verdict, limits
from hydra.model.invariants import violations
from hydra.model.messages import Grant, HandIn, Work
from hydra.ports import Store
from tests.stores import (
    Wall,
    ask,
    cut,
    hand_in,
    partial_of,
    pieces_spec,
    session,
    sums_spec,
    upload,
)

SPEC = sums_spec(100)


def open_job(store: Store, spec=SPEC, job: str = "j1") -> str:
    return store.verbs.submit(job, spec).id


def take(
    store: Store, who: Session, units: int, job: str = "j1", seq: int = 1, **wish: float
) -> Grant:
    store.verbs.enlist(who)
    grant = store.verbs.claim(who, seq, job, ask(units, **wish))
    assert grant is not None
    return grant


def healthy(store: Store, job: str = "j1") -> None:
    assert violations(store.vitals.dump(job)) == []


def test_a_job_is_one_free_range(store: Store) -> None:
    job = store.views.job(open_job(store))
    assert (job.state, job.spec, job.done_units) == (JobState.RUNNING, SPEC, 0)
    assert [r.span for r in store.vitals.dump("j1").free] == [Span(0, 100)]
    assert [e.verb for e in store.views.story("j1")] == ["submit"]
    healthy(store)


def test_the_same_key_opens_one_job(store: Store) -> None:
    first = store.verbs.submit("j1", SPEC, "key")
    assert store.verbs.submit("j2", SPEC, "key").id == first.id
    with pytest.raises(KeyReused):
        store.verbs.submit("j3", sums_spec(7), "key")
    assert [job.id for job in store.views.jobs(10)] == ["j1"]


def test_jobs_come_newest_first_in_pages(store: Store, wall: Wall) -> None:
    for n in range(5):
        wall.ms += 1
        open_job(store, job=f"j{n}")
    assert [j.id for j in store.views.jobs(2)] == ["j4", "j3"]
    assert [j.id for j in store.views.jobs(2, before="j3")] == ["j2", "j1"]
    assert list(store.views.jobs(2, before="gone")) == []


def test_claim_takes_from_the_front(store: Store) -> None:
    open_job(store)
    a, b = take(store, session("a"), 30), take(store, session("b"), 100)
    assert (a.span, b.span) == (Span(0, 30), Span(30, 100))
    assert (a.spec, a.pace.unassigned_units, b.pace.unassigned_units) == (SPEC, 70, 0)
    store.verbs.enlist(session("c"))
    assert store.verbs.claim(session("c"), 1, "j1", ask(5)) is None
    healthy(store)


def test_claim_takes_from_the_tail_if_asked(store: Store) -> None:
    open_job(store)
    store.verbs.enlist(session("a"))
    store.verbs.enlist(session("b"))
    a = store.verbs.claim(session("a"), 1, "j1", ask(30, tail=True))
    b = take(store, session("b"), 20)
    assert a is not None
    assert (a.span, b.span) == (Span(70, 100), Span(0, 20))
    assert (a.pace.free_within, b.pace.free_within) == (Span(0, 70), Span(20, 70))
    said = hand_in(SPEC, "j1", a.token, Span(70, 80), Rest.RETURN)
    receipt = store.verbs.complete(session("a"), 2, said)
    assert receipt.pace.free_within == Span(20, 100)
    again = store.verbs.claim(session("a"), 2, "j1", ask(99, tail=True))
    assert again is not None
    assert again.span == Span(80, 100)
    assert again.pace.free_within == Span(20, 70)
    assert store.views.look(session("c")).jobs[0].pace.free_within == Span(20, 70)
    healthy(store)


def test_a_lost_range_is_claimed_in_halves_from_the_tail_too(store: Store, wall: Wall) -> None:
    open_job(store)
    for name in "xy":
        lost = take(store, session(name), 100)
        for _ in range(4):
            wall.ms += 1_500
            store.verbs.tick()
        assert store.verbs.expire("j1", lost.token)
    store.verbs.enlist(session("b"))
    grant = store.verbs.claim(session("b"), 1, "j1", ask(100, tail=True))
    assert grant is not None
    assert grant.span == Span(50, 100)
    healthy(store)


def test_work_says_what_rates_and_ends_are_measured_by(store: Store, wall: Wall) -> None:
    open_job(store)
    grant = take(store, session("a"), 40)
    wall.ms += 1_000
    said = hand_in(SPEC, "j1", grant.token, Span(0, 20))
    store.verbs.complete(session("a"), 2, said, work=Work(done=5_000.0, rest_unit_cost=100.0))
    assert store.views.look(session("a")).jobs[0].pace.rate == pytest.approx(5_000.0)
    assert store.vitals.dump("j1").leases[0].rate_units_s == pytest.approx(50.0)
    store.verbs.enlist(session("b", "host-a"))
    before = store.views.look(session("b")).jobs[0].vtime_s
    assert store.verbs.claim(session("b", "host-a"), 1, "j1", ask(10, unit_cost=250.0))
    (lease,) = (lease for lease in store.vitals.dump("j1").leases if lease.worker == "b")
    assert lease.rate_units_s == pytest.approx(20.0)
    assert store.views.look(session("b")).jobs[0].vtime_s - before == pytest.approx(0.5)


def test_a_repeated_claim_is_the_same_lease(store: Store) -> None:
    open_job(store)
    first = take(store, session("a"), 30)
    again = store.verbs.claim(session("a"), 1, "j1", ask(99))
    assert again is not None
    assert (again.token, again.span) == (first.token, first.span)
    assert store.views.job("j1").unassigned_units == 70


def test_claim_needs_a_session(store: Store) -> None:
    open_job(store)
    with pytest.raises(NoSuchWorker):
        store.verbs.claim(session("nobody"), 1, "j1", ask(5))


def test_a_beat_counts_a_prefix_and_goes_on(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    said = hand_in(SPEC, "j1", grant.token, Span(0, 10))
    receipt = store.verbs.complete(session("a"), 2, said)
    assert (receipt.verdict, receipt.stop) == (Verdict.ACCEPTED, 30)
    job = store.views.job("j1")
    assert (job.done_units, job.sums) == (10, partial_of(SPEC, Span(0, 10)))
    assert store.vitals.dump("j1").leases[0].span == Span(10, 30)
    healthy(store)


def test_a_repeated_hand_in_counts_once(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    said = hand_in(SPEC, "j1", grant.token, Span(0, 10))
    first = store.verbs.complete(session("a"), 2, said)
    assert store.verbs.complete(session("a"), 2, said) == first
    forged = dataclasses.replace(said, partial={"value": 1})
    with pytest.raises(KeyReused):
        store.verbs.complete(session("a"), 2, forged)
    behind = store.verbs.complete(session("a"), 3, said)
    assert (behind.verdict, behind.start, behind.stop) == (Verdict.COUNTED, 10, 30)
    assert store.views.job("j1").done_units == 10
    healthy(store)


def test_a_late_call_is_stale(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    beat = hand_in(SPEC, "j1", grant.token, Span(0, 0))
    store.verbs.complete(session("a"), 5, beat)
    late = hand_in(SPEC, "j1", grant.token, Span(0, 10))
    assert store.verbs.complete(session("a"), 4, late).verdict is Verdict.STALE
    assert store.views.job("j1").done_units == 0
    receipt = store.verbs.complete(session("a"), 6, late)
    assert receipt.verdict is Verdict.ACCEPTED, "the lease is still held"


@pytest.mark.parametrize(
    ("span", "partial", "sentence"),
    [
        (Span(0, 10), {"value": 10_001}, "value must be from 0 to 10000 for 10 units"),
        (Span(0, 10), {"value": -1}, "value must be from 0 to 10000 for 10 units"),
        (Span(0, 10), {"value": 2**63}, "value must be from"),
        (Span(0, 10), {}, "value must be from"),
        (Span(0, 10), {"value": 5, "extra": 5}, "the sums must be the kernel's"),
        (Span(0, 0), {"value": 0}, "the sums must be the kernel's"),
        (Span(0, 101), {"value": 5}, "the span must be inside 0..100"),
        (Span(0, -1), {}, "the span must be inside 0..100"),
    ],
)
def test_what_cannot_be_is_refused(store: Store, span: Span, partial: dict, sentence: str) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    before = store.vitals.dump("j1")
    with pytest.raises(BadSpan, match=sentence):
        store.verbs.complete(
            session("a"),
            2,
            HandIn(job="j1", token=grant.token, span=span, partial=partial, rest=Rest.KEEP),
        )
    assert store.vitals.dump("j1") == before
    good = hand_in(SPEC, "j1", grant.token, Span(0, 10))
    assert store.verbs.complete(session("a"), 2, good).verdict is Verdict.ACCEPTED


def test_only_the_holder_may_hand_in(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    store.verbs.enlist(session("b"))
    stolen = hand_in(SPEC, "j1", grant.token, Span(0, 30))
    assert store.verbs.complete(session("b"), 1, stolen).verdict is Verdict.STALE
    unknown = hand_in(SPEC, "j1", "no-such-token", Span(0, 30))
    assert store.verbs.complete(session("a"), 2, unknown).verdict is Verdict.STALE
    never_leased = hand_in(SPEC, "j1", grant.token, Span(40, 50))
    assert store.verbs.complete(session("a"), 3, never_leased).verdict is Verdict.STALE
    assert store.views.job("j1").done_units == 0
    healthy(store)


def test_the_rest_can_be_given_back(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    said = hand_in(SPEC, "j1", grant.token, Span(0, 10), Rest.RETURN)
    store.verbs.complete(session("a"), 2, said)
    assert [(r.span, r.losses) for r in store.vitals.dump("j1").free] == [(Span(10, 100), 0)]
    assert store.views.story("j1")[-1].verb == "return"
    healthy(store)


def test_the_last_unit_reduces_and_finishes(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 100)
    said = hand_in(SPEC, "j1", grant.token, Span(0, 100), Rest.RETURN)
    assert store.verbs.complete(session("a"), 2, said).last
    assert store.views.job("j1").state is JobState.REDUCING
    healthy(store)
    with pytest.raises(NotFinished):
        store.views.answer("j1")
    assert store.views.look(session("a")).reducible == ["j1"]
    reduction = store.verbs.reduce(session("a"), "j1")
    assert reduction is not None
    assert reduction.sums == partial_of(SPEC, Span(0, 100))
    assert store.verbs.reduce(session("b"), "j1") is None, "somebody holds it"
    assert store.verbs.finish("j1", "another", {"x": 0}) is Verdict.STALE
    assert store.verbs.finish("j1", reduction.token, {"x": 1}) is Verdict.ACCEPTED
    assert store.verbs.finish("j1", reduction.token, {"x": 2}) is Verdict.CLOSED
    assert store.views.answer("j1") == {"x": 1}
    assert store.views.job("j1").state is JobState.DONE
    healthy(store)


def test_a_reduction_that_cannot_succeed_fails_the_job(store: Store) -> None:
    spec = sums_spec(1)
    open_job(store, spec)
    grant = take(store, session("a"), 1)
    store.verbs.complete(session("a"), 2, hand_in(spec, "j1", grant.token, Span(0, 1), Rest.RETURN))
    reduction = store.verbs.reduce(session("a"), "j1")
    assert reduction is not None
    assert store.verbs.fail("j1", reduction.token, "finish raised") is Verdict.ACCEPTED
    assert (store.views.job("j1").state, store.views.job("j1").reason) == (
        JobState.FAILED,
        "finish raised",
    )


def test_pieces_are_kept_until_the_end(store: Store) -> None:
    spec = pieces_spec(5)
    open_job(store, spec)
    grant = take(store, session("a"), 5)
    store.verbs.complete(session("a"), 2, hand_in(spec, "j1", grant.token, Span(0, 2)))
    healthy(store)
    rest = hand_in(spec, "j1", grant.token, Span(2, 5), Rest.RETURN)
    fat = dataclasses.replace(rest, partial={**rest.partial, 4: b"x" * 33})
    with pytest.raises(BadSpan, match="at most 32 bytes"):
        store.verbs.complete(session("a"), 3, fat)
    few = dataclasses.replace(rest, partial={2: b"x"})
    with pytest.raises(BadSpan, match=r"one piece for each unit of 2\.\.5"):
        store.verbs.complete(session("a"), 3, few)
    store.verbs.complete(session("a"), 3, rest)
    reduction = store.verbs.reduce(session("a"), "j1")
    assert reduction is not None
    assert (reduction.sums, store.views.pieces("j1", range(5))) == (
        {},
        partial_of(spec, Span(0, 5)),
    )
    store.verbs.finish("j1", reduction.token, {})
    assert store.vitals.dump("j1").pieces == frozenset()
    healthy(store)


def test_an_answer_may_have_files(store: Store) -> None:
    spec = sums_spec(1)
    open_job(store, spec)
    grant = take(store, session("a"), 1)
    store.verbs.complete(session("a"), 2, hand_in(spec, "j1", grant.token, Span(0, 1), Rest.RETURN))
    reduction = store.verbs.reduce(session("a"), "j1")
    assert reduction is not None
    large = bytes(range(256)) * (limits.FILE_PART_BYTES // 4)
    files = {"image.png": b"\x89PNG\0\xff", "large.bin": large, "empty": b""}
    parts = {name: upload(store, "j1", reduction.token, name, data) for name, data in files.items()}
    assert parts == {"image.png": 1, "large.bin": 64, "empty": 1}
    assert store.verbs.finish("j1", reduction.token, {"x": 1}, parts) is Verdict.ACCEPTED
    assert store.views.answer("j1") == {"x": 1}
    assert {name: store.views.file("j1", name) for name in files} == files
    with pytest.raises(NoSuchFile):
        store.views.file("j1", f"{reduction.token}/image.png/0")
    with pytest.raises(NoSuchFile, match="no file"):
        store.views.file("j1", "other")
    with pytest.raises(NoSuchJob):
        store.views.file("nothing", "image.png")


def test_pieces_are_seen_as_they_come(store: Store) -> None:
    spec = pieces_spec(6)
    open_job(store, spec)
    a, b = take(store, session("a"), 3), take(store, session("b"), 3)
    store.verbs.complete(session("b"), 2, hand_in(spec, "j1", b.token, Span(3, 5)))
    store.verbs.complete(session("a"), 2, hand_in(spec, "j1", a.token, Span(0, 1)))
    found = store.views.arrivals("j1", "", 10)
    assert (found.units, found.start) == ([3, 4, 0], 0)
    assert store.views.arrivals("j1", "1", 1).units == [4]
    assert store.views.arrivals("j1", found.cursor(2), 10).units == [0]
    assert store.views.arrivals("j1", f"{ANOTHER_RUN}.2", 10).units == [3, 4, 0]
    assert store.views.pieces("j1", [0, 1, 4]) == partial_of(spec, Span(0, 1)) | partial_of(
        spec, Span(4, 5)
    )
    store.verbs.cancel("j1")
    assert store.views.arrivals("j1", "", 10).units == []


ANOTHER_RUN = "feedbeef"


def test_a_reader_goes_on_behind_its_cursor_and_starts_again_in_another_run(store: Store) -> None:
    open_job(store, sums_spec(9))
    for seq in (1, 3, 5):
        grant = take(store, session("a"), 3, seq=seq)
        said = hand_in(sums_spec(9), "j1", grant.token, grant.span, Rest.RETURN)
        store.verbs.complete(session("a"), seq + 1, said)
    for read in (store.views.story, store.views.timeline):
        every = list(read("j1"))
        assert len(every) >= 3
        run, _, position = every[0].id.rpartition(".")
        assert list(read("j1", every[0].id)) == every[1:]
        assert list(read("j1", position)) == every[1:], "as versions before wrote it"
        assert list(read("j1", f"{ANOTHER_RUN}.{position}")) == every
        assert len(run) == len(ANOTHER_RUN)


def test_sums_leave_a_history(store: Store, wall: Wall) -> None:
    spec = sums_spec(1_000)
    open_job(store, spec)
    grant = take(store, session("a"), 1_000)
    for start in range(1_000):
        wall.ms += 1
        said = hand_in(spec, "j1", grant.token, Span(start, start + 1))
        store.verbs.complete(session("a"), start + 2, said)
    history = store.views.history("j1")
    assert 250 <= len(history) <= limits.HISTORY_PLACES + 1
    assert [s.done_units for s in history] == sorted(s.done_units for s in history)
    last = history[-1]
    assert (last.done_units, last.sums) == (1_000, partial_of(spec, Span(0, 1_000)))
    assert last.at_ms == int(wall.ms)


def test_expire_gives_the_rest_back_as_lost(store: Store, wall: Wall) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    store.verbs.complete(session("a"), 2, hand_in(SPEC, "j1", grant.token, Span(0, 10)))
    assert store.verbs.expire("j1", grant.token) is False, "not late yet"
    assert store.views.due_s() == pytest.approx(3)
    for _ in range(3):
        wall.ms += 1_000
        store.verbs.tick()
    assert list(store.views.overdue(10)) == [("j1", grant.token)]
    assert store.views.due_s() <= 0
    assert store.verbs.expire("j1", grant.token) is True
    assert store.verbs.expire("j1", grant.token) is False
    assert store.views.due_s() == math.inf
    first = store.vitals.dump("j1").free[0]
    assert (first.span, first.losses, first.loser) == (Span(10, 30), 1, "a")
    late = hand_in(SPEC, "j1", grant.token, Span(10, 30))
    assert store.verbs.complete(session("a"), 3, late).verdict is Verdict.STALE
    healthy(store)


def test_a_late_result_counts_while_its_lease_exists(store: Store, wall: Wall) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    for _ in range(60):
        wall.ms += 1_000
        store.verbs.tick()
    said = hand_in(SPEC, "j1", grant.token, Span(0, 30), Rest.RETURN)
    assert store.verbs.complete(session("a"), 2, said).verdict is Verdict.ACCEPTED
    healthy(store)


def test_a_stopped_server_expires_nobody(store: Store, wall: Wall) -> None:
    open_job(store)
    take(store, session("a"), 30)
    wall.ms += 3_600_000
    store.verbs.tick()
    assert list(store.views.overdue(10)) == []


def test_a_lost_range_is_claimed_in_halves(store: Store, wall: Wall) -> None:
    open_job(store)
    sizes = []
    for n in range(4):
        grant = take(store, session(f"w{n}"), 100)
        sizes.append(grant.span.units)
        for _ in range(2 ** (n + 2)):
            wall.ms += 1_500
            store.verbs.tick()
        assert store.verbs.expire("j1", grant.token)
        healthy(store)
    assert sizes == [100, 100, 50, 12], "a first loss may be chance"


def test_a_unit_that_nobody_survives_fails_the_job(store: Store) -> None:
    open_job(store, sums_spec(1))
    for n in range(limits.LOSSES_MAX):
        assert store.views.job("j1").state is JobState.RUNNING
        who = session(f"w{n % 2}")
        grant = take(store, who, 1, seq=2 * n + 1)
        note = hand_in(SPEC, "j1", grant.token, Span(0, 0), Rest.LOST, "it crashed")
        store.verbs.complete(who, 2 * n + 2, note)
    job = store.views.job("j1")
    assert job.state is JobState.FAILED
    assert job.reason == "unit 0 was lost 5 times: it crashed"
    healthy(store)


def test_split_takes_the_far_part(store: Store) -> None:
    open_job(store)
    victim = take(store, session("a"), 100)
    store.verbs.enlist(session("b"))
    far = store.verbs.claim(session("b"), 1, "j1", ask(10), cut("a", victim.token, 60))
    assert far is not None
    assert far.span == Span(60, 100)
    healthy(store)
    too_far = hand_in(SPEC, "j1", victim.token, Span(0, 80))
    receipt = store.verbs.complete(session("a"), 2, too_far)
    assert (receipt.verdict, receipt.stop) == (Verdict.CUT, 60)
    assert store.views.job("j1").done_units == 0
    trimmed = hand_in(SPEC, "j1", victim.token, Span(0, 60), Rest.RETURN)
    assert store.verbs.complete(session("a"), 3, trimmed).verdict is Verdict.ACCEPTED
    done = hand_in(SPEC, "j1", far.token, Span(60, 100), Rest.RETURN)
    assert store.verbs.complete(session("b"), 2, done).last
    healthy(store)


def test_a_cut_at_the_start_takes_the_whole_lease(store: Store) -> None:
    open_job(store)
    victim = take(store, session("a"), 100)
    store.verbs.complete(session("a"), 2, hand_in(SPEC, "j1", victim.token, Span(0, 40)))
    store.verbs.enlist(session("b"))
    taken = store.verbs.claim(session("b"), 1, "j1", ask(10), cut("a", victim.token, 40))
    assert taken is not None
    assert taken.span == Span(40, 100)
    healthy(store)
    late = hand_in(SPEC, "j1", victim.token, Span(40, 100), Rest.RETURN)
    assert store.verbs.complete(session("a"), 3, late).verdict is Verdict.STALE
    assert [chunk.end for chunk in store.views.timeline("j1")] == [End.CUT]
    again = cut("b", taken.token, 40)
    assert store.verbs.claim(session("a"), 5, "j1", ask(10), again) is None, "only once"
    assert store.verbs.claim(session("a"), 6, "j1", ask(10)) is None
    done = hand_in(SPEC, "j1", taken.token, Span(40, 100), Rest.RETURN)
    assert store.verbs.complete(session("b"), 2, done).last
    assert store.views.job("j1").sums == partial_of(SPEC, Span(0, 100))
    healthy(store)


@pytest.mark.parametrize("at", [-1, 100, 101])
def test_a_cut_outside_the_lease_takes_nothing(store: Store, at: int) -> None:
    open_job(store)
    victim = take(store, session("a"), 100)
    store.verbs.enlist(session("b"))
    wrong = [cut("a", victim.token, at), cut("a", "gone", 50), cut("c", victim.token, 50)]
    for seq, each in enumerate(wrong, 1):
        assert store.verbs.claim(session("b"), seq, "j1", ask(10), each) is None
    healthy(store)


def test_cancel_drains_the_leases_as_closed(store: Store) -> None:
    open_job(store)
    grant = take(store, session("a"), 30)
    assert store.verbs.cancel("j1", "enough").state is JobState.CANCELLED
    assert store.verbs.cancel("j1", "again").reason == "enough"
    said = hand_in(SPEC, "j1", grant.token, Span(0, 30))
    assert store.verbs.complete(session("a"), 2, said).verdict is Verdict.CLOSED
    assert store.verbs.claim(session("a"), 3, "j1", ask(5)) is None
    assert store.verbs.expire("j1", grant.token) is False
    assert store.views.look(session("a")).jobs == []
    healthy(store)
    with pytest.raises(NoSuchJob):
        store.verbs.cancel("nothing")


def test_rates_are_learned_and_kept_by_host(store: Store, wall: Wall) -> None:
    open_job(store)
    grant = take(store, session("a", "laptop"), 40)
    wall.ms += 1_000
    store.verbs.complete(session("a", "laptop"), 2, hand_in(SPEC, "j1", grant.token, Span(0, 20)))
    assert store.views.look(session("a", "laptop")).jobs[0].pace.rate == pytest.approx(20.0)
    wall.ms += 1_000
    store.verbs.complete(session("a", "laptop"), 3, hand_in(SPEC, "j1", grant.token, Span(20, 30)))
    rate = store.views.look(session("a", "laptop")).jobs[0].pace.rate
    assert 10 < rate < 20
    assert store.views.look(session("new", "laptop")).jobs[0].pace.rate == pytest.approx(rate)
    assert store.views.look(session("new", "other")).jobs[0].pace.rate == 0
    figures = store.verbs.tick()
    assert (figures.live_workers, figures.claimable_units) == (1, 60)
    assert store.views.look(session("new", "x")).jobs[0].pace.fleet_rate == pytest.approx(rate)


def test_the_job_that_waited_longest_comes_first(store: Store) -> None:
    open_job(store, job="j1")
    open_job(store, job="j2")
    take(store, session("a"), 50)
    assert [job.job for job in store.views.look(session("b")).jobs] == ["j2", "j1"]
    grant = take(store, session("b"), 10, job="j2")
    assert store.views.look(session("b")).jobs[0].vtime_s == pytest.approx(2.0)
    said = hand_in(SPEC, "j2", grant.token, Span(0, 10), Rest.RETURN)
    store.verbs.complete(session("b"), 2, said)
    assert store.verbs.claim(session("b"), 2, "j2", ask(10), in_turn=True) is not None


def test_jobs_share_the_fleet_by_work(store: Store, wall: Wall) -> None:
    """A worker twice as fast costs its job twice as much in the same time."""
    open_job(store, sums_spec(1_000))
    for name, units in (("slow", 10), ("fast", 20)):
        grant = take(store, session(name), units)
        wall.ms += 1_000
        done = hand_in(SPEC, "j1", grant.token, grant.span, Rest.RETURN)
        store.verbs.complete(session(name), 2, done)
    store.verbs.tick()
    charged = []
    for name, units in (("slow", 10), ("fast", 20)):
        before = store.views.look(session(name)).jobs[0].vtime_s
        assert store.verbs.claim(session(name), 3, "j1", ask(units))
        charged.append(store.views.look(session(name)).jobs[0].vtime_s - before)
    assert charged == [pytest.approx(1 / 3), pytest.approx(2 / 3)]


def test_a_job_far_ahead_gives_way_to_another(store: Store) -> None:
    open_job(store, sums_spec(100, priority=0.1), job="j1")
    open_job(store, job="j2")
    grant = take(store, session("a"), 10)
    said = hand_in(SPEC, "j1", grant.token, Span(0, 10), Rest.RETURN)
    assert store.verbs.complete(session("a"), 2, said).verdict is Verdict.ACCEPTED
    assert store.verbs.claim(session("a"), 2, "j1", ask(10), in_turn=True) is None
    assert store.verbs.claim(session("a"), 2, "j1", ask(10)) is not None


def test_workers_are_seen_and_go(store: Store, wall: Wall) -> None:
    open_job(store)
    take(store, session("a"), 30)
    (worker,) = store.views.workers()
    assert (worker.id, worker.host, worker.pid, worker.job) == ("a", "host-a", 1, "j1")
    assert worker.doing == "a takes units 0..30: because"
    assert store.views.live_workers() == 1
    wall.ms += limits.LIVE_MS + 1
    assert store.verbs.tick().live_workers == 0


def test_who_holds_a_lease_is_live_until_it_runs_out(store: Store, wall: Wall) -> None:
    """A fleet of 100 000 beats every 20 s: between two beats nobody is dead."""
    open_job(store)
    store.verbs.enlist(session("b"))
    grant = take(store, session("a"), 30, beat_s=20.0)
    lease_ms = limits.LEASE_BEATS * 20_000
    assert lease_ms > limits.LIVE_MS
    beaten_ms = wall.ms = wall.ms + limits.LIVE_MS + 1
    assert store.verbs.tick().live_workers == 1, "the idle one is silent"
    beat = hand_in(SPEC, "j1", grant.token, Span(0, 1), Rest.KEEP)
    assert store.verbs.complete(session("a"), 2, beat).verdict is Verdict.ACCEPTED
    holder, idle = store.views.workers()
    assert (holder.seen_ms, holder.live_until_ms) == (beaten_ms, beaten_ms + lease_ms)
    assert (holder.live(beaten_ms + lease_ms), idle.live(beaten_ms)) == (True, False)
    wall.ms += lease_ms
    assert store.views.live_workers() == 1
    wall.ms += 1
    assert store.verbs.tick().live_workers == 0


def test_who_gives_its_lease_back_is_live_as_long_as_any(store: Store, wall: Wall) -> None:
    open_job(store)
    grant = take(store, session("a"), 30, beat_s=20.0)
    given_back = hand_in(SPEC, "j1", grant.token, Span(0, 1), Rest.RETURN)
    store.verbs.complete(session("a"), 2, given_back)
    wall.ms += limits.LIVE_MS + 1
    assert store.verbs.tick().live_workers == 0


@pytest.fixture
def crowded(monkeypatch) -> None:
    """Three workers are a large fleet."""
    monkeypatch.setattr(limits, "FIGURES_PER_S_MAX", 1)


@pytest.mark.usefixtures("crowded")
def test_the_figures_of_a_large_fleet_are_refreshed_more_seldom(store: Store, wall: Wall) -> None:
    open_job(store)
    for name in "abc":
        store.verbs.enlist(session(name))
    assert store.verbs.tick().live_workers == 3
    store.verbs.enlist(session("d"))
    for step_ms, live in ((1_500, 3), (1_499, 3), (1, 4)):  # Hydra time goes no faster
        wall.ms += step_ms
        assert store.verbs.tick().live_workers == live
        assert store.views.look(session("d")).jobs[0].pace.live_workers == live


def test_a_clock_set_back_holds_up_no_figures(store: Store, wall: Wall) -> None:
    wall.ms += 3_600_000
    store.verbs.enlist(session("a"))
    assert store.verbs.tick().live_workers == 1
    wall.ms -= 3_000_000
    store.verbs.enlist(session("b"))
    assert store.verbs.tick().live_workers == 2


def test_nothing_is_known_of_an_unknown_job(store: Store) -> None:
    for read in (store.views.job, store.views.answer, store.views.story, store.vitals.dump):
        with pytest.raises(NoSuchJob):
            read("nothing")
    store.verbs.enlist(session("a"))
    assert store.verbs.claim(session("a"), 1, "nothing", ask(1)) is None
    said = HandIn(job="nothing", token="t", span=Span(0, 0), partial={}, rest=Rest.KEEP)
    assert store.verbs.complete(session("a"), 2, said).verdict is Verdict.CLOSED
    assert store.verbs.expire("nothing", "t") is False
    assert store.verbs.reduce(session("a"), "nothing") is None
    assert store.verbs.finish("nothing", "t", {}) is Verdict.CLOSED


def test_the_story_of_an_unknown_job_is_an_error_with_any_cursor(store: Store) -> None:
    for after in ("", "1-1", "0123abcd.1-1"):
        with pytest.raises(NoSuchJob):
            store.views.story("nobody", after)
