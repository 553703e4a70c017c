"""The timeline: one line for each lease, written in the step that ends it."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from hydra.model import End, Rest, Sample, Span, limits
from hydra.model.messages import Cut, HandIn, Work
from hydra.ports import Store
from tests.stores import Wall, ask, cut, hand_in, pieces_spec, session, sums_spec

SPEC = sums_spec(100)


def claim(store: Store, name: str, units: int, taken: Cut | None = None) -> str:
    """The token of the first lease of a new worker."""
    store.verbs.enlist(session(name))
    grant = store.verbs.claim(session(name), 1, "j1", ask(units), taken)
    assert grant is not None
    return grant.token


def said(token: str, start: int, stop: int, rest: Rest, busy_s: float) -> HandIn:
    return replace(hand_in(SPEC, "j1", token, Span(start, stop), rest), busy_s=busy_s)


def told(store: Store) -> list[tuple[object, ...]]:
    """The timeline without its ids."""
    return [astuple(chunk)[1:] for chunk in store.views.timeline("j1")]


def test_a_lease_leaves_one_line_when_it_ends(store: Store, wall: Wall) -> None:
    store.verbs.submit("j1", SPEC)
    token, began = claim(store, "a", 30), int(wall.ms)
    wall.ms += 900
    store.verbs.complete(session("a"), 2, said(token, 0, 10, Rest.KEEP, 0.75))
    assert told(store) == []
    wall.ms += 1100
    last = said(token, 10, 30, Rest.RETURN, 1.5)
    for _ in range(2):  # the second is a repeat
        store.verbs.complete(session("a"), 3, last)
    assert told(store) == [("a", Span(0, 30), began, began + 2000, 1.5, End.COMPLETE)]


@pytest.mark.parametrize(("rest", "end"), [(Rest.RETURN, End.RETURN), (Rest.LOST, End.LOST)])
def test_what_is_given_back_counts_as_far_as_it_came(store: Store, rest: Rest, end: End) -> None:
    store.verbs.submit("j1", SPEC)
    token = claim(store, "a", 30)
    store.verbs.complete(session("a"), 2, said(token, 0, 10, rest, 0.5))
    ((_, span, *_, busy_s, how),) = told(store)
    assert (span, busy_s, how) == (Span(0, 10), 0.5, end)


def test_a_silent_worker_is_told_of_with_its_last_words(store: Store, wall: Wall) -> None:
    store.verbs.submit("j1", SPEC)
    token, began = claim(store, "a", 30), int(wall.ms)
    store.verbs.complete(session("a"), 2, said(token, 0, 10, Rest.KEEP, 0.5))
    wall.ms += 1000
    store.verbs.complete(session("a"), 3, said(token, 10, 10, Rest.KEEP, 1.25))  # a bare beat
    for _ in range(4):
        wall.ms += 1000
        store.verbs.tick()
    assert store.verbs.expire("j1", token)
    assert told(store) == [("a", Span(0, 10), began, began + 5000, 1.25, End.EXPIRE)]


def test_a_cut_lease_says_so(store: Store) -> None:
    store.verbs.submit("j1", SPEC)
    first = claim(store, "a", 100)
    second = claim(store, "b", 100, cut("a", first, 60))
    store.verbs.complete(session("b"), 2, said(second, 60, 100, Rest.RETURN, 1.0))
    store.verbs.complete(session("a"), 2, said(first, 0, 60, Rest.RETURN, 2.0))
    ends = [(worker, span, how) for worker, span, *_, how in told(store)]
    assert ends == [("b", Span(60, 100), End.COMPLETE), ("a", Span(0, 60), End.CUT)]


def test_a_reader_goes_on_where_it_was(store: Store) -> None:
    store.verbs.submit("j1", SPEC)
    token, seq = claim(store, "a", 10), 1
    for start in range(0, 50, 10):
        seq += 1
        done = said(token, start, start + 10, Rest.RETURN, 1.0)
        store.verbs.complete(session("a"), seq, done)
        grant = store.verbs.claim(session("a"), seq, "j1", ask(10))
        assert grant is not None
        token = grant.token
    every = list(store.views.timeline("j1"))
    assert [chunk.span.start for chunk in every] == [0, 10, 20, 30, 40]
    assert list(store.views.timeline("j1", every[1].id)) == every[2:]
    assert list(store.views.timeline("j1", every[1].id, 2)) == every[2:4]
    assert list(store.views.timeline("j1", every[-1].id)) == []
    assert list(store.views.timeline("none")) == []
    store.verbs.cancel("j1")
    assert list(store.views.timeline("j1")) == every


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that a test can reach; scripts read it as they are loaded."""
    monkeypatch.setattr(limits, "TIMELINE_CHUNKS_MAX", 50)


@pytest.mark.usefixtures("few")  # before the store is made
def test_only_the_last_chunks_are_kept(store: Store) -> None:
    chunks = 500
    store.verbs.submit("j1", sums_spec(chunks))
    token = claim(store, "a", 1)
    for unit in range(chunks - 1):
        one = said(token, unit, unit + 1, Rest.RETURN, 0.0)
        store.verbs.complete(session("a"), unit + 2, one)
        grant = store.verbs.claim(session("a"), unit + 2, "j1", ask(1))
        assert grant is not None
        token = grant.token
    kept = store.views.timeline("j1")
    assert 50 <= len(kept) <= 50 + 100, "Redis drops blocks of 100 entries"
    assert kept[-1].span == Span(chunks - 2, chunks - 1)


def test_pieces_leave_a_history_too(store: Store, wall: Wall) -> None:
    spec = pieces_spec(20)
    store.verbs.submit("j1", spec)
    token = claim(store, "a", 20)
    for at in range(0, 20, 5):
        wall.ms += 1000
        done = hand_in(spec, "j1", token, Span(at, at + 5))
        store.verbs.complete(session("a"), at + 2, done)
    began = int(wall.ms) - 4000
    wanted = [
        Sample(at_ms=began + 1000 * n, done_units=5 * n, sums={}, done_work=5.0 * n)
        for n in (1, 2, 3, 4)
    ]
    assert list(store.views.history("j1")) == wanted


def test_history_knows_the_work_that_was_done(store: Store) -> None:
    store.verbs.submit("j1", SPEC)
    token = claim(store, "a", 30)
    for seq, (start, work) in enumerate([(0, 70.25), (1, 0.1)], 2):
        done = said(token, start, start + 1, Rest.KEEP, 0.0)
        store.verbs.complete(session("a"), seq, done, Work(work, 1.0))
    assert [sample.done_work for sample in store.views.history("j1")] == [70.25, 70.35]
    assert store.views.job("j1").done_work == 70.35
