"""What a timeline says: shares, the bound, efficiency, throughput, tables."""

from __future__ import annotations

import pytest

from hydra.model import Chunk, End, Job, JobState, Sample, Span, limits
from hydra.model.costs import Costs
from hydra.model.profile import profile, table, throughput
from tests.stores import sums_spec

BEGAN_MS = 50_000


def job(done: int = 100, ended_s: float | None = None) -> Job:
    ended_ms = None if ended_s is None else BEGAN_MS + int(1000 * ended_s)
    return Job(
        id="j",
        spec=sums_spec(100),
        state=JobState.RUNNING,
        done_units=done,
        unassigned_units=0,
        created_ms=BEGAN_MS,
        ended_ms=ended_ms,
    )


def chunk(
    worker: str, start: int, stop: int, lent_s: float, ended_s: float, busy_s: float
) -> Chunk:
    lent_ms, ended_ms = (BEGAN_MS + int(1000 * s) for s in (lent_s, ended_s))
    return Chunk(
        id="1",
        worker=worker,
        span=Span(start, stop),
        lent_ms=lent_ms,
        ended_ms=ended_ms,
        busy_s=busy_s,
        end=End.COMPLETE,
    )


COSTS = Costs(2.0)


def test_a_fleet_that_never_pauses_is_at_the_bound() -> None:
    """Ten units a second beside thirty: 100 units take 2.5 s."""
    chunks = [chunk("slow", 0, 25, 0, 2.5, 2.5), chunk("fast", 25, 100, 0, 2.5, 2.5)]
    found = profile(job(ended_s=2.5), chunks, COSTS)
    assert [(share.worker, share.units, share.speed) for share in found.shares] == [
        ("fast", 75, 60.0),
        ("slow", 25, 20.0),
    ]
    assert (found.bound_s, found.makespan_s, found.efficiency, found.whole) == (2.5, 2.5, 1.0, True)


def test_waiting_counts_against_it_and_slowness_does_not() -> None:
    """The slow one computes half of the time only."""
    chunks = [chunk("slow", 0, 10, 0, 2.0, 1.0), chunk("fast", 10, 70, 0, 2.0, 2.0)]
    found = profile(job(ended_s=2.0), chunks, COSTS)
    assert found.bound_s == pytest.approx(70 / (10 + 30))
    assert found.efficiency == pytest.approx(0.875)


def test_a_running_job_lasts_until_its_last_chunk() -> None:
    found = profile(job(), [chunk("a", 0, 9, 1, 4, 3)], COSTS)
    assert (found.began_ms, found.makespan_s) == (BEGAN_MS, 4.0)
    assert found.efficiency == pytest.approx(0.75)


def test_nothing_yet_is_no_efficiency() -> None:
    empty = profile(job(0), [], COSTS)
    assert (list(empty.shares), empty.efficiency, empty.makespan_s) == ([], None, 0.0)
    lost = profile(job(0), [chunk("a", 5, 5, 0, 3, 0.0)], COSTS)
    assert (lost.shares[0].units, lost.efficiency) == (0, None)


def test_when_chunks_were_dropped_time_counts_from_the_first_that_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "TIMELINE_CHUNKS_MAX", 2)
    chunks = [chunk("a", 50, 60, 100, 102, 2.0), chunk("a", 60, 70, 102, 104, 2.0)]
    found = profile(job(ended_s=104), chunks, COSTS)
    assert (found.whole, found.makespan_s, found.efficiency) == (False, 4.0, 1.0)


def sample(at_s: float, done: int) -> Sample:
    return Sample(
        at_ms=BEGAN_MS + int(1000 * at_s), done_units=done, sums={}, done_work=float(done)
    )


def test_throughput_is_told_over_times_long_enough_to_mean_something() -> None:
    samples = [sample(0.5, 1), sample(2.0, 20), sample(2.1, 25), sample(4.5, 30), sample(5.0, 40)]
    parts = throughput(job(), samples)
    assert [(p.from_ms - BEGAN_MS, p.to_ms - BEGAN_MS, p.units_s) for p in parts] == [
        (0, 2000, 10.0),
        (2000, 5000, pytest.approx(20 / 3)),
    ]


def test_throughput_adds_up_to_the_whole_and_is_bounded() -> None:
    samples = [sample(10.0 * n, n) for n in range(1, 101)]
    parts = throughput(job(), samples)
    assert len(parts) <= 64
    units = sum((part.to_ms - part.from_ms) / 1000 * part.units_s for part in parts)
    assert units == pytest.approx(100)
    assert throughput(job(), []) == []
    assert throughput(job(), [sample(0, 5)]) == []
    assert [part.units_s for part in throughput(job(), [sample(0.5, 5)])] == [10.0]


def test_tables_quote_what_needs_it() -> None:
    rows = [{"worker": 'a,"b"', "units": 3, "more": 1}]
    assert table(rows, ("worker", "units")) == 'worker,units\r\n"a,""b""",3\r\n'


def test_speeds_are_in_work_where_units_differ() -> None:
    """Both are as fast; one had the dear units, the other the cheap ones."""
    costs = Costs.of_each([9] * 10 + [1] * 90)
    chunks = [chunk("a", 0, 10, 0, 3, 3.0), chunk("b", 10, 100, 0, 3, 3.0)]
    found = profile(job(ended_s=3), chunks, costs)
    assert [share.speed for share in found.shares] == [30.0, 30.0]
    assert found.efficiency == 1.0
