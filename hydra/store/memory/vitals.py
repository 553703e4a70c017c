"""How the accounts in memory are: totals, health, everything of one job."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.model import FINAL, Check, End, JobState, LeaseId
from hydra.model.invariants import INDEX
from hydra.model.messages import JobDump, Tally, Usage
from hydra.store.memory.state import State


class MemoryVitals:
    """The Vitals port in plain Python."""

    def __init__(self, state: State) -> None:
        self._state = state

    def generation(self) -> str:
        """The id of this store's data."""
        return self._state.generation

    def tally(self) -> Tally:
        """What there is and what has been, over all jobs."""
        with self._state.lock:
            found, live = self._state.tally, len(self._state.live_workers())
            states = [record.state for record in self._state.jobs.values()]
            return Tally(
                jobs={state: states.count(state) for state in JobState if state not in FINAL},
                ended={state: found[f"job {state}"] for state in sorted(FINAL)},
                submitted=found["submitted"],
                units=found["units"],
                leases=len(self._state.deadlines.members()),
                leases_ended={end: found[f"lease {end}"] for end in End},
                live_workers=live,
                silent_workers=sum(not w.pause for w in self._state.workers.values()) - live,
            )

    def usage(self) -> Usage:
        """Nothing: there is no server."""
        return Usage()

    def since_tick_ms(self) -> float:
        """How long ago a reaper last passed."""
        return self._state.now_ms() - self._state.ticked_ms

    def health(self) -> Sequence[Check]:
        """Memory is as safe as this process."""
        return [Check("store", True, "in this process's memory; gone when it ends")]

    def dump(self, job: str) -> JobDump:
        """Everything about one job, for the invariants."""
        with self._state.lock:
            record = self._state.job(job)
            return JobDump(
                job=record.view(),
                free=list(record.free),
                leases=[lease.view(job, token) for token, lease in record.leases.items()],
                deadlines={
                    token: self._state.deadlines.score(LeaseId(job, token))
                    for owner, token in self._state.deadlines.members()
                    if owner == job
                },
                ends=frozenset(record.ends.members()),
                indexes=frozenset((INDEX.get(record.state, "ended"),)),
                pieces=frozenset(record.pieces),
            )
