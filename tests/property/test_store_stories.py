"""Random stories on several stores at once: they must say and hold the same, and lose nothing.

Messages are duplicated, dropped, reordered and late: a worker's call may be repeated, its reply may
never arrive, an old call may arrive again after newer ones, and a forged one may be mixed in. After
every step the invariants are checked on each store, and the accepted units are checked against the
story's own record.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hydra.errors import BadSpan, KeyReused, NoSuchWorker
from hydra.model import JobSpec, JobState, Lease, LeaseId, Rest, Session, Span, Verdict
from hydra.model.invariants import clashes, regressions, violations
from hydra.model.messages import Ask, Cut, Grant, HandIn, JobDump, Receipt, Work
from hydra.model.pauses import Pause
from hydra.ports import Store
from tests import stores

WORKERS = ["a", "b", "c"]
JOBS = ["j1", "j2"]
WISHES = st.builds(
    stores.ask,
    st.integers(1, 40),
    tail=st.booleans(),
    unit_cost=st.sampled_from([1.0, 0.25, 3e6]),
    begins_in_s=st.sampled_from([0.0, 2.5]),
)


@dataclass
class Side:
    """One store. Tokens differ between stores, everything else must not."""

    store: Store
    before: dict[str, JobDump] = field(default_factory=dict)


@dataclass
class Held:
    """A lease as its worker knows it."""

    job: str
    first: int
    span: Span
    tokens: list[str]
    """One for each side."""


@dataclass
class Sent:
    """A hand-in as it went out, for sending again."""

    worker: str
    who: Session
    seq: int
    said: HandIn
    tokens: list[str]
    work: Work | None


class Stories(RuleBasedStateMachine):
    """Workers, a reaper and a person, all at once, over every side."""

    sides: list[Side]

    def make_sides(self) -> list[Side]:
        """The stores to compare; one alone has the story's own record beside it."""
        return [Side(stores.memory(self.wall))]

    @initialize(total=st.integers(1, 60), kind=st.sampled_from(["sums", "pieces"]))
    def begin(self, total: int, kind: str) -> None:
        """Two jobs and three workers."""
        self.wall = stores.Wall()
        self.sides = self.make_sides()
        make = stores.sums_spec if kind == "sums" else stores.pieces_spec
        self.specs: dict[str, JobSpec] = {"j1": make(total), "j2": make(7, priority=4.0)}
        self.counted: dict[str, set[int]] = {"j1": set(), "j2": set()}
        self.claims = dict.fromkeys(WORKERS, 0)
        self.hand_ins = dict.fromkeys(WORKERS, 0)
        self.lives = dict.fromkeys(WORKERS, 1)
        self.held: dict[str, list[Held]] = {worker: [] for worker in WORKERS}
        self.sent: list[Sent] = []
        for side in self.sides:
            for job, spec in self.specs.items():
                side.store.verbs.submit(job, spec)
            for worker in WORKERS:
                side.store.verbs.enlist(self.who(worker))

    def who(self, worker: str) -> Session:
        """The worker's session: each of its processes has another."""
        return replace(stores.session(worker), id=f"s-{worker}-{self.lives[worker]}")

    # What workers do ------------------------------------------------------------------------

    def granted(self, worker: str, grants: list[Grant | None]) -> None:
        """All sides granted the same, or none did."""
        spans = {grant.span if grant else None for grant in grants}
        assert len(spans) == 1, spans
        found = [grant for grant in grants if grant]
        tokens = [grant.token for grant in found]
        if found and all(held.tokens != tokens for held in self.held[worker]):
            first = found[0]
            self.held[worker].append(Held(first.job, first.span.start, first.span, tokens))

    @rule(
        worker=st.sampled_from(WORKERS),
        job=st.sampled_from(JOBS),
        wish=WISHES,
        in_turn=st.booleans(),
        passed=st.sampled_from([(), ("j1",), ("j2", "j3")]),
    )
    def claim(
        self, worker: str, job: str, wish: Ask, in_turn: bool, passed: tuple[str, ...]
    ) -> None:
        """A claim from either end, sent twice; perhaps behind another lease."""
        self.claims[worker] += 1
        free = self.sides[0].store.vitals.dump(job).free
        for _ in range(2):
            grants = [
                side.store.verbs.claim(
                    self.who(worker), self.claims[worker], job, wish, None, passed, in_turn
                )
                for side in self.sides
            ]
            self.granted(worker, grants)
            if grants[0]:
                span, ends = grants[0].span, (free[0].span.start, free[-1].span.stop)
                assert (span.stop == ends[1]) if wish.tail else (span.start == ends[0])

    @rule(
        worker=st.sampled_from(WORKERS),
        job=st.sampled_from(JOBS),
        place=st.integers(0, 5),
        share=st.sampled_from([0.0, 0.3, 1.0]),
        right=st.sampled_from([True, True, True, False]),
    )
    def take_far_part(self, worker: str, job: str, place: int, share: float, right: bool) -> None:
        """A claim that cuts somebody's lease, or takes all of it."""
        self.claims[worker] += 1
        grants: list[Grant | None] = []
        for side in self.sides:
            _, leases = side.store.views.stragglers(job, 2 * len(WORKERS))
            leases = sorted(leases, key=lambda lease: lease.span)[place : place + 1]
            cuts = [
                Cut(
                    token=lease.token,
                    at=lease.span.start + round(lease.span.units * share),
                    session=lease.session,
                    why="idle",
                    queued=lease.queued is right,
                )
                for lease in leases
            ]
            ask, who, seq = stores.ask(5), self.who(worker), self.claims[worker]
            grants.append(side.store.verbs.claim(who, seq, job, ask, cuts[0]) if cuts else None)
        self.granted(worker, grants)

    @rule(
        worker=st.sampled_from(WORKERS),
        place=st.integers(0, 1),
        back=st.sampled_from([0, 0, 0, 2]),
        share=st.floats(0, 1.2),
        rest=st.sampled_from(Rest),
        lost_reply=st.booleans(),
        busy_s=st.floats(0, 1e4),
        work=st.none() | st.builds(Work, st.floats(0, 1e12), st.floats(1e-3, 1e9)),
    )
    def hand_in(
        self,
        worker: str,
        place: int,
        back: int,
        share: float,
        rest: Rest,
        lost_reply: bool,
        busy_s: float,
        work: Work | None,
    ) -> None:
        """A hand-in of some prefix, perhaps too long; a lost reply makes it come twice.

        With `back`, the worker does not know that so many units were counted before.
        """
        if place >= len(self.held[worker]):
            return
        held = self.held[worker][place]
        job, (start, stop) = held.job, held.span
        to = min(start + round((stop - start) * share), self.specs[job].total_units)
        begun = Span(max(start - back, held.first), to)
        said = stores.hand_in(self.specs[job], job, "", begun, rest)
        said = replace(said, busy_s=busy_s)
        self.hand_ins[worker] += 1
        sent = Sent(worker, self.who(worker), self.hand_ins[worker], said, held.tokens, work)
        self.sent.append(sent)
        receipt = self.send(sent)
        if lost_reply:
            assert self.send(sent) == receipt
        behind = begun.start < start
        assert (receipt.verdict is Verdict.COUNTED) == (
            behind and receipt.verdict not in (Verdict.CLOSED, Verdict.STALE)
        )
        self.after(sent, held, receipt)

    def send(self, sent: Sent) -> Receipt:
        """Send to every side; they answer the same."""
        receipts = []
        for side, token in zip(self.sides, sent.tokens, strict=True):
            said = replace(sent.said, token=token)
            receipts.append(side.store.verbs.complete(sent.who, sent.seq, said, sent.work))
        plain = [replace(r, pace=_rounded(r)) for r in receipts]
        assert all(r == plain[0] for r in plain), plain
        return receipts[0]

    def after(self, sent: Sent, held: Held, receipt: Receipt) -> None:
        """Keep the story's own record of what was counted and where the worker stands."""
        span = sent.said.span
        if receipt.verdict is Verdict.ACCEPTED:
            units = set(range(*span))
            assert not units & self.counted[held.job], "a unit was counted twice"
            self.counted[held.job] |= units
        goes_on = sent.said.rest is Rest.KEEP and span.stop < receipt.stop
        if receipt.verdict is Verdict.CUT:
            held.span = Span(span.start, receipt.stop)
        elif receipt.verdict is Verdict.COUNTED:
            assert receipt.start == held.span.start
            held.span = Span(receipt.start, receipt.stop)
        elif receipt.verdict is Verdict.ACCEPTED and goes_on:
            held.span = Span(span.stop, receipt.stop)
        else:
            self.held[sent.worker].remove(held)

    @rule(
        worker=st.sampled_from(WORKERS),
        other=st.sampled_from(WORKERS),
        which=st.sampled_from([slice(0, 2), slice(0, 2), slice(0, 1), slice(1, 2), slice(0)]),
    )
    def beat(self, worker: str, other: str, which: slice) -> None:
        """A beat that names what the worker holds, or a part of it, or what another holds."""
        named = [*self.held[worker][which], *self.held[other][:1]][:2]
        standings = []
        for number, side in enumerate(self.sides):
            ids = [LeaseId(held.job, held.tokens[number]) for held in named]
            standings.append(side.store.verbs.beat(self.who(worker), ids))
        plain = [
            (
                [standing.spans.get(held.tokens[number]) for held in named],
                standing.live_workers,
                standing.turn,
            )
            for number, standing in enumerate(standings)
        ]
        assert all(found == plain[0] for found in plain), plain
        for held, left in zip(named, plain[0][0], strict=True):
            if left:
                assert held in self.held[worker], "it is another's"
                held.span = left
            elif held in self.held[worker]:
                self.held[worker].remove(held)

    @rule(job=st.sampled_from(JOBS))
    def turn(self, job: str) -> None:
        """Somebody asks whether to give way to a job, and another does, too."""
        found = [side.store.verbs.turn(job) for side in self.sides]
        assert len(set(found)) == 1, found
        assert not any(side.store.verbs.turn(job) for side in self.sides)

    @rule(job=st.sampled_from(JOBS))
    def stragglers(self, job: str) -> None:
        """Every side shows the same leases, and which of them are queued."""
        views = []
        for side in self.sides:
            _, leases = side.store.views.stragglers(job, 100)
            views.append([(*_told(lease), lease.queued, round(lease.at_ms)) for lease in leases])
            assert not any(lease.queued and lease.losses for lease in leases)
        assert all(sorted(view) == sorted(views[0]) for view in views), views

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def old_message_arrives_again(self, data: st.DataObject) -> None:
        """A call that was sent before arrives once more, as it was."""
        sent = data.draw(st.sampled_from(self.sent))
        before = [[side.store.vitals.dump(job) for job in JOBS] for side in self.sides]
        for side, token in zip(self.sides, sent.tokens, strict=True):
            said = replace(sent.said, token=token)
            dead = sent.who != self.who(sent.worker)
            with pytest.raises(NoSuchWorker) if dead else nullcontext():
                side.store.verbs.complete(sent.who, sent.seq, said, sent.work)
        assert before == [[side.store.vitals.dump(job) for job in JOBS] for side in self.sides]

    @rule(worker=st.sampled_from(WORKERS), other=st.sampled_from(WORKERS), value=st.integers())
    def forged_message(self, worker: str, other: str, value: int) -> None:
        """Somebody hands in what is not theirs, or what cannot be; nothing changes."""
        if not self.held[other]:
            return
        held = self.held[other][0]
        job, span, mine = held.job, held.span, worker == other
        partial = {"value": value} if not mine or abs(value) > 10**6 else {"other": 1}
        for side, token in zip(self.sides, held.tokens, strict=True):
            before = [side.store.vitals.dump(name) for name in JOBS]
            said = HandIn(job=job, token=token, span=span, partial=partial, rest=Rest.KEEP)
            try:
                receipt = side.store.verbs.complete(
                    self.who(worker), self.hand_ins[worker] + 1000 * mine, said
                )
                assert receipt.verdict in (Verdict.STALE, Verdict.CLOSED)
            except (BadSpan, KeyReused):
                pass
            assert before == [side.store.vitals.dump(name) for name in JOBS]
        if mine:
            self.hand_ins[worker] += 1000

    # What reaper and people do --------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.001, 0.5, 1, 2, 30]))
    def time_passes(self, seconds: float) -> None:
        """The wall clock moves on."""
        self.wall.ms += seconds * 1000

    @rule()
    def reap(self) -> None:
        """One pass of a reaper, then another's at the same time."""
        figures = [side.store.verbs.tick() for side in self.sides]
        assert all(f == figures[0] for f in figures), figures
        for side in self.sides:
            late = side.store.views.overdue(10)
            leases = [lease for job in JOBS for lease in side.store.vitals.dump(job).leases]
            held = {lease.token: lease.span for lease in leases}
            for job, token in sorted(late, key=lambda at: (at[0], held.get(at[1], Span(0, 0)))):
                assert side.store.verbs.expire(job, token) is (token in held)
                assert side.store.verbs.expire(job, token) is False

    @rule(worker=st.sampled_from(WORKERS))
    def dies_and_starts_again(self, worker: str) -> None:
        """A worker's process is gone, its parent says so, and another begins."""
        before = self.who(worker)
        lost = [side.store.verbs.leave(before.id, "it died") for side in self.sides]
        assert len(set(lost)) == 1, lost
        self.held[worker] = []
        self.claims[worker] = self.hand_ins[worker] = 0
        self.lives[worker] += 1
        for side in self.sides:
            side.store.verbs.enlist(self.who(worker))
            with pytest.raises(NoSuchWorker):  # a call of the dead that arrives late
                side.store.verbs.enlist(before)

    @rule(
        job=st.sampled_from(JOBS),
        worker=st.sampled_from(WORKERS),
        right=st.booleans(),
        then=st.sampled_from(["keep", "renew", "upload", "release", "finish", "finish too early"]),
    )
    def reduce(self, job: str, worker: str, right: bool, then: str) -> None:
        """An attempt at a reduction; then its holder, or somebody else, goes on or ends it."""
        said = set()
        for side in self.sides:
            reduction = side.store.verbs.reduce(self.who(worker), job)
            assert side.store.verbs.reduce(self.who(worker), job) == reduction
            if reduction:
                spec = self.specs[job]
                whole = stores.partial_of(spec, Span(0, spec.total_units))
                found = reduction.sums or side.store.views.pieces(job, range(spec.total_units))
                assert found == whole, "the sum of all partials is the whole"
            token = reduction.token if reduction and right else "another"
            verbs = side.store.verbs
            parts = [b"one", b"two"]
            match then:
                case "keep":
                    said.add(bool(reduction))
                case "renew":
                    said.add(verbs.renew(job, token))
                case "upload":
                    said.add(verbs.upload(job, token, "f", 0, parts))
                case "release":
                    said.add(verbs.release(job, token, "why"))
                case "finish":
                    stored = verbs.upload(job, token, "f", 0, parts)
                    said.add(verbs.finish(job, token, {"n": 1}, {"f": 2} if stored else {}))
                    assert not stored or side.store.views.file(job, "f") == b"onetwo"
                case _:
                    said.add(verbs.finish(job, token, {"n": 1}, {"f": 3}))
        assert len(said) == 1, said

    @rule(job=st.sampled_from(JOBS), chance=st.integers(0, 9))
    def cancel(self, job: str, chance: int) -> None:
        """A person loses patience, seldom."""
        if chance == 0:
            for side in self.sides:
                side.store.verbs.cancel(job, "enough")

    @rule(worker=st.sampled_from(WORKERS))
    def look(self, worker: str) -> None:
        """Every side shows the same work."""
        views = [side.store.views.look(self.who(worker)) for side in self.sides]
        orders = [[(j.job, round(j.vtime_s, 6)) for j in view.jobs] for view in views]
        assert all(order == orders[0] for order in orders), orders
        assert all(set(v.reducible) == set(views[0].reducible) for v in views)
        for side, view in zip(self.sides, views, strict=True):
            for seen in view.jobs:
                free = side.store.vitals.dump(seen.job).free
                ends = Span(free[0].span.start, free[-1].span.stop) if free else Span(0, 0)
                assert seen.pace.free_within == ends

    @rule(worker=st.sampled_from(WORKERS), until_ms=st.sampled_from([0, 2_000_000]))
    def pause(self, worker: str, until_ms: int) -> None:
        """A worker rests, whatever it holds."""
        for side in self.sides:
            side.store.verbs.pause(self.who(worker), Pause("hydra pause", until_ms))

    @rule(worker=st.sampled_from(WORKERS))
    def enlist(self, worker: str) -> None:
        """A worker is back; its session goes on."""
        for side in self.sides:
            side.store.verbs.enlist(self.who(worker))

    # What must hold -------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost(self) -> None:
        """The invariants hold on every side, and every side holds the same."""
        tallies = [side.store.vitals.tally() for side in self.sides]
        assert all(tally == tallies[0] for tally in tallies), tallies
        crews = [
            [
                (w.id, w.seen_ms, w.live_until_ms, w.job, w.pause, w.doing)
                for w in s.store.views.workers()
            ]
            for s in self.sides
        ]
        assert all(crew == crews[0] for crew in crews), crews
        assert tallies[0].units == sum(map(len, getattr(self, "counted", {}).values()))
        for job, spec in getattr(self, "specs", {}).items():
            dumps = [side.store.vitals.dump(job) for side in self.sides]
            for side, dump in zip(self.sides, dumps, strict=True):
                assert not violations(dump), violations(dump)
                before = side.before.get(job, dump)
                assert not regressions(before, dump), regressions(before, dump)
                side.before[job] = dump
                assert dump.job.done_units == len(self.counted[job])
                if spec.sum_bounds:
                    right = sum(map(stores.value_of, self.counted[job]))
                    assert dump.job.sums.get("value", 0) == right
                elif dump.job.state in (JobState.RUNNING, JobState.REDUCING):
                    assert dump.pieces == self.counted[job]
            first = dumps[0]
            for dump in dumps[1:]:
                assert dump.job == first.job
                assert list(dump.free) == list(first.free)
                leases = [sorted(map(_told, d.leases)) for d in dumps]
                assert leases[0] == leases[-1]
            timelines = [
                [replace(c, id="") for c in s.store.views.timeline(job)] for s in self.sides
            ]
            assert all(found == timelines[0] for found in timelines), timelines
            ended = [unit for chunk in timelines[0] for unit in range(*chunk.span)]
            assert len(ended) == len(set(ended)), "two chunks handed in one unit"
            assert set(ended) <= self.counted[job]
            if first.job.state in (JobState.REDUCING, JobState.DONE):
                assert set(ended) == self.counted[job]
            assert not clashes(list(self.sides[-1].before.values()))
            stories = [
                [(e.verb, e.fields) for e in side.store.views.story(job)] for side in self.sides
            ]
            assert all(story == stories[0] for story in stories), stories


def _told(lease: Lease) -> tuple[Span, str, int, float]:
    """What stores must agree on; rates but for their last digits."""
    return lease.span, lease.worker, lease.losses, float(f"{lease.rate_units_s:.9g}")


def _rounded(receipt: Receipt) -> object:
    pace = receipt.pace
    return replace(pace, rate=float(f"{pace.rate:.9g}"), fleet_rate=float(f"{pace.fleet_rate:.9g}"))


def tell(stories: type[Stories], examples: int, steps: int) -> None:
    """So many stories of so many steps."""
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    run_state_machine_as_test(stories, settings=wanted)


def test_memory_tells_sound_stories() -> None:
    tell(Stories, 25, 30)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("examples", "steps"), [(25, 30), pytest.param(300, 80, marks=pytest.mark.long)]
)
def test_memory_and_lua_tell_the_same_stories(
    examples: int, steps: int, request: pytest.FixtureRequest
) -> None:
    real = stores.home_of_lua() == "real"
    client = request.getfixturevalue("redis_client") if real else None

    class Both(Stories):
        def make_sides(self) -> list[Side]:
            if client is None:
                return [Side(stores.memory(self.wall)), Side(stores.fake(self.wall))]
            client.flushall()
            return [Side(stores.memory(self.wall)), Side(stores.real(self.wall, client))]

    tell(Both, examples, steps)
