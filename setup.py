"""Only what pyproject.toml cannot say: the packages' folders and the native kernels."""

from __future__ import annotations

import os
from glob import glob

from setuptools import Extension, find_packages, setup

# Every result must have the same bits on every machine: no fused multiply-add, which exists on some
# and not on others. The other two flags change no result that the kernels use.
FLAGS = ["-O3", "-ffp-contract=off", "-DHYDRA_FP_CONTRACT_OFF", "-fno-math-errno",
         "-fno-trapping-math"]  # fmt: skip


def native_kernels() -> list[Extension]:
    """One extension for each .pyx under hydra/kernels.

    The .pyx itself is the source: with cythonize() the sdist would hold the .c instead. Optional:
    where there is no compiler, the NumPy edition of the kernel does the work.
    """
    return [
        Extension(
            path.removesuffix(".pyx").replace(os.sep, "."),
            [path],
            depends=sorted(glob("hydra/kernels/native/*") + glob("hydra/kernels/*/*.pxd")),
            include_dirs=["hydra/kernels/native"],
            extra_compile_args=[] if os.name == "nt" else FLAGS,
            optional=True,
        )
        for path in sorted(glob("hydra/kernels/**/*.pyx", recursive=True))
    ]


def subpackages(folder: str, name: str) -> list[str]:
    """The packages in a folder of the top level that is imported under another name."""
    return [name, *(f"{name}.{found}" for found in find_packages(folder))]


setup(
    packages=[
        *find_packages(include=["hydra", "hydra.*"], exclude=["hydra.web*", "hydra.workers*"]),
        *subpackages("web", "hydra.web"),
        *subpackages("workers", "hydra.workers"),
    ],
    package_dir={"hydra": "hydra", "hydra.web": "web", "hydra.workers": "workers"},
    package_data={
        "hydra": ["py.typed"],
        # Headers and .pxd, too: other packages' kernels are compiled against them.
        "hydra.kernels.native": ["*.pyi", "*.h"],
        "hydra.kernels.streams": ["*.pyi", "*.pxd"],
        "hydra.store": ["lua/*.lua"],
        "hydra.web": ["templates/**/*", "static/**/*"],
    },
    exclude_package_data={
        "hydra.kernels.native": ["*.pyx", "*.c", "*.pxi"],
        "hydra.kernels.streams": ["*.pyx", "*.c"],
    },
    ext_modules=native_kernels(),
)
