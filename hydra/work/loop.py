"""The loop that every worker runs: claim, compute slice by slice, hand in, all beside each other.

The problem: a kernel call must not last longer than a lease, a hand-in must survive a lost reply,
an idle worker may cut the span short at any moment, and no kernel should wait for a link. The idea:
the loop computes; on lanes beside it the next chunk is claimed shortly before the current one ends,
and what is computed is handed in while the next chunk is already computed. A session holds two
leases at most, so a worker is never further ahead of what is counted. `Holding` does the
bookkeeping of a lease without any I/O, `Claimer` claims, `Sender` sends, `Heart` keeps the leases
alive.

The loop yields acts (see `acts`): hosts, the simulator and the seeded faults each do them in their
own way. Only the loop changes what it computes; the lanes leave replies, which it sees to between
two slices. A slice that is no longer wanted is broken off by `interrupt` (a signal, which kernels
let through). Rejected: a flag that each kernel would have to check in its loops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from hydra.clock import Clock
from hydra.errors import Unavailable
from hydra.kernels import Kernel
from hydra.model import LeaseId, Rest, Session, Span
from hydra.model.limits import POLLS_PER_S_MAX, SHOWN_S
from hydra.model.messages import Grant, Hint
from hydra.model.pauses import Pause
from hydra.policy.calling import call_interval_s, shift_s
from hydra.policy.chunking import OVERTIME
from hydra.policy.reducing import defers_reduction, reduction_wait_s
from hydra.ports import Pacing, WorkPort
from hydra.work.acts import (
    Computed,
    Lane,
    Pending,
    Steps,
    compute,
    listen,
    start,
    wait,
    wait_at_most,
)
from hydra.work.caller import Caller
from hydra.work.claimer import Claimer
from hydra.work.heart import Heart
from hydra.work.holding import BrokenOff, Holding
from hydra.work.overheads import Overheads
from hydra.work.patience import RETRY_S_MIN, call_through_outage
from hydra.work.sender import Sender, Told

T = TypeVar("T")

CLAIM_LEAD_CALLS, CLAIM_LEAD_S = 4.0, 0.1
"""The next chunk is claimed when the current one still lasts so many calls, or so long: late, so
that others get what is free, but in time."""


SLICES_AHEAD = 2.0
"""The claim is put on its lane when less than so many slices lie before it, or the next slice is
longer than that: the loop looks at the time between slices only."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What becomes of a lease that is no longer computed."""

    rest: Rest | None
    """None if the lease is not ours any more: there is nothing to hand in."""
    note: str = ""
    goes_on: bool = True
    """Whether another lease may follow at once."""


GONE = Ending(None)


class Loop:
    """Works shifts over a port; `stopping` ends a shift after the current slice, work handed in.

    `pausing` gives the reason to take no work now, or None. With a reason, the worker gives back
    what it holds after the current slice.
    """

    def __init__(
        self,
        port: WorkPort,
        kernels: Mapping[str, Kernel],
        clock: Clock,
        pacing: Pacing,
        session: Session,
        *,
        stopping: Callable[[], bool],
        pausing: Callable[[], Pause | None],
        interrupt: Callable[[], None],
        give_up: Callable[[], None],
        shows_progress: bool = True,
    ) -> None:
        """Without `shows_progress`, somebody else tells the store what is done of a lease."""
        self._port = port
        self._kernels = kernels
        self._clock = clock
        self._pacing = pacing
        self._session = session
        self._stopping = stopping
        self._pausing = pausing
        self._shows_progress = shows_progress
        caller = Caller(port, clock, pacing, session)
        self._link = caller.link
        self._claimer = Claimer(caller)
        self._sender = Sender(caller)
        self.heart = Heart(caller, interrupt, give_up)
        self._overheads = Overheads()
        self._live_workers = 0
        self._began_s = self._enlist_s = self._ask_s = 0.0
        """When the shift began, when to show oneself again, when an idle worker may ask again."""
        self._may_reduce_s = -math.inf  # a clock may begin anywhere, even below zero
        self._out_of_memory = False
        self._too_large: MemoryError | None = None
        """What ended a reduction, which was given back."""
        self._slice_units: dict[str, int] = {}  # by job; as short as the shift
        self._rates: dict[str, float] = {}
        """By job, cost units a second inside the kernel; as short as the shift."""
        self._beating: Pending[None] = Pending()
        self._queued: Holding | None = None
        self._claiming: Pending[Grant | None] | None = None
        self._asked_for_next = False
        self._goes_on = True
        """Whether another lease may follow the one that is worked on."""
        self._turn = ""
        """The job whose turn has come, for the next claim."""
        self._waited_s = 0.0
        """How long the last claim was waited for."""
        self._progress: Pending[Told] | None = None
        self._progressed_s = 0.0
        self._outgoing: list[Pending[Told]] = []
        self._reductions: list[tuple[float, str]] = []
        """Jobs whose last unit we handed in, and when to reduce them."""

    def break_off(self) -> None:
        """End the slice that is computed now, if the store wants no more of its lease.

        For a signal's handler in the computing thread; what it raises stays inside the loop.
        """
        computing = self.heart.computing
        if computing and not computing.wanted:
            self.heart.computing = None  # once: the next signal may come outside the kernel
            raise BrokenOff

    # A shift ---------------------------------------------------------------------------------

    def shift(self, hint: Hint) -> Steps[bool]:
        """Work for one shift; whether there was work until its end.

        Raises Unavailable when the store stays silent for longer than `outage_seconds`, and
        MemoryError when a reduction was given back for the lack of it.
        """
        now_s = self._now_s()
        self._enlist_s = self._ask_s = now_s
        self._began_s = now_s
        busy = False
        self._beating = yield from start(Lane.HEART, self.heart.beat_for_ever())
        while True:
            if pause := self._pausing():
                busy = False
                yield from self._pause(pause)
            elif self._ask_s > self._now_s():
                yield from wait_at_most(self._now_s() + self._pacing.poll_seconds, self._ask_s)
            else:
                yield from self._show_oneself()
                grant = yield from self._claim(hint)
                hint = Hint()  # it was for the first claim: jobs take turns in a shift, too
                if grant:
                    busy = True
                    yield from self._work(grant)
                elif not (yield from self._reduce_any()):
                    busy = False
                    yield from self._listen()
            if self._too_large:
                raise self._too_large
            if self._shift_over():
                if busy and not self._out_of_memory and not self._stopping():
                    yield from self._reduce_any()  # where all are busy nobody else would
                return busy

    def _pause(self, pause: Pause) -> Steps[None]:
        yield from self._call(lambda: self._port.pause(self._session, pause))
        self._enlist_s = self._now_s()
        yield from wait(self._now_s() + self._pacing.poll_seconds)

    def _show_oneself(self) -> Steps[None]:
        if self._now_s() >= self._enlist_s:
            began_s = self._now_s()
            self._live_workers = yield from self._call(lambda: self._port.enlist(self._session))
            self._link.came_back(self._now_s() - began_s)
            self._enlist_s = self._now_s() + SHOWN_S

    def _listen(self) -> Steps[None]:
        poll_s = self._pacing.poll_seconds
        try:
            yield from listen(self._port, poll_s)
        except Unavailable:
            yield from wait(self._now_s() + RETRY_S_MIN)  # the next call has the patience
        rest_s = call_interval_s(self._live_workers, poll_s, POLLS_PER_S_MAX) - poll_s
        self._ask_s = self._now_s() + rest_s  # in a large fleet a bell wakes few

    def _shift_over(self) -> bool:
        return self._out_of_memory or self._stopping() or self._now_s() >= self._ends_s()

    def _ends_s(self) -> float:
        """When the shift ends: later over slow links, where ends cost more."""
        return self._began_s + shift_s(self._pacing.shift_seconds, self._link.round_trip_s)

    # Leases ----------------------------------------------------------------------------------

    def _work(self, grant: Grant) -> Steps[None]:
        """Compute a lease, and those that follow it without a pause."""
        held: Holding | None = self._hold(grant)
        self._goes_on = True
        while held:
            kernel = self._kernels[held.grant.spec.kernel]
            began_s = self._now_s()
            ending = yield from self._compute(held, kernel)
            took_s = self._now_s() - began_s
            progress, self._progress = self._progress, None
            yield from self._end(held, kernel, ending, progress)
            self._goes_on = ending.goes_on
            self._waited_s, asked = 0.0, self._asked_for_next
            link_is_behind = any(not other.done for other in self._outgoing[:-1])
            held = (yield from self._next(held)) if self._goes_on else None
            if held and asked and took_s >= self._link.call_s:  # else it could not be in time
                # Where the kernel waits for the link, larger chunks would not let it wait less.
                self._overheads.note(kernel.name, 0.0 if link_is_behind else self._waited_s)
        yield from self._hand_in_everything()
        self._enlist_s = self._now_s() + SHOWN_S

    def _hold(self, grant: Grant) -> Holding:
        held = Holding(grant, self._slice_units.get(grant.job, 0))
        self.heart.hold(held)
        return held

    def _compute(self, held: Holding, kernel: Kernel) -> Steps[Ending]:
        """Compute a lease slice by slice to its end, and see to all else between the slices."""
        due_s = self._now_s() + OVERTIME * held.grant.tau_s
        self._asked_for_next, self._progressed_s = False, self._now_s()
        look_s = -math.inf
        while held.unfinished():
            if self._now_s() >= look_s:
                look_s = yield from self._claim_in_time(held, kernel, due_s)
            until_s = look_s
            if self._shows_progress:
                until_s = min(look_s, self._progressed_s + held.grant.beat_s)
            if failed := (yield from self._slice(held, kernel, until_s)):
                return Ending(Rest.LOST, failed, goes_on=False)
            yield from self._see_to_replies()
            if not held.unfinished():
                break
            if self._shift_over():
                return Ending(Rest.RETURN, "the shift ends", goes_on=False)
            if pause := self._pausing():
                return Ending(Rest.RETURN, f"it pauses: {pause.why}", goes_on=False)
            if self._now_s() >= due_s:
                return Ending(Rest.RETURN, f"{OVERTIME} times its planned time is over")
            if self.heart.turn:
                ending = yield from self._give_way(held)
                if ending:
                    return ending
            if (yield from self._hand_in_progress(held, kernel)):
                look_s = -math.inf  # once a beat its end is estimated anew
        return self._whole(held)

    def _whole(self, held: Holding) -> Ending:
        """The ending of a lease that is computed, if it is still ours."""
        over = self._shift_over() or bool(self._pausing())
        return Ending(Rest.RETURN, goes_on=not over) if held.wanted else GONE

    def _slice(self, held: Holding, kernel: Kernel, until_s: float) -> Steps[str]:
        """Compute one slice; why it failed, or nothing."""
        span = held.next_slice()
        try:
            done = yield from compute(lambda: self._run(kernel, held, span), held, until_s)
        except BrokenOff:
            return ""
        except MemoryError:  # a fresh process may do better
            self._out_of_memory = True
            return "MemoryError"
        except Exception as error:  # of the kernel: another worker may try the span
            return f"{type(error).__name__}: {error}"
        span = Span(held.reached, held.reached + done.units)
        held.computed(span, done.partial, done.took_s, self._pacing.slice_seconds)
        if not kernel.units_differ:  # else this slice says little about the next
            self._slice_units[held.grant.job] = held.slice_units
        return ""

    def _run(self, kernel: Kernel, held: Holding, span: Span) -> Computed:
        """The kernel's call; `break_off` raises nowhere but in here."""
        began_s = self._now_s()
        try:
            self.heart.begin(held)
            partial = kernel.run(held.grant.spec.params, span)
        finally:
            self.heart.computing = None
        if not isinstance(partial, Mapping):
            raise TypeError(f"run gave {type(partial).__name__}, not a mapping")
        return Computed(partial, span.units, self._now_s() - began_s)

    # The next one ----------------------------------------------------------------------------

    def _claim(self, hint: Hint) -> Steps[Grant | None]:
        """Claim while nothing is held: free units, or the far part of somebody's lease."""
        asked = self._hint()
        return self._claimer.claim(replace(asked, job=hint.job or asked.job, units=hint.units))

    def _hint(self, behind: LeaseId | None = None) -> Hint:
        """What to say of a claim that is made at once: whose turn has come, if somebody said.

        `behind` is the lease at whose end it is made; more of its job is wanted if no other's turn
        has come.
        """
        turn, self._turn = self._turn, ""
        return Hint(
            job=turn,
            overhead_s=self._overheads.least_s(),
            call_s=self._link.call_s,
            held=behind,
        )

    def _claim_in_time(self, held: Holding, kernel: Kernel, due_s: float) -> Steps[float]:
        """Have the next chunk claimed shortly before this one ends; when to look again."""
        if self._asked_for_next or not held.grant.pace.rate:
            return due_s
        now_s = self._now_s()
        slice_s = self._takes_s(held, kernel, held.next_slice())
        left_s = self._takes_s(held, kernel, Span(held.reached, held.stop))
        end_s = min(now_s + left_s, due_s)
        claim_s = end_s - max(CLAIM_LEAD_CALLS * self._link.call_s, CLAIM_LEAD_S)
        look_s = claim_s - max(SLICES_AHEAD * self._pacing.slice_seconds, slice_s)
        if now_s < look_s or end_s >= self._ends_s():
            return min(look_s, due_s)
        self._asked_for_next = True
        hint = Hint(
            overhead_s=self._overheads.of_s(kernel.name),
            call_s=self._link.call_s,
            held=held.id,
        )
        yield from self._start_claim(claim_s, end_s, hint, self._outgoing[-1:])
        return due_s

    def _start_claim(
        self, claim_s: float, begins_s: float, hint: Hint, hand_ins: Sequence[Pending[Told]]
    ) -> Steps[None]:
        """Put a claim on its lane; `hand_ins` has the one that must be answered before, if any."""
        hand_in = hand_ins[0] if hand_ins else None
        work = self._claimer.claim_at(claim_s, begins_s, hint, hand_in, self._goes_on_now)
        self._claiming = yield from start(Lane.CLAIMS, work)

    def _takes_s(self, held: Holding, kernel: Kernel, span: Span) -> float:
        """How long units of a lease take here, by its own speed or that of the one before.

        What the store knows is slower where the link takes longer than the kernel.
        """
        costs, grant = kernel.costs(held.grant.spec.params), held.grant
        done = costs.of(Span(grant.span.start, held.reached))
        if held.busy_s > 0 and done > 0:
            self._rates[grant.job] = done / held.busy_s
        return costs.of(span) / self._rates.get(grant.job, grant.pace.rate)

    def _goes_on_now(self) -> bool:
        """Whether a claim that was put off is still wanted."""
        return self._goes_on and not self._shift_over()

    def _next(self, last: Holding) -> Steps[Holding | None]:
        """What to compute now: what was claimed in time, or is claimed at once; or nothing."""
        if self._claiming is None and self._queued is None and not self._shift_over():
            now_s = self._now_s()
            yield from self._start_claim(now_s, now_s, self._hint(last.id), self._outgoing[-2:-1])
        yield from self._take_claimed()
        held, self._queued = self._queued, None
        return held if held and held.wanted else None

    def _take_claimed(self) -> Steps[None]:
        """Wait for the claim that is on its way, if there is one."""
        if self._claiming is None:
            return
        began_s = self._now_s()
        self._claiming.hurry()
        if not self._claiming.done:
            yield from wait(math.inf, self._claiming)
            self._waited_s = self._now_s() - began_s
        self._hold_claimed()

    def _hold_claimed(self) -> None:
        """Beat for what was claimed from now on: it may be long until it is begun."""
        if self._claiming and self._claiming.done:
            grant = self._claiming.result()
            self._claiming = None
            self._queued = self._hold(grant) if grant else None

    def _give_way(self, held: Holding) -> Steps[Ending | None]:
        """A job waits for its turn: give back what has not begun of others, else what has."""
        if self._claiming and not self._claiming.done and self._outgoing:
            self._claiming.hurry()
            return None  # it waits for a hand-in, and the kernel waits for no link: look again
        turn, self.heart.turn = self.heart.turn, ""
        if turn == held.id.job:
            return None  # it has its turn: it was claimed since the beat
        why = "another job's turn has come"
        yield from self._take_claimed()
        if self._queued and self._queued.id.job == turn:
            return None
        self._turn = turn
        if self._queued is None:
            return Ending(Rest.RETURN, why)
        yield from self._give_back_queued(why)
        self._asked_for_next, now_s = True, self._now_s()
        yield from self._start_claim(now_s, now_s, self._hint(held.id), self._outgoing[-1:])
        return None

    def _give_back_queued(self, why: str) -> Steps[None]:
        queued, self._queued = self._queued, None
        if queued:
            kernel = self._kernels[queued.grant.spec.kernel]
            yield from self._end(queued, kernel, Ending(Rest.RETURN, why))

    # Handing in ------------------------------------------------------------------------------

    def _end(
        self,
        held: Holding,
        kernel: Kernel,
        ending: Ending,
        progress: Pending[Told] | None = None,
    ) -> Steps[None]:
        """Leave a lease to the sender; `progress` is a prefix of it that is on its way."""
        if ending.rest is None:
            self.heart.drop(held)
            if progress:
                self._outgoing.append(progress)  # it may bring the job's last unit
            return
        held.leaving = True
        work = self._sender.hand_over(held, kernel, ending.rest, ending.note, progress)
        self._outgoing.append((yield from start(Lane.HAND_INS, work)))

    def _hand_in_progress(self, held: Holding, kernel: Kernel) -> Steps[bool]:
        """Hand in what is done of a lease that goes on, once a beat; whether it was time.

        It is, too, if the next slice would end after that: what is done would wait for it.
        """
        if self._progress or self._outgoing or not self._shows_progress:
            return False
        if self._now_s() + held.slice_s() < self._progressed_s + held.grant.beat_s:
            return False
        self._progressed_s = self._now_s()
        work = self._sender.progress(held, kernel)
        self._progress = yield from start(Lane.HAND_INS, work)
        return True

    def _hand_in_everything(self) -> Steps[None]:
        """Wait until all that was computed is counted, and nothing is held any more."""
        yield from self._take_claimed()
        if self._queued:
            yield from self._give_back_queued("the worker does not go on")
        while self._outgoing or self._reductions:
            if self._outgoing:
                yield from wait(math.inf, self._outgoing[0])
            else:
                yield from wait(self._reductions[0][0])
            yield from self._see_to_replies()
        self.heart.forget()

    def _see_to_replies(self) -> Steps[None]:
        """What the store has said meanwhile, on any lane."""
        if self._beating.done:
            self._beating.result()  # it goes on for ever, or raises
        self._hold_claimed()
        self.heart.apply()
        if self._progress and self._progress.done:
            told, self._progress = self._progress.result(), None
            told.note()
            self._learn(told)
        while self._outgoing and self._outgoing[0].done:
            told = self._outgoing.pop(0).result()
            self.heart.drop(told.held)
            self._learn(told)
        while self._reductions and self._reductions[0][0] <= self._now_s():
            _, job = self._reductions.pop(0)
            yield from self._reduce(job)

    def _learn(self, told: Told) -> None:
        """From any reply to a hand-in."""
        receipt, spec = told.receipt, told.held.grant.spec
        if told.ours:
            self.heart.renewed(told.held)
        self._live_workers = receipt.pace.live_workers
        self._may_reduce_s = self._now_s() + reduction_wait_s(receipt.pace, spec)
        if receipt.last:
            defers = defers_reduction(receipt.pace, spec.piece_bytes_max > 0)
            wait_s = self._pacing.poll_seconds if defers else 0.0
            self._reductions.append((self._now_s() + wait_s, told.held.grant.job))
        if told.hand_in.rest is Rest.LOST:  # another worker may try it first
            self._ask_s = self._now_s() + self._pacing.poll_seconds

    # The answer ------------------------------------------------------------------------------

    def _reduce_any(self) -> Steps[bool]:
        """Reduce what waits for it, if that is not better left to others."""
        if self._now_s() < self._may_reduce_s:
            return False
        return (yield from self._reduce())

    def _reduce(self, job: str = "") -> Steps[bool]:
        """Make the answer of that job, or of any, unless another worker came first."""
        try:
            return (yield from self._call(lambda: self._port.reduce(self._session, job)))
        except MemoryError as error:  # the shift ends by it once what is held is handed in
            self._out_of_memory, self._too_large = True, error
            return True

    # Calls -----------------------------------------------------------------------------------

    def _call(self, run: Callable[[], T]) -> Steps[T]:
        return call_through_outage(run, self._clock, self._pacing.outage_seconds)

    def _now_s(self) -> float:
        return self._clock.monotonic_s()
