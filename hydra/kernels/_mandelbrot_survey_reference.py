"""The survey of the mandelbrot kernel in NumPy: see native/mandel_survey.h, which it must equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hydra.kernels._mandelbrot_view import Box, View

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

BURST = 16
"""Iterations between two tests."""

STAGE = 4
"""Bursts of the first stage."""

MARGIN = 1 - 1e-12
"""Of the cardioid and the disc."""


def survey(
    view: View, boxes: Sequence[Box], across: int, budget: int
) -> tuple[list[int], int]:
    """The bursts done in each box, and how many the longest samples were followed."""
    corners = np.array(boxes, np.int64)[:, :, None]
    steps = 2 * np.arange(across) + 1
    columns = corners[:, 0] + steps * corners[:, 2] // (2 * across)
    rows = corners[:, 1] + steps * corners[:, 3] // (2 * across)
    xs = view.centre_x + (2.0 * columns + 1.0 - view.columns) * view.half_pixel
    ys = view.centre_y - (2.0 * rows + 1.0 - view.rows) * view.half_pixel
    px = np.broadcast_to(xs[:, None, :], (len(boxes), across, across)).ravel()
    py = np.broadcast_to(ys[:, :, None], (len(boxes), across, across)).ravel()
    part = np.repeat(np.arange(len(boxes)), across**2)
    if view.julia:
        scouts = [px, py, np.full(px.size, view.julia_x), np.full(px.size, view.julia_y)]
    else:
        go = ~stays(px, py)
        part, px, py = part[go], px[go], py[go]
        scouts = [np.zeros(px.size), np.zeros(px.size), px, py]
    return _surveyed(view, scouts, part, budget, np.zeros(len(boxes), np.int64))


def _surveyed(
    view: View, scouts: list[Reals], part: Ints, budget: int, work: Ints
) -> tuple[list[int], int]:
    limit = -(-view.iterations // BURST)
    reached, stage = 0, STAGE
    while part.size and reached < limit:
        bursts = min(stage, limit - reached)
        if bursts * part.size > budget:
            bursts = budget // part.size
        if not bursts:
            break
        budget -= bursts * part.size
        reached += bursts
        stage *= 2
        kept = scouts[:2]
        for _ in range(bursts):
            np.add.at(work, part, 1)
            x, y, square = _burst(*scouts)
            scouts[:2] = x, y
            on = (square <= view.bailout * view.bailout) & ~((x == kept[0]) & (y == kept[1]))
            if not on.all():
                part, kept = part[on], [each[on] for each in kept]
                scouts = [each[on] for each in scouts]
    return work.tolist(), reached


def stays(x: Reals, y: Reals) -> NDArray[np.bool_]:
    """Which points are clearly inside the main cardioid or the disc left of it."""
    y2, left, disc = y * y, x - 0.25, x + 1.0
    q = left * left + y2
    cardioid = q * (q + left) < 0.25 * y2 * MARGIN - 1e-300
    return cardioid | (disc * disc + y2 < 0.0625 * MARGIN)


def _burst(x: Reals, y: Reals, cx: Reals, cy: Reals) -> tuple[Reals, Reals, Reals]:
    """z after BURST iterations, and its square."""
    with np.errstate(over="ignore", invalid="ignore"):  # escaped orbits run away
        for _ in range(BURST):
            xy = x * y
            x, y = (x * x - y * y) + cx, (xy + xy) + cy
        return x, y, x * x + y * y
