"""The checker sees what is wrong, on one dump, on two, and on the whole of a live store."""

from __future__ import annotations

from dataclasses import replace

import fakeredis
import pytest

from hydra.adapters.memory_queue import MemoryQueue
from hydra.clock import ManualClock
from hydra.model import JobState, Range, Span
from hydra.model.invariants import clashes, regressions, violations
from hydra.model.messages import JobDump
from hydra.services import Hydra
from hydra.services.audit import audit
from hydra.settings import Settings
from hydra.store.redis import keys, redis_store
from tests.stores import Wall, ask, counter, hand_in, session, sums_spec

SPEC = sums_spec(100)
A, B = session("a"), session("b")


@pytest.fixture
def client() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(server=fakeredis.FakeServer())


@pytest.fixture
def h(client: fakeredis.FakeRedis) -> Hydra:
    """A store in which `a` holds 10..40 of job j, whose first ten units are in."""
    store = redis_store(client, counter(), now_ms=Wall(), flags=False)
    store.verbs.submit("j", SPEC)
    store.verbs.submit("k", SPEC)
    for who in (A, B):
        store.verbs.enlist(who)
    grant = store.verbs.claim(A, 1, "j", ask(40))
    assert grant is not None
    store.verbs.complete(A, 2, hand_in(SPEC, "j", grant.token, Span(0, 10)))
    return Hydra(store, MemoryQueue(), ManualClock(), Settings.read({}, state_dir="x"), dict)


def test_a_sound_store_passes(h: Hydra) -> None:
    assert (audit(h).jobs, audit(h).leases, audit(h).faults) == (2, 1, [])


WOUNDS = {
    "free 60 + leased 30 + done 9 is not 100": lambda r: r.hincrby(keys.job("j"), "done", -1),
    "unassigned says 61": lambda r: r.hincrby(keys.job("j"), "unassigned", 1),
    "leases and deadlines differ": lambda r: r.delete(keys.DEADLINES),
    "leases and estimated ends": lambda r: r.delete(keys.ends("j")),
    "a running job is among the lost": lambda r: r.zrem(keys.RUNNABLE, "j"),
    "a running job is among the reducing, run": lambda r: r.zadd(keys.REDUCING, {"j": 0}),
    "spans 30..100 and 40..100 overlap": lambda r: r.zadd(keys.free("j"), {"100 1 0 b": 30}),
    "sum value is 9000000": lambda r: r.hset(keys.sums("j"), "value", 9_000_000),
    "session s-a holds 3 leases, of j, k": lambda r: r.hset(
        keys.leases("k"), mapping=dict.fromkeys("xy", *r.hvals(keys.leases("j")))
    ),
}


@pytest.mark.parametrize("fault", WOUNDS)
def test_a_wound_is_seen(h: Hydra, client: fakeredis.FakeRedis, fault: str) -> None:
    WOUNDS[fault](client)
    assert any(fault in found for found in audit(h).faults), audit(h).faults


def test_what_goes_backwards_is_seen(h: Hydra) -> None:
    dump = h.store.vitals.dump("j")
    lease, job = dump.leases[0], dump.job

    def seen(**changes: object) -> list[str]:
        return regressions(dump, replace(dump, **changes))  # type: ignore[arg-type]

    assert seen() == []
    assert seen(job=replace(job, done_units=9)) == ["done units fell from 10 to 9"]
    assert seen(job=replace(job, sums={"value": 1})) == [
        "sums changed, and no unit came in",
        f"sum value went from {job.sums['value']} to 1",
    ]
    longer, other = replace(lease, span=Span(10, 41)), replace(lease, session="other")
    assert seen(leases=[longer]) == ["a lease grew from 10..40 to 10..41"]
    assert seen(leases=[other]) == ["the lease of 10..40 has another holder"]
    lost = replace(dump, leases=[], free=[Range(span=Span(10, 100), losses=3, loser="a")])
    assert regressions(lost, dump) == [
        "losses of 10..40 fell from 3 without progress",
        "losses of 40..100 fell from 3 without progress",
    ]
    assert regressions(lost, replace(dump, job=replace(job, done_units=11))) == []


def test_an_ended_job_stays_as_it_is(h: Hydra) -> None:
    running = h.store.vitals.dump("j")
    h.store.verbs.cancel("j")
    ended: JobDump = h.store.vitals.dump("j")
    assert (violations(ended), regressions(running, ended)) == ([], [])
    assert ended.job.state is JobState.CANCELLED
    assert regressions(ended, running) == [
        "a cancelled job is running again",
        "a cancelled job has changed",
    ]


def test_three_leases_of_a_session_clash(h: Hydra) -> None:
    dump = h.store.vitals.dump("j")
    others = [replace(dump, job=replace(dump.job, id=job)) for job in "kl"]
    assert clashes([dump, *others]) == ["session s-a holds 3 leases, of j, k, l"]
    assert clashes([dump, others[0], dump]) == []
