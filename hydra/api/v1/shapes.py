"""How the nouns of Hydra look in JSON: one struct each, used by every route and every stream.

What only one file of routes shows, it declares itself. Whole numbers are JSON numbers of any size:
counts pass 2^53, so a reader needs whole-number parsing (Python, jq 1.7, Go's json.Number have it;
JavaScript's own parser rounds them).
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import replace

from hydra import model
from hydra.http import body
from hydra.http.wire import Count, JobId, Time, Value, Wire, iso, iso_or_none, says
from hydra.kernels import UNITS, Estimate, Kernel
from hydra.model import FINAL, JobState
from hydra.model.limits import BASE
from hydra.policy.forecasting import Band
from hydra.services import Hydra
from hydra.services.forecast import forecast
from hydra.services.submit import PRIORITY, PRIORITY_MAX, PRIORITY_MIN

OWN = f"{BASE}/jobs/<job>"
"""Where the addresses of one job begin."""

Priority = Annotated[float, Meta(ge=PRIORITY_MIN, le=PRIORITY_MAX, description=PRIORITY.doc)]
Sums = Annotated[dict[str, int], says("named sums so far; whole numbers that may pass 2^53")]
CurrentEstimate = Annotated[
    Estimate | None, says("what the sums say so far, with a 95 % interval; null if nothing")
]


class UnitHolds(Wire, frozen=True):
    """What one unit is made of, such as 262144 points."""

    count: Annotated[int, Meta(ge=1)]
    noun: str


class Canvas(Wire, frozen=True):
    """Size of the picture that a job draws."""

    columns: Count
    rows: Count


class Eta(Wire, frozen=True):
    """Seconds that a job will still take, with a band that holds four times out of five."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, band: Band) -> Eta:
        """With two digits: more would be false, and would change each time."""
        p10, p50, p90 = (float(f"{s:.2g}") for s in (band.p10_s, band.p50_s, band.p90_s))
        return cls(p10=p10, p50=p50, p90=p90)


class Links(Wire, frozen=True, rename={"own": "self"}):
    """Where the rest about a job is."""

    own: str
    events: str
    result: str
    story: str
    history: str
    profile: str
    cancel: str

    @classmethod
    def of(cls, job: str) -> Links:
        """The addresses of that job."""
        own = f"{BASE}/jobs/{job}"
        rest = (name for name in cls.__struct_fields__ if name != "own")
        return cls(own=own, **{name: f"{own}/{name}" for name in rest})


class Job(Wire, frozen=True):
    """One job."""

    id: JobId
    kernel: str
    version: Annotated[str, says("digest of the kernel's version")]
    params: dict[str, Value]
    state: JobState
    priority: Priority
    total_units: Annotated[int, Meta(ge=1)]
    done_units: Count
    progress: Annotated[float, Meta(ge=0, le=1)]
    created_at: Time
    ended_at: Time | None
    reason: Annotated[str, says("why it failed or was cancelled, or empty")]
    sums: Sums
    estimate: CurrentEstimate
    unit_holds: UnitHolds
    canvas: Canvas | None
    leases: Annotated[Count, says("workers that hold a part of it now")]
    links: Links
    eta_s: (
        Annotated[Eta | None, says("null if unknown or not running; not in lists")] | UnsetType
    ) = UNSET
    answer: (
        Annotated[dict[str, Any], says("only of a job that is done, and not in lists")] | UnsetType
    ) = UNSET

    @classmethod
    def of(cls, h: Hydra, job: model.Job) -> Job:
        """A job as it stands in a list."""
        kernel = h.kernel_of(job)
        count, noun = kernel.unit_holds if kernel else UNITS
        drawn = kernel.canvas(job.spec.params) if kernel else None
        canvas = None if drawn is None else Canvas(columns=drawn[0], rows=drawn[1])
        return cls(
            id=job.id,
            kernel=job.spec.kernel,
            version=job.spec.version,
            params=dict(job.spec.params),
            state=job.state,
            priority=job.spec.priority,
            total_units=job.spec.total_units,
            done_units=job.done_units,
            progress=job.done_units / job.spec.total_units,
            created_at=iso(job.created_ms),
            ended_at=iso_or_none(job.ended_ms),
            reason=job.reason,
            sums=dict(job.sums),
            estimate=_estimate(kernel, job.spec.params, job),
            unit_holds=UnitHolds(count=count, noun=noun),
            canvas=canvas,
            leases=job.leases,
            links=Links.of(job.id),
        )

    @classmethod
    def whole(cls, h: Hydra, job: model.Job) -> Job:
        """A job by itself: with the time it still needs, and its answer if it has one."""
        band = forecast(h, job)
        answer = h.store.views.answer(job.id) if job.state is JobState.DONE else UNSET
        return replace(cls.of(h, job), eta_s=Eta.of(band) if band else None, answer=answer)


class Sample(Wire, frozen=True):
    """A job's sums at one moment, with the estimate of that moment."""

    at: Time
    done_units: Count
    sums: Sums
    estimate: CurrentEstimate


class Entry(Wire, frozen=True):
    """One thing that happened to a job, and why."""

    id: str
    at: Time
    verb: str
    text: str
    fields: Annotated[dict[str, str | int], says("what the sentence is made of, by name")]

    @classmethod
    def of(cls, entry: model.StoryEntry) -> Entry:
        """An entry of the store's."""
        return cls(
            id=entry.id,
            at=iso(entry.at_ms),
            verb=entry.verb,
            text=entry.text,
            fields=dict(entry.fields),
        )


def job_of(h: Hydra, given: JobId) -> model.Job:
    """The job that an address names; raises NoSuchJob."""
    return h.store.views.job(body.job_id(given))


def is_final(job: model.Job) -> bool:
    """Whether nothing about the job will change any more."""
    return job.state in FINAL


def estimate(h: Hydra, job: model.Job) -> Estimate | None:
    """What the job's sums say so far, if its kernel is here and says anything."""
    return _estimate(h.kernel_of(job), job.spec.params, job)


def _estimate(
    kernel: Kernel | None, params: model.Params, done: model.Job | model.Sample
) -> Estimate | None:
    return kernel.estimate(params, done.sums, done.done_units) if kernel else None


def history_of(h: Hydra, job: model.Job) -> list[Sample]:
    """The samples of a job's progress."""
    kernel, params = h.kernel_of(job), job.spec.params
    return [
        Sample(
            at=iso(sample.at_ms),
            done_units=sample.done_units,
            sums=dict(sample.sums),
            estimate=_estimate(kernel, params, sample),
        )
        for sample in h.store.views.history(job.id)
    ]


def files_of(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What an answer says of its files: size and SHA-256 of each, by name."""
    found = answer.get("files")
    labels = found if isinstance(found, dict) else {}
    return {
        name: label
        for name, label in labels.items()
        if isinstance(label, dict) and "sha256" in label
    }
