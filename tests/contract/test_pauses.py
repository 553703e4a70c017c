"""A worker that pauses is seen, says why, and counts in no figure of the fleet."""

from __future__ import annotations

from hydra.model import Rest, Session, Span, Worker, limits
from hydra.model.pauses import Pause
from hydra.ports import Store
from tests.stores import Wall, ask, hand_in, session, sums_spec

QUIET = Pause("hydra pause", 1_234_567)
SPEC = sums_spec(100)


def seen(store: Store, who: Session) -> Worker:
    return next(worker for worker in store.views.workers() if worker.id == who.worker)


def works(store: Store, wall: Wall, who: Session) -> None:
    """Take ten units and hand them in a second later, so that there is a rate."""
    store.verbs.enlist(who)
    grant = store.verbs.claim(who, 1, "j1", ask(10))
    assert grant
    wall.ms += 1_000
    store.verbs.complete(who, 2, hand_in(SPEC, "j1", grant.token, grant.span, Rest.RETURN))


def test_a_paused_worker_says_why_and_until_when(store: Store, wall: Wall) -> None:
    who = session("a")
    store.verbs.enlist(who)
    assert seen(store, who).pause is None
    wall.ms += 5_000
    store.verbs.pause(who, QUIET)
    assert (seen(store, who).pause, seen(store, who).seen_ms) == (QUIET, int(wall.ms))
    store.verbs.pause(who, Pause("the owner uses 80 % of the CPU"))
    assert seen(store, who).pause == Pause("the owner uses 80 % of the CPU", 0)


def test_a_worker_may_pause_before_it_ever_works(store: Store) -> None:
    who = session("a", "host-a")
    store.verbs.pause(who, QUIET)
    assert (seen(store, who).host, seen(store, who).pause) == ("host-a", QUIET)
    assert store.views.live_workers() == 0


def test_who_pauses_counts_neither_as_live_nor_in_the_fleets_rate(store: Store, wall: Wall) -> None:
    a, b = session("a"), session("b")
    store.verbs.submit("j1", SPEC)
    works(store, wall, a)
    works(store, wall, b)
    assert store.verbs.tick().live_workers == 2
    both = store.views.look(a).jobs[0].pace
    store.verbs.pause(b, QUIET)
    assert store.verbs.tick().live_workers == store.views.live_workers() == 1
    alone = store.views.look(a).jobs[0].pace
    assert (both.live_workers, alone.live_workers) == (2, 1)
    assert alone.fleet_rate < both.fleet_rate
    assert store.vitals.tally().silent_workers == 0, "it is not silent either"


def test_who_enlists_again_counts_again_with_its_rate(store: Store, wall: Wall) -> None:
    who = session("a")
    store.verbs.submit("j1", SPEC)
    works(store, wall, who)
    rates = seen(store, who).rates
    store.verbs.pause(who, QUIET)
    store.verbs.enlist(who)
    assert seen(store, who).pause is None
    assert seen(store, who).rates == rates
    assert store.verbs.tick().live_workers == 1
    assert store.verbs.claim(who, 3, "j1", ask(5)), "its session went on"


def test_a_call_that_comes_late_ends_the_pause(store: Store) -> None:
    who = session("a")
    store.verbs.submit("j1", SPEC)
    store.verbs.enlist(who)
    store.verbs.pause(who, QUIET)
    grant = store.verbs.claim(who, 1, "j1", ask(5))
    assert grant
    assert grant.span == Span(0, 5)
    assert seen(store, who).pause is None
    assert store.views.live_workers() == 1


def test_a_paused_worker_leaves_the_list_like_others(store: Store, wall: Wall) -> None:
    store.verbs.pause(session("a"), QUIET)
    wall.ms += limits.WORKER_KEEP_MS + 1
    store.verbs.enlist(session("b"))
    store.verbs.tick()
    if any(worker.id == "a" for worker in store.views.workers()):  # memory forgets nobody
        assert store.views.live_workers() == 1
