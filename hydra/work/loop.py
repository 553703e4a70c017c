"""The loop that every worker runs: claim, compute slice by slice, hand in.

The problem: a kernel call must not last longer than a lease, a hand-in must survive a lost reply,
and an idle worker may cut the span short at any moment. The idea: keep each slice's partial until
the store has counted it; `Holding` does the bookkeeping without any I/O, the loop decides when to
call. Rejected: a background sender of results, which would learn too late that a lease is gone.

One thread computes; a second one sends bare heartbeats when a slice lasts longer than a beat. Both
call the store under one lock, because a session's calls are numbered. When the second learns that
the slice is no longer wanted, `interrupt` has `break_off` called in the first (by a signal, which
kernels let through). Rejected: a flag that each kernel would have to check in its loops.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from hydra.clock import Clock
from hydra.errors import HydraError, Invalid
from hydra.kernels import Kernel
from hydra.model import Partial, Rest, Session, Span, Verdict
from hydra.model.limits import POLLS_PER_S_MAX, SHOWN_S
from hydra.model.messages import Grant, HandIn, Hint, Receipt, Report
from hydra.model.pauses import Pause
from hydra.policy.calling import call_interval_s
from hydra.policy.chunking import OVERTIME
from hydra.policy.reducing import defers_reduction, reduction_wait_s
from hydra.ports import Pacing, WorkPort
from hydra.work.holding import BrokenOff, Holding
from hydra.work.overheads import Overheads
from hydra.work.patience import retry_through_outage

HEART_LOOK_EVERY_S = 0.25
"""How often the heartbeat thread looks at the clock."""

LOG = logging.getLogger("hydra.worker")


class Worker:
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
        stopping: Callable[[], bool] = lambda: False,
        pausing: Callable[[], Pause | None] = lambda: None,
        interrupt: Callable[[], None] | None = None,
        give_up: Callable[[], None] = lambda: None,
        beats: bool = True,
    ) -> None:
        """`interrupt`, called in any thread, has `break_off` called soon in the computing one.

        Without it, a slice that is no longer wanted runs to its end. `give_up` ends the process,
        for a kernel call that does not return; its lease has been given up by then.
        """
        self._port = port
        self._kernels = kernels
        self._clock = clock
        self._pacing = pacing
        self._session = session
        self._stopping = stopping
        self._pausing = pausing
        self._interrupt = interrupt
        self._give_up = give_up
        self._beats = beats
        self._lock = threading.Lock()
        self._seq = self._live_workers = 0
        self._called_s = self._slice_began_s = 0.0
        self._may_reduce_s = -math.inf  # a clock may begin anywhere, even below zero
        self._overheads = Overheads()
        self._out_of_memory = False
        self._computing: Holding | None = None
        self._slice_units: dict[str, int] = {}  # by job; as short as the shift

    def shift(self, hint: Hint) -> bool:
        """Work for one shift; whether there was work until its end.

        Raises Unavailable when the store stays silent for longer than `outage_seconds`.
        """
        with self._heart():
            return self._claim_and_work(hint)

    def break_off(self) -> None:
        """End the slice that this thread computes, if the store wants no more of its lease.

        For a signal's handler in the computing thread; what it raises stays inside `shift`.
        """
        if self._computing and not self._computing.wanted:
            raise BrokenOff

    def _claim_and_work(self, hint: Hint) -> bool:
        enlist_s = turn_s = self._clock.monotonic_s()
        ends_s = turn_s + self._pacing.shift_seconds
        grant: Grant | None = None
        poll_s, busy = self._pacing.poll_seconds, False
        while True:
            if not grant and (pause := self._pausing()):
                busy, enlist_s = False, self._clock.monotonic_s()
                self._pause(pause)
            elif not grant and (left_s := turn_s - self._clock.monotonic_s()) > 0:
                self._clock.sleep_s(min(left_s, poll_s))
            elif not grant and self._clock.monotonic_s() >= enlist_s:
                self._live_workers = self._call(lambda: self._port.enlist(self._session))
                enlist_s = self._clock.monotonic_s() + SHOWN_S
                continue
            elif grant := grant or self._claim(hint):  # a lease is never dropped
                busy, grant = True, self._work(grant, ends_s)
                enlist_s = self._clock.monotonic_s() + SHOWN_S
            elif self._clock.monotonic_s() < self._may_reduce_s or not self._call(
                lambda: self._port.reduce(self._session)
            ):
                busy = False
                self._call(lambda: self._port.listen(poll_s))
                rest_s = call_interval_s(self._live_workers, poll_s, POLLS_PER_S_MAX) - poll_s
                turn_s = self._clock.monotonic_s() + rest_s  # in a large fleet a bell wakes few
            if grant is None and self._shift_over(ends_s):
                return busy

    def _pause(self, pause: Pause) -> None:
        self._call(lambda: self._port.pause(self._session, pause))
        self._clock.sleep_s(self._pacing.poll_seconds)

    def _shift_over(self, ends_s: float) -> bool:
        return self._out_of_memory or self._stopping() or self._clock.monotonic_s() >= ends_s

    def _claim(self, hint: Hint) -> Grant | None:
        asked = Hint(hint.job, hint.units, self._overheads.least_s())
        with self._numbered() as seq:
            grant: Grant | None = self._call(lambda: self._port.claim(self._session, seq, asked))
            return grant

    def _work(self, grant: Grant, ends_s: float) -> Grant | None:
        """Compute a lease to its end; the next one if it came with the last hand-in."""
        kernel = self._kernels[grant.spec.kernel]
        held = Holding(grant, self._slice_units.get(grant.job, 0))
        due_s = self._clock.monotonic_s() + OVERTIME * grant.tau_s
        while True:
            if note := self._slice(kernel, held):
                self._hand_in(kernel, held, Rest.LOST, False, note)
                self._clock.sleep_s(self._pacing.poll_seconds)  # another worker may try it first
                return None
            if not held.wanted:
                return None
            over, pause = self._shift_over(ends_s), self._pausing()
            if held.complete or over or pause or self._clock.monotonic_s() >= due_s:
                why = "the shift ends" if over else f"{OVERTIME} times its planned time is over"
                why = f"it pauses: {pause.why}" if pause else why
                return self._hand_in(kernel, held, Rest.RETURN, not (over or pause), why)
            beat_due = self._clock.monotonic_s() - self._called_s >= grant.beat_s
            if beat_due and not self._beat(kernel, held):
                return None

    def _slice(self, kernel: Kernel, held: Holding) -> str:
        """Compute one slice; why it failed, or nothing."""
        span = held.next_slice()
        self._slice_began_s = began_s = self._clock.monotonic_s()
        try:
            partial = self._run(kernel, held, span)
        except BrokenOff:
            return ""
        except MemoryError:  # a fresh process may do better
            self._out_of_memory = True
            return "MemoryError"
        except Exception as error:  # of the kernel: another worker may try the span
            return f"{type(error).__name__}: {error}"
        took_s = self._clock.monotonic_s() - began_s
        held.computed(span, partial, took_s, self._pacing.slice_seconds)
        if not kernel.units_differ:  # else this slice says little about the next
            self._slice_units[held.grant.job] = held.slice_units
        return ""

    def _run(self, kernel: Kernel, held: Holding, span: Span) -> Partial:
        """The kernel's call; `break_off` raises nowhere but in here."""
        try:
            self._computing = held
            partial = kernel.run(held.grant.spec.params, span)
        finally:
            self._computing = None
        if not isinstance(partial, Mapping):
            raise TypeError(f"run gave {type(partial).__name__}, not a mapping")
        return partial

    def _beat(self, kernel: Kernel, held: Holding) -> bool:
        """Hand in what is done and go on; whether the lease is still ours."""
        receipt, hand_in = self._complete(kernel, held, Rest.KEEP, False)
        if receipt.verdict is Verdict.CUT:
            held.trim(receipt.stop)
        elif receipt.verdict is Verdict.ACCEPTED:
            held.counted(hand_in.span, receipt)
        return hand_in.rest is Rest.KEEP and receipt.verdict in (Verdict.CUT, Verdict.ACCEPTED)

    def _hand_in(
        self, kernel: Kernel, held: Holding, rest: Rest, more: bool, note: str
    ) -> Grant | None:
        """End the lease; the next one if there is one. If cut meanwhile: trim, send again."""
        while True:
            receipt, _ = self._complete(kernel, held, rest, more, note)
            if receipt.verdict is not Verdict.CUT:
                return receipt.grant
            held.trim(receipt.stop)
            while held.wanted and not held.complete and rest is not Rest.LOST:
                note = self._slice(kernel, held)
                rest = Rest.LOST if note else rest

    def _complete(
        self, kernel: Kernel, held: Holding, rest: Rest, more: bool, note: str = ""
    ) -> tuple[Receipt, HandIn]:
        """Hand in what is computed; if it cannot be right, nothing, and the lease is lost."""
        try:
            hand_in = held.hand_in(kernel.merge, rest, note)
        except Exception as error:  # of the kernel: another worker may try the span
            return self._lose(held, f"merge raised {type(error).__name__}: {error}")
        try:
            return self._report(held, hand_in, more), hand_in
        except Invalid as error:
            return self._lose(held, error.sentence)

    def _lose(self, held: Holding, note: str) -> tuple[Receipt, HandIn]:
        while True:
            hand_in = held.lost(note)
            receipt = self._report(held, hand_in, False)
            if receipt.verdict is not Verdict.CUT:
                self._clock.sleep_s(self._pacing.poll_seconds)  # another worker may try it first
                return receipt, hand_in
            held.trim(receipt.stop)

    def _report(self, held: Holding, hand_in: HandIn, more: bool) -> Receipt:
        spec = held.grant.spec
        with self._numbered() as seq:
            overhead_s = self._overheads.of_s(spec.kernel)
            report = Report(hand_in=hand_in, more=more, overhead_s=overhead_s)
            began_s = self._clock.monotonic_s()
            receipt: Receipt = self._call(lambda: self._port.complete(self._session, seq, report))
            took_s = self._clock.monotonic_s() - began_s
        self._log_refusal(held, receipt)
        self._live_workers = receipt.pace.live_workers
        self._may_reduce_s = self._called_s + reduction_wait_s(receipt.pace, spec)
        if receipt.grant:  # what a chunk costs: beats are cheaper
            self._overheads.note(spec.kernel, took_s)
        if receipt.last:
            self._reduce(held.grant, receipt)
        return receipt

    def _reduce(self, grant: Grant, receipt: Receipt) -> None:
        """All units of the job are in: make the answer, unless a faster worker does it first."""
        if defers_reduction(receipt.pace, grant.spec.piece_bytes_max > 0):
            self._clock.sleep_s(self._pacing.poll_seconds)
        self._call(lambda: self._port.reduce(self._session, grant.job))

    def _log_refusal(self, held: Holding, receipt: Receipt) -> None:
        """Tell the log if what was computed is refused."""
        if receipt.verdict in (Verdict.STALE, Verdict.CLOSED):
            LOG.warning(
                "hand-in refused verdict=%s job=%s units=%d..%d",
                receipt.verdict,
                held.grant.job,
                held.handed_in,
                held.reached,
            )

    @contextmanager
    def _heart(self) -> Iterator[None]:
        """A thread that sends a bare beat whenever a slice lasts longer than one."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEART_LOOK_EVERY_S):
                self._beat_if_due()

        if not self._beats:
            yield
            return
        thread = threading.Thread(target=beat, name="heart", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _beat_if_due(self) -> None:
        held, now_s = self._computing, self._clock.monotonic_s()
        if held and now_s - self._slice_began_s > self._pacing.call_seconds:
            self._abandon()
        elif held and now_s - self._called_s >= held.grant.beat_s:
            self._bare_beat(held)

    def _abandon(self) -> None:
        """The kernel call does not return: give the lease up at once, and end the process."""
        why = f"one kernel call took longer than {self._pacing.call_seconds:g} s"
        with suppress(HydraError):  # no beats follow, so the lease runs out by itself
            self._port.leave(self._session, why)
        self._give_up()

    def _bare_beat(self, held: Holding) -> None:
        span = Span(held.handed_in, held.handed_in)
        bare = HandIn(
            job=held.grant.job,
            token=held.grant.token,
            span=span,
            partial={},
            rest=Rest.KEEP,
            busy_s=held.busy_s,
        )
        report = Report(hand_in=bare, more=False)
        with self._numbered() as seq:
            if self._computing is not held:
                return  # the slice ended while we waited for the lock
            try:
                held.beat_reply = self._port.complete(self._session, seq, report)
            except HydraError:
                return  # the computing thread will get the same error, and handles it
            self._called_s = self._clock.monotonic_s()
        self._log_refusal(held, held.beat_reply)
        if self._interrupt and not held.wanted:
            self._interrupt()

    @contextmanager
    def _numbered(self) -> Iterator[int]:
        """The next sequence number, for one call at a time."""
        with self._lock:
            self._seq += 1
            yield self._seq

    def _call(self, call: Callable[[], Any]) -> Any:
        """Make a call that may be repeated, even through an outage; note when it was answered."""
        result = retry_through_outage(call, self._clock, self._pacing.outage_seconds)
        self._called_s = self._clock.monotonic_s()
        return result
