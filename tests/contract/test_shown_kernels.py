"""What kernels declare for those who watch: presets and pictures. Nothing here names a kernel."""

from __future__ import annotations

import pytest

from hydra import kernels
from hydra.kernels import Kernel
from hydra.model import Span
from hydra.services.submit import checked
from hydra.settings import Settings

KERNELS = [pytest.param(kernel, id=name) for name, kernel in kernels.load().items()]


@pytest.mark.parametrize("kernel", KERNELS)
def test_presets_are_jobs_that_can_be_opened(kernel: Kernel) -> None:
    for name, params in kernel.presets.items():
        assert name.strip() == name != ""
        assert checked(kernel, params, 1.0, Settings.read({}).job_bytes_max).total_units >= 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_tiles_cover_the_canvas_once(kernel: Kernel) -> None:
    for params, _, _ in kernel.golden:
        canvas, units = kernel.canvas(params), kernel.size(params)
        if canvas is None or units > 100:
            continue
        columns, rows = canvas
        covered = bytearray(columns * rows)
        for unit, blob in kernel.run(params, Span(0, units)).items():
            assert isinstance(unit, int)
            assert isinstance(blob, bytes)
            tile = kernel.paint(params, unit, blob)
            assert len(tile.rgb) == 3 * tile.columns * tile.rows
            for row in range(tile.y, tile.y + tile.rows):
                for at in range(row * columns + tile.x, row * columns + tile.x + tile.columns):
                    covered[at] += 1
        assert set(covered) == {1}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_with_a_canvas_ends_with_its_picture(kernel: Kernel) -> None:
    params = kernel.golden[0][0]
    if kernel.canvas(params):
        whole = kernel.run(params, Span(0, kernel.size(params)))
        assert isinstance(kernel.finish(params, whole)["image.png"], bytes)
