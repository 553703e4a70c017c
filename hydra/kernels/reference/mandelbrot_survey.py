"""The survey of the mandelbrot kernel in NumPy: see native/mandel_survey.h, which it must equal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hydra.kernels.pictures.view import Box, View

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]

BURST = 16
"""Iterations between two tests."""

STAGE = 4
"""Bursts of the first stage."""

EARLY = 4
"""Part of the budget for which all samples are followed."""

PARTS_MAX = 16
"""Parts of the picture for each sample that is followed on."""

MARGIN = 1 - 1e-12
"""Of the cardioid and the disc."""


def survey(view: View, boxes: Sequence[Box], across: int, budget: int) -> tuple[list[int], int]:
    """The bursts of all samples of each box, and how far the budget would do for all of them."""
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
    """Follow the scouts, fewer and fewer, and add the bursts of all they stand for to `work`.

    The work of each part, and how many bursts the budget would do for every sample.
    """
    limit = -(-view.iterations // BURST)
    early, whole, weight = budget // EARLY, budget, 1
    reached, told, stage, stages = 0, 0, STAGE, 0
    while part.size and reached < limit:
        bursts = min(stage, limit - reached)
        if not stages and bursts * part.size <= early:
            early -= bursts * part.size
        else:
            stages = stages or _stages(limit - reached, stage)
            most = budget // stages // bursts
            stages -= 1
            if most * PARTS_MAX < len(work):
                break
            step = 1
            while -(-part.size // step) > most:
                step *= 2
            part, scouts = part[::step], [each[::step] for each in scouts]
            weight *= step
        affordable = max(whole, 0) // (part.size * weight)
        told += min(bursts, affordable)
        whole -= bursts * part.size * weight
        budget -= bursts * part.size
        reached += bursts
        stage *= 2
        part, scouts = _stage(view, scouts, part, bursts, weight, work)
    return work.tolist(), told


def _stages(bursts: int, stage: int) -> int:
    """How many stages of doubling length are `bursts`."""
    stages = 0
    while bursts > 0:
        bursts, stage, stages = bursts - stage, 2 * stage, stages + 1
    return stages


def _stage(
    view: View, scouts: list[Reals], part: Ints, bursts: int, weight: int, work: Ints
) -> tuple[Ints, list[Reals]]:
    """Up to `bursts` more of each scout, which stands for `weight`; those that have not ended."""
    kept = scouts[:2]
    for _ in range(bursts):
        np.add.at(work, part, weight)
        x, y, square = _burst(*scouts)
        scouts[:2] = x, y
        on = (square <= view.bailout * view.bailout) & ~((x == kept[0]) & (y == kept[1]))
        if not on.all():
            part, kept = part[on], [each[on] for each in kept]
            scouts = [each[on] for each in scouts]
        if not part.size:
            break
    return part, scouts


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
