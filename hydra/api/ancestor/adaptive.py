"""The ancestor's metrics of adaptive chunks and tiles, which it named and never had: real figures.

Both tell of one job: the newest, or the one that `job_id` names as its creator did or as we do.
All comes from the job's timeline, so of a long job they tell of the chunks that are still there.
Work is in the kernel's cost units, as foretold; a chunk's foretold time is its work by its worker's
speed on this job, so that what is left is the error of the foretelling and not a slow machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request

from hydra.api.ancestor.jobs import own_id
from hydra.api.v1.shapes import kernel_of, profile_of
from hydra.errors import NoSuchJob
from hydra.http.operations import operation, problems, query, reply_of
from hydra.http.reply import reply
from hydra.http.schema import NAME, Schema
from hydra.kernels import UNITS
from hydra.model import Chunk, Job
from hydra.model.profile import Profile
from hydra.services import Hydra

TILES_MAX = 1_000
"""Chunks that the tiling metrics list, the newest."""

CHUNKING, TILING = "/api/adaptive_chunking_metrics", "/api/adaptive_tiling_metrics"


class AdaptiveRoutes:
    """The two metrics endpoints."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def install(self, door: Blueprint) -> None:
        """Put the routes on the blueprint."""
        door.add_url_rule(CHUNKING, view_func=self.adaptive_chunking_metrics)
        door.add_url_rule(TILING, view_func=self.adaptive_tiling_metrics)

    def adaptive_chunking_metrics(self) -> Response:
        """How large chunks were, how even the load, and what it cost to cut."""
        job, chunks, said = self._asked()
        held_s = sum(chunk.ended_ms - chunk.lent_ms for chunk in chunks) / 1000
        busy_s = sum(share.busy_s for share in said.shares)
        kernel = kernel_of(self._h, job)
        points, _ = kernel.unit_holds if kernel else UNITS
        units = sum(share.units for share in said.shares)
        sizes = Counter(chunk.span.units.bit_length() for chunk in chunks)
        return reply(
            {
                "job_id": job.id,
                "total_chunks_processed": len(chunks),
                "total_points_processed": units * points,
                "total_computation_time": busy_s,
                "overall_points_per_second": _ratio(units * points, busy_s),
                **{
                    f"worker_{share.worker}_points_per_second": _ratio(
                        share.units * points, share.busy_s
                    )
                    for share in said.shares
                },
                "chunks_by_size": [
                    {"units_from": 2**bits >> 1, "units_to": 2**bits - 1, "chunks": sizes[bits]}
                    for bits in sorted(sizes)
                ],
                "overhead_share": 1 - min(1.0, busy_s / held_s) if held_s else None,
                **_load(said),
            }
        )

    def adaptive_tiling_metrics(self) -> Response:
        """What the kernel foretold of each chunk of units, and what it took."""
        job, chunks, said = self._asked()
        here = kernel_of(self._h, job) is not None
        costs = self._h.costs(job.spec.kernel, job.spec.params) if here else None
        speeds = {share.worker: share.speed for share in said.shares}
        tiles, missed_s, busy_s = [], 0.0, 0.0
        for chunk in chunks:
            mean = costs.mean(chunk.span) if costs else job.spec.unit_cost
            work = mean * chunk.span.units
            foretold_s = _ratio(work, speeds[chunk.worker])
            missed_s += abs(foretold_s - chunk.busy_s)
            busy_s += chunk.busy_s
            tiles.append(
                {
                    "tile_id": f"{chunk.span.start}..{chunk.span.stop}",
                    "complexity_score": mean / job.spec.unit_cost,
                    "estimated_iterations": work,
                    "estimated_computation_time": foretold_s,
                    "actual_computation_time": chunk.busy_s,
                    "worker_performance": _ratio(work, chunk.busy_s),
                    "assigned_worker": chunk.worker,
                }
            )
        return reply(
            {
                "job_id": job.id,
                "enabled": bool(costs and costs.sums),
                "total_tiles": job.spec.total_units,
                "estimation_error_share": missed_s / busy_s if busy_s else None,
                **_load(said),
                "tiles": tiles[-TILES_MAX:],
            }
        )

    def _asked(self) -> tuple[Job, Sequence[Chunk], Profile]:
        store, name = self._h.store, request.args.get("job_id")
        newest = store.views.jobs(1)
        if name is None and not newest:
            raise NoSuchJob("there is no job yet", field="job_id")
        job = newest[0] if name is None else store.views.job(own_id(name))
        chunks = [chunk for chunk in store.views.timeline(job.id) if chunk.span.units]
        return job, chunks, profile_of(self._h, job, chunks)


def _load(said: Profile) -> dict[str, float | None]:
    """How even the load was: the longest time inside the kernel beyond the mean."""
    busy = [share.busy_s for share in said.shares]
    mean = sum(busy) / len(busy) if busy else 0.0
    beyond = max(busy, default=0.0) - mean
    return {
        "load_imbalance_seconds": beyond,
        "load_imbalance_share": beyond / mean if mean else None,
        "efficiency": said.efficiency,
    }


def _ratio(amount: float, by: float) -> float:
    return amount / by if by else 0.0


def paths() -> dict[str, Any]:
    """The endpoints in the API's own description."""
    asked = [query("job_id", NAME, "the job; the newest if none is named")]
    number, some = {"type": "number"}, {"type": ["number", "null"]}
    load: dict[str, Schema] = {
        "load_imbalance_seconds": number,
        "load_imbalance_share": some,
        "efficiency": some,
    }
    rows = {"type": "array", "items": {"type": "object"}}
    chunking = _shape(number, chunks_by_size=rows, overhead_share=some, **load)
    tiling = _shape(
        {},
        enabled={"type": "boolean"},
        total_tiles={"type": "integer"},
        estimation_error_share=some,
        tiles=rows,
        **load,
    )
    return {
        CHUNKING: {
            "get": operation(
                "adaptive_chunking_metrics",
                "Sizes of a job's chunks, load and overhead",
                {"200": reply_of("figures", chunking), **problems(400, 404)},
                asked,
            )
        },
        TILING: {
            "get": operation(
                "adaptive_tiling_metrics",
                "Work foretold of a job's chunks, and time taken",
                {"200": reply_of("figures", tiling), **problems(400, 404)},
                asked,
            )
        },
    }


def _shape(others: Schema, **named: Schema) -> Schema:
    properties = {"job_id": {"type": "string"}, **named}
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": others,
    }
