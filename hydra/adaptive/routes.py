"""The ancestor's metrics of adaptive chunks and tiles, which it named but never had: real figures.

Both tell of one job: the newest, or the one that `job_id` names as its creator did or as we do. All
comes from the job's timeline, so of a long job they tell of the chunks that are still there. Work
is in the kernel's cost units, as estimated. A chunk's estimated time is its work divided by its
worker's speed on this job, so the difference is the error of the estimate, not a slow machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask import Response
from msgspec import UNSET, UnsetType, to_builtins

from hydra.errors import NoSuchJob
from hydra.http import body
from hydra.http.names import Name, own_id
from hydra.http.reply import reply
from hydra.http.routes import Routes, route
from hydra.http.wire import JobId, Wire
from hydra.kernels import UNITS
from hydra.model import Chunk, Job
from hydra.model.profile import Profile
from hydra.services import Hydra
from hydra.services.profile import profile_of

TILES_MAX = 1_000
"""Chunks that the tiling metrics list, the newest."""


class Asked(Wire, frozen=True):
    """Which job; the newest if none is named."""

    job_id: Name | UnsetType = UNSET


class SizeCount(Wire, frozen=True):
    """Chunks of about one size."""

    units_from: int
    units_to: int
    chunks: int


class Load(Wire, frozen=True):
    """How even the load was: the longest time inside the kernel beyond the mean."""

    job_id: JobId
    load_imbalance_seconds: float
    load_imbalance_share: float | None
    efficiency: float | None


class Chunking(Load, frozen=True, forbid_unknown_fields=False):
    """Sizes of a job's chunks; `worker_NAME_points_per_second` says each worker's speed."""

    total_chunks_processed: int
    total_points_processed: int
    total_computation_time: float
    overall_points_per_second: float
    chunks_by_size: list[SizeCount]
    overhead_share: float | None


class TileFigures(Wire, frozen=True):
    """A chunk as the kernel estimated it, and as it was."""

    tile_id: str
    complexity_score: float
    estimated_iterations: float
    estimated_computation_time: float
    actual_computation_time: float
    worker_performance: float
    assigned_worker: str


class Tiling(Load, frozen=True):
    """Estimated work of a job's chunks, and the time they took."""

    enabled: bool
    total_tiles: int
    estimation_error_share: float | None
    tiles: list[TileFigures]


class AdaptiveRoutes(Routes):
    """The two metrics endpoints."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    @route("GET", "/api/adaptive_chunking_metrics", Chunking, problems=(404,), query=Asked)
    def adaptive_chunking_metrics(self) -> Response:
        """Sizes of a job's chunks, load and overhead."""
        job, chunks, said = self._asked()
        held_s = sum(chunk.ended_ms - chunk.lent_ms for chunk in chunks) / 1000
        busy_s = sum(share.busy_s for share in said.shares)
        kernel = self._h.kernel_of(job)
        points, _ = kernel.unit_holds if kernel else UNITS
        units = sum(share.units for share in said.shares)
        sizes = Counter(chunk.span.units.bit_length() for chunk in chunks)
        figures = Chunking(
            **_load(job, said),
            total_chunks_processed=len(chunks),
            total_points_processed=units * points,
            total_computation_time=busy_s,
            overall_points_per_second=_ratio(units * points, busy_s),
            chunks_by_size=[
                SizeCount(units_from=2**bits >> 1, units_to=2**bits - 1, chunks=sizes[bits])
                for bits in sorted(sizes)
            ],
            overhead_share=1 - min(1.0, busy_s / held_s) if held_s else None,
        )
        speeds = {
            f"worker_{share.worker}_points_per_second": _ratio(share.units * points, share.busy_s)
            for share in said.shares
        }
        return reply(to_builtins(figures) | speeds)

    @route("GET", "/api/adaptive_tiling_metrics", Tiling, problems=(404,), query=Asked)
    def adaptive_tiling_metrics(self) -> Response:
        """Estimated work of a job's chunks, and the time they took."""
        job, chunks, said = self._asked()
        here = self._h.kernel_of(job) is not None
        costs = self._h.costs(job.spec.kernel, job.spec.params) if here else None
        speeds = {share.worker: share.speed for share in said.shares}
        tiles, missed_s, busy_s = [], 0.0, 0.0
        for chunk in chunks:
            mean = costs.mean(chunk.span) if costs else job.spec.unit_cost
            work = mean * chunk.span.units
            estimated_s = _ratio(work, speeds[chunk.worker])
            missed_s += abs(estimated_s - chunk.busy_s)
            busy_s += chunk.busy_s
            tiles.append(
                TileFigures(
                    tile_id=f"{chunk.span.start}..{chunk.span.stop}",
                    complexity_score=mean / job.spec.unit_cost,
                    estimated_iterations=work,
                    estimated_computation_time=estimated_s,
                    actual_computation_time=chunk.busy_s,
                    worker_performance=_ratio(work, chunk.busy_s),
                    assigned_worker=chunk.worker,
                )
            )
        return reply(
            Tiling(
                **_load(job, said),
                enabled=bool(costs and costs.sums),
                total_tiles=job.spec.total_units,
                estimation_error_share=missed_s / busy_s if busy_s else None,
                tiles=tiles[-TILES_MAX:],
            )
        )

    def _asked(self) -> tuple[Job, Sequence[Chunk], Profile]:
        store, name = self._h.store, body.query(Asked).job_id
        newest = store.views.jobs(1)
        if name is UNSET and not newest:
            raise NoSuchJob("there is no job yet", field="job_id")
        job = newest[0] if name is UNSET else store.views.job(own_id(name))
        chunks = [chunk for chunk in store.views.timeline(job.id) if chunk.span.units]
        return job, chunks, profile_of(self._h, job, chunks)


def _load(job: Job, said: Profile) -> dict[str, Any]:
    """The fields of Load."""
    busy = [share.busy_s for share in said.shares]
    mean = sum(busy) / len(busy) if busy else 0.0
    beyond = max(busy, default=0.0) - mean
    return {
        "job_id": job.id,
        "load_imbalance_seconds": beyond,
        "load_imbalance_share": beyond / mean if mean else None,
        "efficiency": said.efficiency,
    }


def _ratio(amount: float, by: float) -> float:
    return amount / by if by else 0.0
