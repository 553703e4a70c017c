"""The compiled part, with the include folder and compiler flags that Hydra's streams ask for."""

from setuptools import Extension, setup

from hydra.kernels.streams import build_options

setup(
    ext_modules=[
        Extension("hydra_percolation._grid", ["hydra_percolation/_grid.pyx"], **build_options())
    ]
)
