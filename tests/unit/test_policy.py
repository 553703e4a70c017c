"""Decisions are pure: numbers in, a size or a place with its reason out."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra.model import Lease, Span
from hydra.model.costs import Costs
from hydra.model.messages import Pace
from hydra.model.sizing import Sizing
from hydra.policy import calling, chunking, dispatching, splitting
from hydra.policy.chunking import Case

LIMITS = chunking.Limits(target_s=2.0, probe_s=0.25, floor_s=0.02, beat_s=1.0, units_max=2**34)

LEVEL = Costs()

rates = st.floats(1e-3, 1e9)
units = st.integers(1, 2**53 - 1)


def chunk(pace: Pace, overhead_s: float = 0.0005, hint: int = 0) -> chunking.Size:
    case = Case(pace, 10**9, Costs(), overhead_s=overhead_s, hint_units=hint)
    return chunking.chunk(case, LIMITS)


def test_a_long_job_is_cut_at_the_target() -> None:
    size = chunk(Pace(rate=100.0, fleet_rate=1_000.0, unassigned_units=10**9, live_workers=10))
    assert (size.units, size.tau_s) == (200, 2.0)
    assert size.why == "2 s, the target, at 100 units/s"


def test_slow_calls_make_longer_chunks() -> None:
    """By Young and Daly: sqrt(2 * 0.02 * 3600) is 12."""
    size = chunk(
        Pace(rate=100.0, fleet_rate=1_000.0, unassigned_units=10**9, live_workers=10),
        overhead_s=0.02,
    )
    assert size.tau_s == pytest.approx(12.0)
    assert "as the pause before a chunk is 20 ms" in size.why
    assert (
        chunk(
            Pace(rate=100.0, fleet_rate=1_000.0, unassigned_units=10**9, live_workers=10),
            overhead_s=3.0,
        ).tau_s
        == chunking.CAP_S_MAX
    )


@pytest.mark.parametrize(
    ("call_s", "beat_s", "why"),
    [
        (0.0, 1.0, "2 s, the target"),
        (3.0, 1.0, "3 s, as long as it takes to claim the next"),
        (0.0, 20.0, "20 s, as long as a beat in a fleet of 10"),
    ],
)
def test_a_long_chunk_says_what_bounds_it(call_s: float, beat_s: float, why: str) -> None:
    """All of them said that they were the target."""
    pace = Pace(rate=100.0, fleet_rate=1_000.0, unassigned_units=10**9, live_workers=10)
    limits = dataclasses.replace(LIMITS, beat_s=beat_s)
    size = chunking.chunk(Case(pace, 10**9, Costs(), call_s=call_s), limits)
    assert size.why == f"{why}, at 100 units/s"


def test_near_the_end_a_chunk_is_half_of_the_rest() -> None:
    size = chunk(Pace(rate=100.0, fleet_rate=1_000.0, unassigned_units=2_000, live_workers=10))
    assert (size.units, size.tau_s) == (100, 1.0)
    assert "half of the 2 s that the fleet needs for the rest" in size.why


def test_a_chunk_is_worth_its_overhead() -> None:
    size = chunk(
        Pace(rate=100.0, fleet_rate=1_000.0, unassigned_units=10, live_workers=10), overhead_s=0.03
    )
    assert size.tau_s == pytest.approx(0.15)
    assert "the pause of 30 ms" in size.why


def test_a_fleet_of_unknown_speed_counts_as_workers_like_this_one() -> None:
    assert chunk(Pace(rate=100.0, fleet_rate=0.0, unassigned_units=400, live_workers=4)).units == 50
    assert (
        chunk(Pace(rate=100.0, fleet_rate=0.0, unassigned_units=400, live_workers=0)).units == 200
    )


def test_an_unknown_worker_learns_its_speed_first() -> None:
    size = chunk(Pace(rate=0.0, fleet_rate=0.0, unassigned_units=1_000, live_workers=4))
    assert (size.units, size.tau_s) == (125, 0.25)
    assert "to learn its speed" in size.why
    assert (
        chunk(Pace(rate=0.0, fleet_rate=0.0, unassigned_units=1_000, live_workers=4), hint=7).units
        == 7
    )


def test_a_costly_unit_makes_fewer_of_them() -> None:
    assert (
        chunking.chunk(
            Case(Pace(rate=100.0, fleet_rate=100.0, unassigned_units=10**6), 10**6, Costs(50.0)),
            LIMITS,
        ).units
        == 4
    )


@given(rate=rates, fleet=st.floats(0, 1e12), left=units, overhead=st.floats(0, 10))
def test_any_chunk_has_a_unit_and_a_reason(
    rate: float, fleet: float, left: int, overhead: float
) -> None:
    size = chunk(Pace(rate=rate, fleet_rate=fleet, unassigned_units=left, live_workers=3), overhead)
    assert 1 <= size.units <= LIMITS.units_max
    assert size.tau_s >= max(LIMITS.floor_s, chunking.OVERHEADS * overhead) or size.tau_s == 2.0
    assert size.why


@given(rate=rates, faster=st.floats(1, 100), left=units)
def test_a_faster_worker_never_gets_less(rate: float, faster: float, left: int) -> None:
    slow = chunk(Pace(rate=rate, fleet_rate=1e6, unassigned_units=left, live_workers=3))
    fast = chunk(Pace(rate=rate * faster, fleet_rate=1e6, unassigned_units=left, live_workers=3))
    assert fast.units >= slow.units or rate * faster > 1e6


def peer(name: str, rate: float, left: int, total: int = 8_000) -> chunking.Size:
    return chunking.SIZINGS[name](
        Case(
            Pace(rate=rate, fleet_rate=100.0, unassigned_units=left, live_workers=4), total, Costs()
        ),
        LIMITS,
    )


def test_every_sizing_can_be_chosen_by_name() -> None:
    assert chunking.SIZINGS.keys() == set(Sizing)


@pytest.mark.parametrize(
    ("name", "left", "units"),
    [
        ("static", 8_000, 2_000),
        ("static", 100, 2_000),
        ("gss", 8_000, 2_000),
        ("gss", 100, 25),
        ("fac2", 8_000, 1_000),
        ("fac2", 5_000, 1_000),
        ("fac2", 4_000, 500),
        ("fac2", 3, 1),
        ("awfc", 8_000, 800),
        ("awfc", 100, 10),
        ("seed", 8_000, 40),
        ("seed", 10, 40),
    ],
)
def test_the_rules_of_others_are_as_published(name: str, left: int, units: int) -> None:
    assert peer(name, 20.0, left).units == units


@pytest.mark.parametrize("name", ["static", "gss", "fac2", "awfc", "seed"])
def test_the_chunks_of_others_are_not_cut_short(name: str) -> None:
    assert peer(name, 20.0, 8_000).tau_s == chunking.UNCUT_S
    assert name not in chunking.SPLITTING


@pytest.mark.parametrize("name", ["awfc", "seed"])
def test_rules_that_need_a_speed_learn_it_first(name: str) -> None:
    assert peer(name, 0.0, 8_000).tau_s == LIMITS.probe_s


def test_the_seed_rule_waits_forty_times_as_long() -> None:
    assert peer("seed", 20.0, 8_000).lease_s == peer("seed", 0.0, 8_000).lease_s == 80.0


def lease(start: int, stop: int, rate: float, at_ms: float = 0.0, slice_units: int = 1) -> Lease:
    return Lease(
        job="j",
        token="t",
        session="s",
        worker="w",
        span=Span(start, stop),
        slice_units=slice_units,
        rate_units_s=rate,
        at_ms=at_ms,
        deadline_ms=0.0,
    )


def test_a_split_shares_by_speed() -> None:
    cut = splitting.split([lease(0, 100, 10.0)], LEVEL, 0.0, 30.0, 1.0, 0.5)
    assert cut is not None
    assert cut.at == 25
    assert cut.why.startswith("the fleet is idle and w would need 10 s more")


def test_a_split_counts_what_the_holder_did_since() -> None:
    cut = splitting.split([lease(0, 100, 10.0)], LEVEL, 4_000.0, 10.0, 1.0, 0.5)
    assert cut is not None
    assert cut.at == 70


def test_a_split_leaves_the_holder_until_its_next_beat() -> None:
    cut = splitting.split([lease(0, 20, 10.0)], LEVEL, 0.0, 1e9, 1.0, 0.25)
    assert cut is not None
    assert cut.at == 15
    assert splitting.split([lease(0, 20, 10.0)], LEVEL, 0.0, 10.0, 1.0, 1.0) is None


def test_a_split_falls_on_a_slice() -> None:
    cut = splitting.split([lease(3, 100, 10.0, slice_units=7)], LEVEL, 0.0, 10.0, 1.0, 0.5)
    assert cut is not None
    assert (cut.at - 3) % 7 == 0


def test_the_lease_that_ends_last_is_cut_first() -> None:
    slow, quick = lease(0, 100, 1.0), lease(100, 110, 10.0)
    cut = splitting.split([quick, slow], LEVEL, 0.0, 10.0, 1.0, 0.5)
    assert cut is not None
    assert cut.at < 100


@given(
    start=st.integers(0, 10**9),
    length=st.integers(1, 10**9),
    rate=st.just(0.0) | st.floats(1e-9, 1e6),  # below that, twice a lease's time is infinite
    asker=st.just(0.0) | st.floats(1e-9, 1e6),
    now=st.floats(0, 1e7),
    slice_units=st.integers(0, 10**6),
)
def test_a_split_is_inside_and_beyond_the_holder(
    start: int, length: int, rate: float, asker: float, now: float, slice_units: int
) -> None:
    held = lease(start, start + length, rate, slice_units=slice_units)
    cut = splitting.split([held], LEVEL, now, asker, 1.0, 0.5)
    if cut and cut.at > start:
        assert start + rate * 1.5 <= cut.at + 1e-3
        assert start < cut.at < start + length
    elif cut:
        gone_s, whole_s = now / 1000, length / rate
        whole_s = 2 * gone_s if gone_s >= whole_s else whole_s
        assert whole_s - gone_s >= 2 * whole_s * rate / asker * 0.999


def test_one_large_unit_of_a_slow_holder_goes_to_one_that_does_it_all_in_half_the_time() -> None:
    held = lease(7, 8, 0.1)  # ten seconds
    taken = splitting.split([held], LEVEL, 4_000.0, 0.5, 1.0, 0.3)
    assert taken is not None
    assert taken.at == 7
    assert "6 s more" in taken.why
    assert "from the start in 2 s" in taken.why
    assert splitting.split([held], LEVEL, 4_000.0, 0.3, 1.0, 0.3) is None
    assert splitting.split([held], LEVEL, 9_200.0, 2.5, 1.0, 0.3) is None, "saves less than a beat"
    assert splitting.split([held], LEVEL, 4_000.0, 0.0, 1.0, 0.3) is None, "of unknown speed"


def queued(begins_ms: float, **changes: object) -> Lease:
    """Ten seconds of work that its holder is to begin then."""
    held = lease(0, 100, 10.0, at_ms=begins_ms)
    return dataclasses.replace(held, queued=True, **changes)  # type: ignore[arg-type]


def test_a_queued_lease_goes_whole_to_who_would_have_done_it_sooner() -> None:
    cut = splitting.split([queued(5_000.0)], LEVEL, 1_000.0, 10.0, 1.0, 0.5)
    assert cut is not None
    assert (cut.at, cut.queued, cut.session) == (0, True, "s")
    assert "would end in 14 s what can be done in 10 s" in cut.why


@pytest.mark.parametrize(
    ("begins_ms", "asker", "taken"),
    [
        (5_000.0, 0.0, True),  # of unknown speed: as fast as its holder
        (1_000.0, 10.0, False),  # begun at the same moment, it ends at the same
        (0.0, 10.0, False),  # its holder is late, and begins now
        (1_499.0, 10.0, False),
        (1_500.0, 10.0, True),  # half a second is worth telling the holder
        (5_000.0, 7.5, True),
        (5_000.0, 7.0, False),  # a slower worker would end later
        (1_000.0, 20.0, True),
    ],
)
def test_a_queued_lease_stays_if_taking_it_saves_little(
    begins_ms: float, asker: float, taken: bool
) -> None:
    cut = splitting.split([queued(begins_ms)], LEVEL, 1_000.0, asker, 1.0, 0.5)
    assert (cut is not None) is taken


def test_a_queued_lease_is_never_cut_in_two() -> None:
    slow, begun = queued(0.0), lease(200, 300, 10.0)
    cut = splitting.split([slow, begun], LEVEL, 0.0, 10.0, 1.0, 0.5)
    assert cut is not None
    assert (cut.token, cut.queued) == (begun.token, False), "the next one is looked at"
    unknown = dataclasses.replace(slow, rate_units_s=0.0)
    assert splitting.split([unknown], LEVEL, 0.0, 10.0, 1.0, 0.5) is None


@pytest.mark.parametrize(
    ("left", "begins_in_s", "eaten"),
    [(1_000, 9.9, False), (1_000, 10.0, True), (0, 0.1, True), (0, 0.0, False)],
)
def test_who_begins_when_the_rest_is_eaten_takes_none_of_it(
    left: int, begins_in_s: float, eaten: bool
) -> None:
    pace = Pace(rate=10.0, fleet_rate=100.0, unassigned_units=left, live_workers=8)
    assert chunking.eaten_by_then(pace, LEVEL, begins_in_s) is eaten
    alone = dataclasses.replace(pace, fleet_rate=0.0, live_workers=10)
    assert chunking.eaten_by_then(alone, LEVEL, begins_in_s) is eaten
    unknown = dataclasses.replace(pace, rate=0.0, fleet_rate=0.0)
    assert not chunking.eaten_by_then(unknown, LEVEL, begins_in_s), "it has to learn its speed"


def test_who_is_late_is_expected_to_need_as_long_again() -> None:
    held = lease(7, 8, 0.1)
    assert splitting.split([held], LEVEL, 30_000.0, 0.3, 1.0, 0.3) is None
    taken = splitting.split([held], LEVEL, 30_000.0, 0.4, 1.0, 0.3)
    assert taken is not None
    assert "30 s more" in taken.why


def test_a_late_slice_makes_all_of_an_estimated_lease_count_as_more() -> None:
    """Seven tiles estimated at a tenth of what they were: a slow worker kept them all to itself."""
    costs = Costs.of_each([100] * 8)
    held = lease(0, 7, 10.0, slice_units=1)  # 0.7 s, as estimated
    assert splitting.split([held], costs, 500.0, 1e3, 1.0, 0.3) is None
    cut = splitting.split([held], costs, 3_000.0, 1e3, 1.0, 0.3)  # the first has taken 2 s
    assert cut is not None
    assert cut.at == 4, "each is taken for 4 s, so the holder keeps four of seven"
    taken = splitting.split([held], costs, 3_000.0, 4e3, 1.0, 0.3)
    assert taken is not None
    assert taken.at < cut.at, "a faster one takes more"
    assert splitting.split([lease(0, 7, 10.0)], LEVEL, 3_000.0, 10.0, 1.0, 0.3) is None


def test_calls_slow_down_as_the_fleet_grows() -> None:
    assert calling.call_interval_s(10, 1.0, 5_000) == 1.0
    assert calling.call_interval_s(100_000, 1.0, 5_000) == 20.0


def test_the_last_chunks_of_a_large_fleet_are_no_stampede() -> None:
    limits = dataclasses.replace(LIMITS, floor_s=10.0, beat_s=20.0)
    size = chunking.chunk(
        Case(
            Pace(rate=2.0, fleet_rate=2e5, unassigned_units=10**5, live_workers=100_000),
            10**9,
            Costs(),
        ),
        limits,
    )
    assert (size.units, size.tau_s) == (20, 10.0)
    assert size.why.startswith("10 s, the shortest for a fleet of 100000")


def test_the_queue_holds_a_task_for_each_worker_and_two_more() -> None:
    assert dispatching.tasks_wanted(rq_workers=4, waiting=0) == 6
    assert dispatching.tasks_wanted(rq_workers=4, waiting=9) == 0
    assert dispatching.tasks_wanted(rq_workers=10**6, waiting=0) == dispatching.TASKS_MAX


def test_a_task_suggests_a_moment_of_the_mean_worker() -> None:
    assert dispatching.hint_units(1_000.0, 4, 1.0, 0.25) == 62
    assert dispatching.hint_units(1_000.0, 4, 1e9, 0.25) == 1
    assert dispatching.hint_units(0.0, 4, 1.0, 0.25) == 0
