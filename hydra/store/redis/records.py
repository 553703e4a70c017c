"""What Redis holds of jobs, leases and workers, read back into the nouns of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra.model import (
    FINAL,
    Chunk,
    End,
    Job,
    JobState,
    Lease,
    Range,
    Sample,
    Span,
    StoryEntry,
    Worker,
)
from hydra.model.cursors import cursor_of
from hydra.model.jobs import JobSpec
from hydra.model.leases import LeaseId, Verdict
from hydra.model.messages import Grant, Pace, Receipt, Standing, Tally
from hydra.model.pauses import Pause
from hydra.model.story import NUMBERS, sentence_of
from hydra.store import wire
from hydra.store.redis.layout import CHUNK, CLAIMED, GRANT, LEASE, RANGE, RECEIPT, SAMPLE, STANDING


def text_fields(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash of Redis as text."""
    return {name.decode(): value.decode() for name, value in raw.items()}


def read_job(job: str, record: Mapping[str, str], sums: Mapping[str, str], leases: int) -> Job:
    """A job from its hash, its sums and how many leases it has."""
    why = {
        name.removeprefix("end_"): value
        for name, value in record.items()
        if name.startswith("end_")
    }
    return Job(
        id=job,
        spec=wire.spec_from(record),
        state=JobState(record["state"]),
        done_units=int(record["done"]),
        unassigned_units=int(record["unassigned"]),
        created_ms=int(record["created"]),
        ended_ms=int(record["ended"]) if "ended" in record else None,
        reason=sentence_of(record["state"], why) or record.get("reason", ""),
        sums={name: int(value) for name, value in sums.items()},
        leases=leases,
        done_work=float(record["done_work"]),
    )


def read_lease(job: str, token: str, line: bytes) -> Lease:
    """A lease from its LEASE."""
    return _lease(job, token, LEASE.unpack(line))


def read_straggler(
    job: str, token: str, found: dict[str, Any], places: Sequence[bytes] | None
) -> Lease:
    """A lease, and whether its holder has begun it: then it counts from there.

    `places` are `next_token` and `freed_ms` of the holder of one that was lent behind another.
    """
    if not found["queued"] or not places:
        return _lease(job, token, found)
    next_token, freed_ms = places
    queued = (next_token or b"").decode() == token
    at_ms = found["begins_ms"] if queued else max(found["at_ms"], float(freed_ms or 0))
    return _lease(job, token, found | {"at_ms": at_ms}, queued=queued)


def _lease(job: str, token: str, found: Mapping[str, Any], *, queued: bool = False) -> Lease:
    return Lease(
        job=job,
        token=token,
        session=found["session"],
        worker=found["worker"],
        span=Span(found["start"], found["stop"]),
        slice_units=found["slice_units"],
        rate_units_s=found["rate_units_s"],
        at_ms=found["at_ms"],
        deadline_ms=found["deadline_ms"],
        losses=found["losses"],
        queued=queued,
    )


def read_chunk(run: str, entry: bytes, line: bytes) -> Chunk:
    """A line of the timeline from its CHUNK."""
    found = CHUNK.unpack(line)
    return Chunk(
        id=cursor_of(run, entry.decode()),
        worker=found["worker"],
        span=Span(found["first"], found["stop"]),
        lent_ms=found["lent_ms"],
        ended_ms=found["ended_ms"],
        busy_s=found["busy_ms"] / 1000,
        end=End(found["how"]),
    )


def read_sample(line: bytes) -> Sample:
    """A job on its way from its SAMPLE."""
    found = SAMPLE.unpack(line)
    words = found["sums"].split()
    return Sample(
        at_ms=found["at_ms"],
        done_units=found["done_units"],
        sums=dict(zip(words[::2], map(int, words[1::2]), strict=True)),
        done_work=found["done_work"],
    )


def read_story(run: str, entry: bytes, raw: Mapping[bytes, bytes]) -> StoryEntry:
    """An entry of a job's story from its stream; the id begins with the time."""
    fields: dict[str, str | int] = {
        name: int(value) if name in NUMBERS else value for name, value in text_fields(raw).items()
    }
    verb = str(fields.pop("verb"))
    return StoryEntry(
        id=cursor_of(run, entry.decode()),
        at_ms=int(entry.partition(b"-")[0]),
        verb=verb,
        fields=fields,
    )


def read_grant(line: str, spec: JobSpec) -> Grant:
    """A fresh lease from its GRANT."""
    found = GRANT.unpack(line)
    return Grant(
        job=found["job"],
        token=found["token"],
        span=Span(found["start"], found["stop"]),
        slice_units=found["slice_units"],
        tau_s=found["tau_ms"] / 1000,
        beat_s=found["beat_ms"] / 1000,
        pace=_pace(found),
        spec=spec,
    )


def read_receipt(line: str) -> Receipt:
    """The reply to a hand-in from its RECEIPT."""
    found = RECEIPT.unpack(line)
    return Receipt(
        verdict=Verdict(found["verdict"]),
        start=found["start"],
        stop=found["stop"],
        pace=_pace(found),
        last=found["last"],
    )


def read_standing(line: str, held: Sequence[LeaseId]) -> Standing:
    """The reply to a beat, which named these leases, from its STANDING."""
    found = STANDING.unpack(line)
    left = (
        Span(found["start"], found["stop"]),
        Span(found["next_start"], found["next_stop"]),
    )
    return Standing(
        spans={lease.token: span for lease, span in zip(held, left) if span.units},
        live_workers=found["live_workers"],
        turn=found["turn"],
    )


def _pace(found: Mapping[str, Any]) -> Pace:
    return Pace(
        rate=found["rate"],
        fleet_rate=found["fleet_rate"],
        unassigned_units=found["unassigned_units"],
        live_workers=found["live_workers"],
        free_within=Span(found["free_start"], found["free_stop"]),
    )


def read_range(member: bytes, start: float) -> Range:
    """A free range from its RANGE and score."""
    found = RANGE.unpack(member)
    return Range(
        span=Span(int(start), found["stop"]),
        losses=found["losses"],
        loser=found["loser"],
        losers_many=found["many"],
    )


def free_within(first: Sequence[tuple[bytes, float]], last: Sequence[bytes]) -> Span:
    """From the first free unit to the last, of the lowest and the highest free range."""
    if not first or not last:
        return Span(0, 0)
    return Span(int(first[0][1]), RANGE.unpack(last[0])["stop"])


def read_worker(name: str, until_ms: int, record: Mapping[str, str], paused: bool) -> Worker:
    """A worker from its hash and until when it counts as live."""
    rates = {
        field.removeprefix("rate:"): float(value)
        for field, value in record.items()
        if field.startswith("rate:")
    }
    claimed = CLAIMED.unpack(record["claimed"]) | {"worker": name} if "claimed" in record else {}
    return Worker(
        id=name,
        host=record.get("host", ""),
        pid=int(record.get("pid", 0)),
        seen_ms=int(record.get("seen", 0)),
        live_until_ms=until_ms,
        job=record.get("job", ""),
        doing=sentence_of("claim", claimed),
        rates=rates,
        pause=Pause(record["paused"], int(record["paused_until"])) if paused else None,
    )


def read_tally(
    totals: Mapping[str, str], *, running: int, reducing: int, leases: int, workers: int, live: int
) -> Tally:
    """The tally from its hash, and from how many there are of each now."""
    found = {name: int(number) for name, number in totals.items()}
    return Tally(
        jobs={JobState.RUNNING: running, JobState.REDUCING: reducing},
        ended={state: found.get(f"job {state}", 0) for state in sorted(FINAL)},
        submitted=found.get("submitted", 0),
        units=found.get("units", 0),
        leases=leases,
        leases_ended={end: found.get(f"lease {end}", 0) for end in End},
        live_workers=live,
        silent_workers=workers - live,
    )
