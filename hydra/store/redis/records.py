"""The text records that the Lua scripts write, read back into the nouns of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hydra.model import (
    FINAL,
    Chunk,
    End,
    Job,
    JobState,
    Lease,
    Range,
    Span,
    StoryEntry,
    Worker,
)
from hydra.model.messages import Pace, Tally
from hydra.model.pauses import Pause
from hydra.store import wire


def text_fields(raw: Mapping[bytes, bytes]) -> dict[str, str]:
    """A hash of Redis as text."""
    return {name.decode(): value.decode() for name, value in raw.items()}


def read_job(job: str, record: Mapping[str, str], sums: Mapping[str, str], leases: int) -> Job:
    """A job from its hash, its sums and how many leases it has."""
    return Job(
        id=job,
        spec=wire.spec_from(record),
        state=JobState(record["state"]),
        done_units=int(record["done"]),
        unassigned_units=int(record["unassigned"]),
        created_ms=int(record["created"]),
        ended_ms=int(record["ended"]) if "ended" in record else None,
        reason=record.get("reason", ""),
        sums={name: int(value) for name, value in sums.items()},
        leases=leases,
        done_work=float(record["done_work"]),
    )


def read_lease(job: str, token: str, line: bytes) -> Lease:
    """Read what `lease_write` of _prelude.lua wrote."""
    word = line.decode().split(" ")
    return Lease(
        job,
        token,
        word[10],
        word[11],
        Span(int(word[0]), int(word[1])),
        int(word[2]),
        float(word[3]),
        float(word[4]),
        float(word[5]),
        int(word[7]),
    )


def read_chunk(entry: str, line: bytes) -> Chunk:
    """Read what `lease_end` of _prelude.lua wrote."""
    worker, first, stop, lent, ended, busy_ms, end = line.decode().split(" ")
    return Chunk(
        entry,
        worker,
        Span(int(first), int(stop)),
        int(lent),
        int(ended),
        int(busy_ms) / 1000,
        End(end),
    )


def read_story(entry: bytes, fields: Mapping[bytes, bytes]) -> StoryEntry:
    """An entry of a job's story from its stream; the id begins with the time."""
    return StoryEntry(
        entry.decode(),
        int(entry.partition(b"-")[0]),
        fields[b"verb"].decode(),
        fields[b"text"].decode(),
    )


def read_pace(words: Sequence[str]) -> Pace:
    """Read what `pace_words` of _prelude.lua wrote."""
    return Pace(
        float(words[1]),
        float(words[2]),
        int(words[0]),
        int(words[3]),
        Span(int(words[4]), int(words[5])),
    )


def free_within(first: Sequence[tuple[bytes, float]], last: Sequence[bytes]) -> Span:
    """From the first free unit to the last, of the lowest and the highest free range."""
    if not first or not last:
        return Span(0, 0)
    return Span(int(first[0][1]), int(last[0].split(b" ")[0]))


def read_range(member: bytes, start: float) -> Range:
    """A free range from its member and score."""
    stop, losses, many, loser = member.decode().split(" ")
    span = Span(int(start), int(stop))
    return Range(span, int(losses), "" if loser == "-" else loser, many == "1")


def read_worker(name: str, until_ms: int, record: Mapping[str, str], paused: bool) -> Worker:
    """A worker from its hash and until when it counts as live."""
    rates = {
        field.removeprefix("rate:"): float(value)
        for field, value in record.items()
        if field.startswith("rate:")
    }
    return Worker(
        name,
        record.get("host", ""),
        int(record.get("pid", 0)),
        int(record.get("seen", 0)),
        until_ms,
        record.get("job", ""),
        record.get("doing", ""),
        rates,
        Pause(record["paused"], int(record["paused_until"])) if paused else None,
    )


def read_tally(
    totals: Mapping[str, str], running: int, reducing: int, leases: int, workers: int, *, live: int
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
