"""What a worker asks for: the policies' numbers as the claim puts them together."""

from __future__ import annotations

from typing import Any

import pytest

from hydra import wiring
from hydra.clock import ManualClock
from hydra.model import LeaseId, Rest, Session, Span
from hydra.model.costs import Costs
from hydra.model.limits import TURN_MS
from hydra.model.messages import Grant, HandIn, Hint, Look, Pace
from hydra.services import Hydra
from hydra.services.beat import beat
from hydra.services.claim import ask_for, claim
from hydra.services.complete import complete
from hydra.services.submit import submit
from hydra.settings import Settings
from tests.stores import ask, sums_spec
from tests.toy import toy

A, B = Session("s-a", "a", "here", 1), Session("s-b", "b", "here", 2)


@pytest.mark.parametrize(
    ("live", "left", "beat_s"),
    [
        (8, 10**9, 1.0),
        (8, 24, 0.75),
        (8, 1, 0.5),
        (100_000, 10**9, 20.0),
        (100_000, 10**5, 10.0),
    ],
)
def test_a_lease_lasts_three_beats_or_three_of_its_chunk_if_that_is_shorter(
    live: int, left: int, beat_s: float
) -> None:
    """A chunk that ends before its holder would beat shows by its end that the holder lives."""
    h = wiring.in_memory(Settings.read({}), ManualClock(), dict)
    ask = ask_for(
        h,
        Pace(rate=2.0, fleet_rate=2.0 * live, unassigned_units=left, live_workers=live),
        10**9,
        Costs(),
        Hint(),
    )
    assert ask.beat_s == beat_s


def test_who_may_be_slow_to_begin_has_time() -> None:
    """The first slice of a worker of unknown speed may be short, but it has yet to load things."""
    h = wiring.in_memory(Settings.read({}), ManualClock(), dict)
    ask = ask_for(
        h,
        Pace(rate=0.0, fleet_rate=16.0, unassigned_units=10, live_workers=8),
        100,
        Costs(),
        Hint(),
    )
    assert (ask.tau_s, ask.beat_s) == (0.25, 1.0)


class Stage:
    """Two workers of ten units a second, and a job of toys; notes who looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, units: int) -> None:
        self.clock = ManualClock()
        found = {"toy": toy("toy")}
        self.h: Hydra = wiring.in_memory(Settings.read({}), self.clock, lambda: found)
        self.looks = 0
        look = self.h.store.views.look

        def noted(session: Session, versions: Any = None) -> Look:
            self.looks += 1
            return look(session, versions)

        monkeypatch.setattr(self.h.store.views, "look", noted)
        self.job = submit(self.h, "toy", {"units": units}).id
        for who in (A, B):
            self.h.store.verbs.enlist(who)

    def learn(self, who: Session, seq: int) -> Grant:
        """Claim, and show a speed of ten units a second."""
        grant = claim(self.h, who, seq, Hint())
        assert grant is not None
        self.pass_s(1)
        self.hand_in(who, seq, grant, Span(grant.span.start, grant.span.start + 10))
        self.h.store.verbs.tick()
        return grant

    def hand_in(self, who: Session, seq: int, grant: Grant, span: Span) -> None:
        said = HandIn(
            job=grant.job,
            token=grant.token,
            span=span,
            partial={"value": span.units},
            rest=Rest.KEEP,
        )
        complete(self.h, who, seq, said)

    def pass_s(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.now_s += 1
            self.h.store.verbs.tick()


def hint_of(grant: Grant, begins_in_s: float) -> Hint:
    return Hint(held=LeaseId(grant.job, grant.token), begins_in_s=begins_in_s)


def test_who_works_on_a_job_gets_more_of_it_without_a_look(monkeypatch) -> None:
    stage = Stage(monkeypatch, 10_000)
    held = stage.learn(A, 1)
    looks = stage.looks
    more = claim(stage.h, A, 2, hint_of(held, 0.5))
    assert more is not None
    assert (more.job, stage.looks) == (stage.job, looks)
    now_ms, leases = stage.h.store.views.stragglers(stage.job, 10)
    assert [lease.at_ms - now_ms for lease in leases if lease.queued] == [500.0]


def test_who_works_on_a_job_looks_when_the_turn_of_another_has_come(monkeypatch) -> None:
    stage = Stage(monkeypatch, 10_000)
    held = stage.learn(A, 1)
    small = submit(stage.h, "toy", {"units": 50}).id
    for seq in range(2, 6):
        more = claim(stage.h, A, seq, hint_of(held, 0.5))
        assert more is not None
        if more.job == small:
            return
        done = held.span.start + (10 if seq == 2 else 0)
        stage.hand_in(A, seq, held, Span(done, held.span.stop))
        held = more
    pytest.fail("the other job had no turn")


def test_who_begins_later_than_the_fleet_ends_takes_nothing(monkeypatch) -> None:
    stage = Stage(monkeypatch, 200)
    held = stage.learn(A, 1)
    left = stage.h.store.views.job(stage.job).unassigned_units
    assert left > 0
    late = hint_of(held, left / 10 + 0.1)
    assert claim(stage.h, A, 2, late) is None
    assert claim(stage.h, A, 2, hint_of(held, left / 10 - 0.1)) is not None


def test_who_still_works_takes_nothing_from_others(monkeypatch) -> None:
    stage = Stage(monkeypatch, 100)
    held = stage.learn(A, 1)
    assert stage.h.store.verbs.claim(B, 1, stage.job, ask(100))
    assert stage.h.store.views.job(stage.job).unassigned_units == 0
    assert claim(stage.h, A, 2, hint_of(held, 0.0)) is None
    assert claim(stage.h, A, 2, Hint(begins_in_s=0.1)) is None


def test_one_session_alone_is_to_give_way(monkeypatch) -> None:
    stage = Stage(monkeypatch, 10_000)
    grants = {who: stage.learn(who, 1) for who in (A, B)}
    waits = submit(stage.h, "toy", {"units": 5}).id
    stage.pass_s(TURN_MS // 1_000 + 1)
    standings = [
        beat(stage.h, who, [LeaseId(grant.job, grant.token)]) for who, grant in grants.items()
    ]
    assert [standing.gives_way for standing in standings] == [True, False]
    assert (standings[0].turn, standings[1].turn) == (waits, "")
    assert all(len(standing.spans) == 1 for standing in standings)


def test_nobody_gives_way_to_a_job_that_it_cannot_serve(monkeypatch) -> None:
    stage = Stage(monkeypatch, 10_000)
    grant = stage.learn(A, 1)
    stage.h.store.verbs.submit("other", sums_spec(5))
    stage.pass_s(TURN_MS // 1_000 + 1)
    standing = beat(stage.h, A, [LeaseId(grant.job, grant.token)])
    assert (standing.turn, standing.gives_way) == ("other", False)
    assert stage.h.store.verbs.turn("other"), "it is there for those who can"
