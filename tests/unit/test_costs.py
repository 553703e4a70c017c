"""Units that differ in work: chunks are cut by work, and slow workers take cheap units."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra import wiring
from hydra.clock import ManualClock
from hydra.model import Lease, LeaseId, Rest, Session, Span
from hydra.model.costs import Costs
from hydra.model.messages import Grant, HandIn, Hint, Look, Pace, Receipt
from hydra.policy import chunking, splitting
from hydra.services import claim as claiming
from hydra.services.claim import claim
from hydra.services.complete import complete
from hydra.services.submit import submit
from hydra.settings import Settings
from hydra.work.local import session_here
from tests.toy import toy

LIMITS = chunking.Limits(target_s=2.0, probe_s=0.25, floor_s=0.02, beat_s=1.0, units_max=2**34)

EACH = [100, 60, 40, 40, 20, 20, 10, 4, 4, 2]
COSTS = Costs.of_each(EACH)
ALL = Span(0, len(EACH))


def test_work_is_laid_end_to_end() -> None:
    assert COSTS.unit_cost == 30.0
    assert (COSTS.of(ALL), COSTS.of(Span(1, 3)), COSTS.of(Span(2, 2))) == (300.0, 100.0, 0.0)
    assert (COSTS.mean(Span(7, 9)), COSTS.mean(Span(3, 3))) == (4.0, 30.0)
    assert (COSTS.first(ALL, 100.0), COSTS.first(ALL, 130.0), COSTS.first(ALL, 1e9)) == (1, 1.5, 10)
    assert (COSTS.last(ALL, 2.0), COSTS.last(ALL, 8.0), COSTS.last(ALL, 1e9)) == (1, 2.5, 10)
    assert COSTS.first(Span(4, 6), 30.0) == COSTS.last(Span(4, 6), 30.0) == 1.5


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=50), st.data(), st.floats(0, 1e11))
def test_what_is_cut_off_an_end_has_the_work_asked_for(
    each: list[int], data: st.DataObject, work: float
) -> None:
    costs = Costs.of_each(sorted(each, reverse=True))
    start = data.draw(st.integers(0, len(each)))
    span = Span(start, data.draw(st.integers(start, len(each))))
    first, last = costs.first(span, work), costs.last(span, work)
    assert 0 <= first <= last + 1e-6, "the first units are the most expensive"
    assert last <= span.units
    assert costs.of(Span(start, start + int(first))) <= work * (1 + 1e-9)
    assert costs.of(Span(span.stop - int(last), span.stop)) <= work * (1 + 1e-9)
    if first < span.units:
        assert costs.of(Span(start, start + int(first) + 1)) >= work


@given(st.integers(1, 60), st.integers(1, 10**6), st.floats(0, 1e12))
def test_units_of_one_cost_are_the_same_said_either_way(n: int, cost: int, work: float) -> None:
    level, listed = Costs(float(cost)), Costs.of_each([cost] * n)
    span = Span(0, n)
    assert level.unit_cost == listed.unit_cost
    assert level.of(span) == listed.of(span)
    assert min(level.first(span, work), n) == pytest.approx(listed.first(span, work))
    assert min(level.last(span, work), n) == pytest.approx(listed.last(span, work))


def size(rate: float, free: Span = ALL, fleet: float = 100.0, live: int = 4) -> chunking.Size:
    pace = Pace(
        rate=rate,
        fleet_rate=fleet,
        unassigned_units=free.units,
        live_workers=live,
        free_within=free,
    )
    return chunking.chunk(chunking.Case(pace, len(EACH), COSTS), LIMITS)


def test_a_worker_for_which_the_first_unit_is_too_large_takes_the_cheapest() -> None:
    fast, slow = size(60.0), size(5.0)
    assert (fast.tail, fast.units) == (False, 1)
    assert (slow.tail, slow.units) == (True, 1)
    assert fast.why.endswith("0.6 units/s of the most expensive")
    assert slow.why.endswith("of the cheapest")
    assert not size(25.0).tail, "at the mean: somebody must take it"
    assert not size(5.0, Span(5, 10), fleet=20.0).tail, "not too large for its chunk of 2 s"


def test_a_slow_worker_leaves_the_last_units_to_others() -> None:
    assert size(5.0, Span(0, 2)).units == 0, "12 s, where the mean needs 3.6 after all the rest"
    assert size(5.0, Span(0, 1), fleet=16.0).units == 1, "20 s, where the mean needs 31"
    assert size(25.0, Span(0, 1)).units == 1
    level = chunking.Case(
        Pace(
            rate=0.1, fleet_rate=100.0, unassigned_units=1, live_workers=4, free_within=Span(0, 1)
        ),
        10,
        Costs(1e6),
    )
    assert chunking.chunk(level, LIMITS).units == 1, "only where costs are estimated"


def test_the_rest_is_what_is_free_in_work() -> None:
    assert size(60.0, Span(6, 10)).tau_s == pytest.approx(0.05)


def test_a_worker_of_unknown_speed_begins_at_the_cheap_end() -> None:
    assert size(0.0).tail
    level = chunking.Case(
        Pace(rate=0.0, fleet_rate=0.0, unassigned_units=10, live_workers=1, free_within=ALL),
        10,
        Costs(),
    )
    assert not chunking.chunk(level, LIMITS).tail


def test_where_all_cost_the_same_all_take_from_the_front() -> None:
    pace = Pace(
        rate=1.0,
        fleet_rate=100.0,
        unassigned_units=10**6,
        live_workers=4,
        free_within=Span(0, 10**6),
    )
    assert not chunking.chunk(chunking.Case(pace, 10**6, Costs()), LIMITS).tail


def test_a_split_shares_the_work_not_the_units() -> None:
    held = Lease(
        job="j",
        token="t",
        session="s",
        worker="w",
        span=ALL,
        slice_units=1,
        rate_units_s=10 / 30,
        at_ms=0.0,
        deadline_ms=0.0,
    )  # 10 cost units a second
    cut = splitting.split([held], COSTS, 0.0, 10.0, 1.0, 0.5)
    assert cut is not None
    assert cut.at == 2, "of 300, the first two units make 160"
    later = splitting.split([held], COSTS, 10_000.0, 10.0, 1.0, 0.5)
    assert later is not None
    assert later.at == 3


# Through the services ----------------------------------------------------------------------------


def uneven(params: Mapping[str, Any]) -> range:
    return range(100 * params["units"], 0, -100)


class Stage:
    """A job of 100 units at 10 000 down to 100, and workers of known speed."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        found = {"uneven": toy("uneven", costs=uneven)}
        self.h = wiring.in_memory(Settings.read({}), self.clock, lambda: found)
        self.job = submit(self.h, "uneven", {"units": 100})
        self.costs = self.h.costs("uneven", {"units": 100})
        self.seq = 0

    def enlist(self, name: str) -> Session:
        session = dataclasses.replace(session_here(self.h), worker=name, host=name, id=name)
        self.h.store.verbs.enlist(session)
        return session

    def claim(self, session: Session) -> Grant:
        self.seq += 1
        grant = claim(self.h, session, self.seq, Hint())
        assert grant is not None
        return grant

    def complete(
        self,
        session: Session,
        grant: Grant,
        stop: int,
        took_s: float,
        rest: Rest = Rest.RETURN,
    ) -> Receipt:
        """Hand in up to `stop` after so long."""
        self.seq += 1
        end = self.clock.now_s + took_s
        while self.clock.now_s < end:  # Hydra time stands still in a pause without calls
            self.clock.now_s = min(end, self.clock.now_s + 1)
            self.h.store.verbs.tick()
        span = Span(grant.span.start, stop)
        said = HandIn(
            job=grant.job,
            token=grant.token,
            span=span,
            partial={"value": span.units},
            rest=rest,
            busy_s=took_s,
        )
        return complete(self.h, session, self.seq, said)

    def more(self, session: Session, grant: Grant) -> Grant | None:
        """What is claimed behind a lease."""
        self.seq += 1
        hint = Hint(held=LeaseId(grant.job, grant.token), begins_in_s=0.1)
        return claim(self.h, session, self.seq, hint)


def test_the_mean_is_kept_with_the_job() -> None:
    assert Stage().job.spec.unit_cost == 5_050.0


def test_rates_are_work_a_second_at_either_end() -> None:
    stage = Stage()
    a = stage.enlist("a")
    grant = stage.claim(a)
    assert grant.span.stop == 100, "of unknown speed: from the cheap end"
    start = grant.span.start
    work = stage.costs.of(Span(start, start + 10))
    receipt = stage.complete(a, grant, start + 10, 1.0)
    assert receipt.pace.rate == pytest.approx(work)
    assert receipt.pace.free_within == Span(0, 100)


def test_chunks_of_all_workers_last_alike_wherever_they_lie() -> None:
    stage = Stage()
    speeds = {"fast": 30_000.0, "slow": 1_000.0}
    sessions = {name: stage.enlist(name) for name in speeds}
    for name, session in sessions.items():  # each shows its speed on one unit
        grant = stage.claim(session)
        stop = grant.span.start + 1
        work = stage.costs.of(Span(grant.span.start, stop))
        stage.complete(session, grant, stop, work / speeds[name])
    stage.h.store.verbs.tick()
    for name, session in sessions.items():
        grant = stage.claim(session)
        took_s = stage.costs.of(grant.span) / speeds[name]
        stage.complete(session, grant, grant.span.stop, took_s)
        assert took_s == pytest.approx(2.0, rel=0.3), grant.span
    story = [entry.text for entry in stage.h.store.views.story(stage.job.id)][-2:]
    assert story[0].startswith("fast takes units 0..6: 2 s, the target")
    assert story[0].endswith("of the most expensive")
    assert story[1].startswith("slow takes")
    assert story[1].endswith("of the cheapest")


def test_a_slow_worker_looks_again_since_its_pace_is_outdated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    a, b = stage.enlist("a"), stage.enlist("b")
    for session, took_s in ((a, 0.2), (b, 10.0)):
        grant = stage.claim(session)
        stage.complete(session, grant, grant.span.start + 10, took_s)
    stage.h.store.verbs.tick()
    looked: list[str] = []
    look = stage.h.store.views.look

    def noted(session: Session, versions: Any) -> Look:
        looked.append(session.id)
        return look(session, versions)

    grants = {session: stage.claim(session) for session in (a, b)}
    monkeypatch.setattr(claiming, "FRESH_TARGETS", 0.0)  # else both look: the job ends soon
    monkeypatch.setattr(stage.h.store.views, "look", noted)
    for session, grant in grants.items():
        assert stage.more(session, grant) is not None
    assert looked == ["b"]


def test_a_job_that_others_end_sooner_gives_nothing_at_a_claim() -> None:
    stage = Stage()
    a, b = stage.enlist("a"), stage.enlist("b")
    for session, took_s in ((b, 200.0), (a, 0.02), (b, 0.0)):
        grant = stage.claim(session)
        stage.complete(session, grant, grant.span.start + 1, took_s)
    stage.h.store.verbs.tick()
    stage.seq += 1
    assert claim(stage.h, b, stage.seq, Hint()) is None
    assert stage.claim(a).span.units > 1
