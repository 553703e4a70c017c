"""How the nouns of Hydra look in JSON: one function each, used by every route and every stream.

Whole numbers are JSON numbers of any size: counts pass 2^53, so a reader needs whole-number
parsing (Python, jq 1.7, Go's json.Number have it; JavaScript's own parser rounds them).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hydra.kernels import UNITS, Estimate, Kernel, Param
from hydra.model import FINAL, Chunk, Job, JobState, StoryEntry, Worker
from hydra.model.costs import Costs
from hydra.model.profile import Profile, profile, throughput
from hydra.policy.forecasting import Band
from hydra.services import Hydra
from hydra.services.forecast import forecast
from hydra.services.roster import Presence

BASE = "/api/v1"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ms: int | None) -> str | None:
    """Milliseconds since 1970 as ISO 8601 in UTC, or None."""
    if ms is None:
        return None
    at = _EPOCH + timedelta(milliseconds=ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def job_json(h: Hydra, job: Job) -> dict[str, Any]:
    """A job as it stands in a list."""
    said, kernel = estimate(h, job), kernel_of(h, job)
    count, noun = kernel.unit_holds if kernel else UNITS
    canvas = kernel.canvas(job.spec.params) if kernel else None
    own = f"{BASE}/jobs/{job.id}"
    return {
        "id": job.id,
        "kernel": job.spec.kernel,
        "version": job.spec.version,
        "params": dict(job.spec.params),
        "state": job.state.value,
        "priority": job.spec.priority,
        "total_units": job.spec.total_units,
        "done_units": job.done_units,
        "progress": job.done_units / job.spec.total_units,
        "created_at": iso(job.created_ms),
        "ended_at": iso(job.ended_ms),
        "reason": job.reason,
        "sums": dict(job.sums),
        "estimate": dataclasses.asdict(said) if said else None,
        "unit_holds": {"count": count, "noun": noun},
        "canvas": {"columns": canvas[0], "rows": canvas[1]} if canvas else None,
        "leases": job.leases,
        "links": {
            "self": own,
            "events": f"{own}/events",
            "result": f"{own}/result",
            "story": f"{own}/story",
            "history": f"{own}/history",
            "profile": f"{own}/profile",
            "cancel": f"{own}/cancel",
        },
    }


def whole_job_json(h: Hydra, job: Job) -> dict[str, Any]:
    """A job that stands alone: with the time it still needs, and its answer if it has one."""
    band = forecast(h, job)
    shape = job_json(h, job) | {"eta_s": eta_json(band) if band else None}
    if job.state is JobState.DONE:
        shape["answer"] = h.store.views.answer(job.id)
    return shape


def eta_json(band: Band) -> dict[str, float]:
    """The time left with its band, in two digits: more would be false, and change at every look."""
    parts = {"p10": band.p10_s, "p50": band.p50_s, "p90": band.p90_s}
    return {name: float(f"{seconds:.2g}") for name, seconds in parts.items()}


def estimate(h: Hydra, job: Job) -> Estimate | None:
    """What the job's sums say so far, if its kernel is here and says anything."""
    kernel = kernel_of(h, job)
    return kernel.estimate(job.spec.params, job.sums, job.done_units) if kernel else None


def files_of(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What an answer says of its files: size and SHA-256 of each, by name."""
    found = answer.get("files")
    labels = found if isinstance(found, dict) else {}
    return {
        name: label
        for name, label in labels.items()
        if isinstance(label, dict) and "sha256" in label
    }


def history_json(h: Hydra, job: Job) -> list[dict[str, Any]]:
    """The samples of a job's way, each with the estimate of its moment."""
    kernel, params, found = kernel_of(h, job), job.spec.params, []
    for sample in h.store.views.history(job.id):
        said = kernel.estimate(params, sample.sums, sample.done_units) if kernel else None
        found.append(
            {
                "at": iso(sample.at_ms),
                "done_units": sample.done_units,
                "sums": dict(sample.sums),
                "estimate": dataclasses.asdict(said) if said else None,
            }
        )
    return found


def profile_of(h: Hydra, job: Job, chunks: Sequence[Chunk]) -> Profile:
    """What those chunks of a job say of its workers and of its efficiency."""
    here = kernel_of(h, job) is not None
    costs = h.costs(job.spec.kernel, job.spec.params) if here else Costs(job.spec.unit_cost)
    return profile(job, chunks, costs)


def profile_json(h: Hydra, job: Job) -> dict[str, Any]:
    """How a job's work was done."""
    chunks = h.store.views.timeline(job.id)
    said = profile_of(h, job, chunks)
    return {
        "id": job.id,
        "whole": said.whole,
        "began_at": iso(said.began_ms),
        "ended_at": iso(said.ended_ms),
        "makespan_s": said.makespan_s,
        "bound_s": said.bound_s,
        "efficiency": said.efficiency,
        "workers": [
            {
                "worker": share.worker,
                "chunks": share.chunks,
                "units": share.units,
                "busy_s": share.busy_s,
                "units_s": share.units / share.busy_s if share.busy_s else 0.0,
            }
            for share in said.shares
        ],
        "throughput": [
            {"from": iso(part.from_ms), "to": iso(part.to_ms), "units_s": part.units_s}
            for part in throughput(job, h.store.views.history(job.id))
        ],
        "chunks": [chunk_json(chunk) for chunk in chunks],
    }


def chunk_json(chunk: Chunk) -> dict[str, Any]:
    """One chunk of a timeline."""
    return {
        "id": chunk.id,
        "worker": chunk.worker,
        "start": chunk.span.start,
        "stop": chunk.span.stop,
        "lent_at": iso(chunk.lent_ms),
        "ended_at": iso(chunk.ended_ms),
        "busy_s": chunk.busy_s,
        "end": chunk.end.value,
    }


def kernel_of(h: Hydra, job: Job) -> Kernel | None:
    """The job's kernel, if it is installed here in the job's version."""
    runs = h.runs(job.spec.kernel, job.spec.version)
    return h.kernels()[job.spec.kernel] if runs else None


def is_final(job: Job) -> bool:
    """Whether nothing about the job will change any more."""
    return job.state in FINAL


def entry_json(entry: StoryEntry) -> dict[str, Any]:
    """One entry of a story."""
    return {"id": entry.id, "at": iso(entry.at_ms), "verb": entry.verb, "text": entry.text}


def worker_json(worker: Worker, presence: Presence) -> dict[str, Any]:
    """One worker, and what it is at."""
    return {
        "id": worker.id,
        "host": worker.host,
        "pid": worker.pid,
        "seen_at": iso(worker.seen_ms),
        "state": presence,
        "job": worker.job,
        "doing": worker.doing,
        "paused": worker.pause
        and {
            "why": worker.pause.why,
            "until": iso(worker.pause.until_ms) if worker.pause.until_ms else None,
        },
        "rates": dict(worker.rates),
    }


def kernel_json(name: str, kernel: Kernel) -> dict[str, Any]:
    """What a kernel computes and which parameters it takes."""
    return {
        "name": name,
        "doc": kernel.doc,
        "version": kernel.version,
        "params": {field: _param_json(param) for field, param in kernel.params.items()},
        "presets": {label: dict(params) for label, params in kernel.presets.items()},
    }


def _param_json(param: Param) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "type": param.kind.__name__,
        "default": param.default,
        "low": param.low,
        "high": param.high,
        "doc": param.doc,
    }
    if param.choices:
        shape["choices"] = list(param.choices)
    return shape
