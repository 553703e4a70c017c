"""Keeps leases alive while a worker computes, and hears what becomes of them.

A beat names the leases that the worker knows. It renews those and no others, and tells what is left
of each: the far part may have been taken, or all of it. Where hand-ins renew a lease often enough,
no beat is needed for it; one is sent now and then even so, as it also tells whether another job
waits for its turn. A worker that cannot hand in what it has computed for as long as an outage
may last beats no more, since nobody would have what it holds. Between beats the heart listens for
the bell, which rings for new jobs, so that these need not wait for the next beat.

The heart runs beside the loop and changes nothing but flags and times of what it was given; what a
beat has told is applied by the loop, between two slices.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress

from hydra.errors import HydraError
from hydra.model.messages import Standing
from hydra.policy.calling import call_interval_s
from hydra.work.acts import Pending, Steps, call, listen, wait
from hydra.work.caller import Caller
from hydra.work.holding import Holding

LATE_SHARE = 1.5
"""A beat is sent when a lease was not renewed for this many beats: hand-ins come first."""

BEATS_UNHEARD = 4.0
"""A beat is sent after this many beats at the latest, to hear."""

RING_INTERVAL_S = 0.1
"""Least time between two beats that the bell brings; more in a large fleet."""

RING_BEATS_PER_S_MAX = 1_000
"""Beats a second that the bell brings, in the whole fleet. It rings for all that becomes free, not
only for new jobs, and one worker that hears of a new job is enough to begin it."""


class Heart:
    """Beats for the leases that it is given; `computing` is the one that is computed now."""

    def __init__(
        self,
        caller: Caller,
        interrupt: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        self._caller = caller
        self._interrupt = interrupt
        self._give_up = give_up
        self._held: tuple[Holding, ...] = ()
        self._changed: Pending[None] = Pending()
        self._heard: tuple[tuple[Holding, ...], Standing] | None = None
        self._beat_s = -math.inf
        self._live_workers = 0
        self._slice_began_s = 0.0
        self.computing: Holding | None = None
        self.turn = ""
        """The job that waits for its turn and that this worker was asked to serve."""

    # Called by the loop ----------------------------------------------------------------------

    def hold(self, held: Holding) -> None:
        """Beat for this lease from now on, too."""
        self.renewed(held)
        if not self._held:
            self._beat_s = held.renewed_s
        self._held = (*self._held, held)
        self._changed.end(None)
        self._changed.wake()

    def drop(self, held: Holding) -> None:
        """Beat for this lease no more."""
        self._held = tuple(other for other in self._held if other is not held)

    def renewed(self, held: Holding) -> None:
        """The store has just heard of this lease."""
        held.renewed_s = self._caller.now_s()

    def forget(self) -> None:
        """Nothing is held any more."""
        self._held, self._heard, self.turn = (), None, ""

    def begin(self, held: Holding) -> None:
        """A slice of this lease begins now."""
        self._slice_began_s, self.computing = self._caller.now_s(), held

    def apply(self) -> None:
        """Trim what others have taken the far part of, as the last beat has told."""
        if self._heard is None:
            return
        (named, standing), self._heard = self._heard, None
        for held in named:
            span = standing.spans.get(held.grant.token)
            if span and not held.leaving:
                held.trim(span.stop)

    # The lane --------------------------------------------------------------------------------

    def beat_for_ever(self) -> Steps[None]:
        """Beat whenever it is time, as long as somebody drives this."""
        while True:
            yield from self.look()

    def look(self) -> Steps[None]:
        """Beat or give up if it is time for that; else wait, but no longer than until then."""
        self._changed = Pending()
        due_s, now_s = self._due_s(), self._caller.now_s()
        if now_s >= self._stuck_s():
            yield from self._abandon()
        elif now_s >= due_s:
            yield from self.beat()
        elif self._named():
            yield from self._listen(now_s, due_s)
        else:
            yield from wait(due_s, self._changed)

    def _named(self) -> list[Holding]:
        """What a beat is to name: not what an earlier one has told to be gone."""
        return [held for held in self._held if held.wanted]

    def _due_s(self) -> float:
        """When the next beat is due, or a kernel's call has lasted too long."""
        named = self._named()
        if not named:
            return self._stuck_s()
        beat_s = min(held.grant.beat_s for held in named)
        late_s = min(held.renewed_s for held in named) + LATE_SHARE * beat_s
        due_s = max(min(late_s, self._beat_s + BEATS_UNHEARD * beat_s), self._beat_s + beat_s / 2)
        return min(due_s, self._stuck_s())

    def _stuck_s(self) -> float:
        computing = self.computing is not None
        return self._slice_began_s + self._caller.pacing.call_seconds if computing else math.inf

    def _listen(self, now_s: float, due_s: float) -> Steps[None]:
        """Wait for the next beat, or for the bell, which brings one at once."""
        interval_s = call_interval_s(self._live_workers, RING_INTERVAL_S, RING_BEATS_PER_S_MAX)
        deaf_s = self._beat_s + interval_s
        if now_s < deaf_s:
            yield from wait(min(deaf_s, due_s))
            return
        try:
            rang = yield from listen(self._caller.port, due_s - now_s)
        except HydraError:
            yield from wait(min(due_s, now_s + interval_s))
            return
        if rang and self._named():
            yield from self.beat()

    def beat(self) -> Steps[None]:
        """Name what is held, and hear what is left of it."""
        named = self._named()
        self._beat_s = self._caller.now_s()
        if any(self._beat_s >= held.given_up_s for held in named):
            self.forget()  # what was computed cannot be handed in: others should have the rest
            return
        try:
            standing = yield from call(
                lambda: self._caller.port.beat(self._caller.session, [held.id for held in named])
            )
        except HydraError:
            return  # the lanes get the same error, and handle it
        self._caller.link.came_back(self._caller.now_s() - self._beat_s)
        for held in named:
            if held.grant.token in standing.spans:
                held.renewed_s = self._beat_s
            else:
                held.wanted = False
        self._live_workers = standing.live_workers
        if standing.gives_way:
            self.turn = standing.turn
        self._heard = tuple(named), standing
        computing = self.computing  # the loop may end its slice at any moment
        if computing and not computing.wanted:
            self._interrupt()

    def _abandon(self) -> Steps[None]:
        """The kernel call does not return: give the leases up at once, and end the process."""
        why = f"one kernel call took longer than {self._caller.pacing.call_seconds:g} s"
        with suppress(HydraError):  # no beats follow, so the leases run out by themselves
            yield from call(lambda: self._caller.port.leave(self._caller.session, why))
        self.forget()
        self._give_up()
