"""Whose loss a lost unit is: what the witness knows of each lease, and what must become of it.

A session holds two leases at most, and works on the older. So of one that it had not begun nothing
may count as lost, and of one that it had begun all that is left must. What the store keeps for
that, dumps do not tell; it follows from the calls and their replies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from hydra.model import FINAL, JobState, Lease, Verdict
from hydra.model.messages import JobDump

Dumps = Mapping[str, JobDump]

ENDING = frozenset(("claim", "leave", "expire"))
"""Calls that end leases of others, or of a session that is over."""


class Blame:
    """Follows every lease from call to call; `met` counts what should occur now and then."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self._begun: dict[str, bool | None] = {}
        """By token; None where it cannot be known."""
        self._last: dict[tuple[str, str], int] = {}
        """The number of the last call that was remembered, by session and verb."""
        self._unclear: set[str] = set()
        """Sessions that may hold a lease of a job that has ended, and not know it."""

    def copy(self) -> Blame:
        """What is known now, for when the store falls back to this moment."""
        other = Blame()
        other.met = self.met  # goes on counting
        other._begun, other._last = dict(self._begun), dict(self._last)
        other._unclear = set(self._unclear)
        return other

    def wrong(
        self, name: str, args: tuple[Any, ...], said: Any, before: Dumps, after: Dumps
    ) -> list[str]:
        """Follow a call that ran; what it did that it should not have done."""
        was, now = leases_of(before), leases_of(after)
        self._unclear |= {
            lease.session
            for token, lease in was.items()
            if token not in now and _over(after, lease)
        }
        if name == "complete" and said.verdict is Verdict.CLOSED:
            self._unclear.add(args[0].id)  # the store may have looked, or not have known the job
        for token, lease in now.items():
            if lease.session in self._unclear and self._begun.get(token) is False:
                self._begun[token] = None
        faults = [*_renewed(name, args, before, after)]
        if name in ENDING:
            faults += self._ended(name, was, now, after)
        if name in ("claim", "complete", "beat"):
            faults += self._called(name, args, said, was, now)
        elif name == "renew":
            self.met["a reduction renewed"] += bool(said)
        return faults

    def _ended(
        self, name: str, was: Mapping[str, Lease], now: Mapping[str, Lease], after: Dumps
    ) -> Iterator[str]:
        """Leases that this call has taken away: those that had begun count as lost, no others."""
        for token in was.keys() - now.keys():
            lease, begun = was[token], self._begun.get(token)
            if after[lease.job].job.state is not JobState.RUNNING or begun is None:
                continue
            self.met[f"a {'begun' if begun else 'queued'} lease ended by {name}"] += 1
            left = _losses_at(lease.span.start, after[lease.job])
            if left != lease.losses + begun:
                how = "that had begun" if begun else "that had not begun"
                yield f"{name} of {lease} {how} left {left} losses"

    def _called(
        self,
        name: str,
        args: tuple[Any, ...],
        said: Any,
        was: Mapping[str, Lease],
        now: Mapping[str, Lease],
    ) -> Iterator[str]:
        """A session has called, so the store has looked at what it holds."""
        session = args[0].id
        if name == "claim":
            if args[1] <= self._last.get((session, name), 0):
                return
            self._settled(session, was)
            if said is not None:
                self._last[session, name] = args[1]
                yield from self._lent(session, said.token, was, now)
        elif name == "complete":
            if args[1] <= self._last.get((session, name), 0) or said.verdict is Verdict.CLOSED:
                return
            self._last[session, name] = args[1]
            yield from self._handed_in(session, args[2], said, was, now)
        self._settled(session, now)

    def _settled(self, session: str, leases: Mapping[str, Lease]) -> None:
        """A session's only lease has begun: the older is gone, and the store knows it."""
        held = [token for token, lease in leases.items() if lease.session == session]
        if len(held) == 1 and self._begun.get(held[0]) is False:
            self._begun[held[0]] = None if session in self._unclear else True

    def _lent(
        self, session: str, token: str, was: Mapping[str, Lease], now: Mapping[str, Lease]
    ) -> Iterator[str]:
        older = [lease for lease in was.values() if lease.session == session]
        if not older:
            self._begun[token] = None if session in self._unclear else True
            return
        self.met["two leases held at once"] += 1
        self._begun[token] = False
        if older[0].losses or now[token].losses:
            yield f"{now[token]} is queued behind {older[0]}: a loss would be blamed on both"

    def _handed_in(
        self,
        session: str,
        hand_in: Any,
        said: Any,
        was: Mapping[str, Lease],
        now: Mapping[str, Lease],
    ) -> Iterator[str]:
        lease, left = was.get(hand_in.token), now.get(hand_in.token)
        self.met[f"a hand-in {said.verdict}"] += 1
        self.met["a lease given back for another job's turn"] += "turn has come" in hand_in.note
        held = lease if lease and lease.session == session else None
        if held and said.verdict is Verdict.STALE and hand_in.span.start <= held.span.start:
            yield f"{hand_in} is stale, but {held} is its session's"
        if lease and left and left.span.start > lease.span.start:
            alone = sum(other.session == session for other in now.values()) == 1
            self._begun[hand_in.token] = True if alone else None


def leases_of(dumps: Dumps) -> dict[str, Lease]:
    """All leases of these jobs, by token."""
    return {lease.token: lease for dump in dumps.values() for lease in dump.leases}


def _over(after: Dumps, lease: Lease) -> bool:
    return lease.job not in after or after[lease.job].job.state in FINAL


def _losses_at(unit: int, dump: JobDump) -> int:
    lacking = [*dump.free, *dump.leases]
    return next(each.losses for each in lacking if each.span.start <= unit < each.span.stop)


def _renewed(name: str, args: tuple[Any, ...], before: Dumps, after: Dumps) -> Iterator[str]:
    """Leases whose deadlines this call has moved, and that it does not name."""
    named: set[str] = set()
    if name == "complete":
        named = {args[2].token}
    elif name == "beat":
        named = {held.token for held in args[1]}
    for job, dump in after.items():
        deadlines = before[job].deadlines if job in before else {}
        for token, deadline_ms in dump.deadlines.items():
            if token not in named and deadlines.get(token, deadline_ms) != deadline_ms:
                yield f"{name}{args} renewed the lease {token}, which it does not name"
