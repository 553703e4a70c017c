"""How the mandelbrot kernel numbers its tiles, and what it expects each to cost.

Tiles of one picture differ a hundredfold in work: the plane is empty far from the set, the checks
save nearly all of its inside, and the border takes the rest. So a survey goes first: samples spread
over the picture are followed, fewer the longer it takes, and tell of each tile how much work it is.
Units are numbered from the most expensive tile to the cheapest. Then the units are a cost axis:
chunks are cut from its front by work, slow workers take from its far end what is not too large for
them, and small tiles are left for the end of a job.

The survey is exact arithmetic on every machine, so each process makes it for itself and all number
the tiles alike; nothing is stored or sent. It takes a few milliseconds. Rejected: a plan in the
job's record, which a worker would have to trust; stripes of varying height, which are the same
thing with coarser tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hydra.kernels.pictures.view import Box, View, box_of, tiles

Survey = Callable[[View, Sequence[Box], int, int], tuple[list[int], int]]

SAMPLES = 2**16
"""Samples of a survey, about; each tile has at least one."""

BURST = 16
"""Iterations of a burst, in which the survey counts."""

BUDGET_BURSTS = 2**21
"""Most bursts that a survey does: 8 ms with AVX-512, 20 ms with SSE2."""

PREVIEW_PIXELS = 2**15
"""Most pixels of a preview: as quick as a survey."""

TILES_MIN = 64
"""A picture of fewer tiles keeps them row by row: there is little to be won."""

SAMPLE_COST, PIXEL_COST = 32, 192
"""Work that hangs on no iteration, measured in iterations: shading a sample, packing a pixel."""


class Plan(NamedTuple):
    """The tiles of one picture in the order of their units."""

    tiles: Sequence[int]
    """The tile of each unit."""
    costs: Sequence[int]
    """The expected work of each unit, in iterations; never rising."""
    iterations: int
    """How far the survey's budget would do if all samples were followed."""


def plan(view: View, survey: Survey) -> Plan:
    """The tiles, the most expensive first; equal ones stay row by row."""
    across, down = tiles(view.columns, view.rows)
    boxes = [box_of(view.columns, view.rows, tile) for tile in range(across * down)]
    side = max(1, math.isqrt(SAMPLES // len(boxes)))
    bursts, reached = survey(view, boxes, side, BUDGET_BURSTS)
    samples = 1 + (view.antialias**2 if view.antialias > 1 else 0)
    costs = []
    for box, done in zip(boxes, bursts, strict=True):
        pixel_cost = PIXEL_COST + samples * SAMPLE_COST + samples * BURST * done // side**2
        costs.append(box.width * box.height * pixel_cost)
    iterations = min(view.iterations, reached * BURST)
    if len(boxes) < TILES_MIN:
        return Plan(range(len(boxes)), [sum(costs) // len(costs)] * len(costs), iterations)
    order = sorted(range(len(boxes)), key=lambda tile: -costs[tile])
    return Plan(order, [costs[tile] for tile in order], iterations)


def preview_sides(view: View, made: Plan) -> dict[str, int]:
    """The parameters in which a preview differs from its picture.

    Some pixels between the survey's samples take longer than any of those: twice as far is enough
    for nearly all.
    """
    shrink = math.ceil(math.sqrt(view.columns * view.rows / PREVIEW_PIXELS))
    return {
        "columns": -(-view.columns // shrink),
        "rows": -(-view.rows // shrink),
        "iterations": max(1, min(view.iterations, 2 * made.iterations)),
        "antialias": 1,
    }
