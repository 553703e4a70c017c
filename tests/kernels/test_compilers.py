"""One answer from every compiler, optimisation and processor that this machine can try."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

import hydra
from hydra.kernels.reference import option as option_reference
from hydra.kernels.reference import pi as pi_reference
from hydra.kernels.streams import backend
from hydra.kernels.streams import reference as streams

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
NATIVE = Path(hydra.__file__).parent / "kernels" / "native"
STRICT = ["-ffp-contract=off", "-DHYDRA_FP_CONTRACT_OFF"]

PATIENCE_S = 240
"""For one program, emulated on a busy machine."""

COMPILERS = {
    "gcc": ["gcc"],
    "clang": ["clang"],
    "arm64": ["aarch64-linux-gnu-gcc", "-static"],
}
RUNNERS = {"arm64": ["qemu-aarch64"]}
BUILDS = [
    ("gcc", "-O0"),
    ("gcc", "-O3 -march=x86-64-v3"),
    ("clang", "-O3 -fno-math-errno -fno-trapping-math"),
    ("arm64", "-O3 -fno-math-errno"),
]
"""Besides what setup.py does, which the other tests here run."""


def built(compiler: str, flags: list[str], source: str, folder: Path) -> list[str]:
    """The command that runs the compiled program; where it cannot be had, skips, or fails in CI."""
    words, runner = COMPILERS[compiler], RUNNERS.get(compiler, [])
    for program in (words[0], *runner):
        if not shutil.which(program):
            (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")
    out = folder / "program"
    subprocess.run(
        [*words, *flags, "-Wall", "-I", str(NATIVE), str(GOLDEN / source), "-lm", "-o", str(out)],
        check=True,
        timeout=PATIENCE_S,
    )
    return [*runner, str(out)]


def output(words: list[str]) -> str:
    return subprocess.run(
        words, capture_output=True, text=True, timeout=PATIENCE_S, check=True
    ).stdout


@cache
def wanted() -> str:
    normals = _normals()
    value = 0
    for bits in normals:
        value = (value * 31 + bits) % 2**64
    hits = [pi_reference.count_hits(1, 2, 200_001, name) for name in ("shishua", "philox")]
    sums = option_reference.sum_payoffs((0.4, 1.0, 0.9, False, True), 3, 4, 3000, 2**16)
    return " ".join(map(str, [value, *hits, *sums]))


def _normals() -> list[int]:
    import numpy as np

    out = np.empty(20_000)
    streams.fill("normals", out, 5, 6)
    return out.view("u8").tolist()


@pytest.mark.parametrize(("compiler", "flags"), BUILDS)
def test_every_compiler_gives_the_bits_of_numpy(compiler: str, flags: str, tmp_path: Path) -> None:
    if "x86" in flags and "avx2" not in backend().isas():
        pytest.skip("this processor has no AVX2")
    words = built(compiler, [*flags.split(), *STRICT], "print_native.c", tmp_path)
    lines = output(words).splitlines()
    assert lines
    assert set(lines) == {wanted()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, ...]]:
    """What gcc's program finds in each view, on each instruction set, in both ways to add."""
    folder = tmp_path_factory.mktemp("pictures")
    return digests(built("gcc", ["-O1", *STRICT], "run_mandelbrot.c", folder))


def digests(words: list[str]) -> set[tuple[str, ...]]:
    """View, counts, squares and blobs of each line of run_mandelbrot.c."""
    return {(view, *found) for view, _, *found in map(str.split, output(words).splitlines())}


@pytest.mark.parametrize(("compiler", "flags"), BUILDS)
def test_every_compiler_gives_the_same_pictures(
    compiler: str, flags: str, tmp_path: Path, pictures: set[tuple[str, ...]]
) -> None:
    if "x86" in flags and "avx2" not in backend().isas():
        pytest.skip("this processor has no AVX2")
    words = built(compiler, [*flags.split(), *STRICT], "run_mandelbrot.c", tmp_path)
    assert digests(words) == pictures
    assert len(pictures) == len({view for view, *_ in pictures}), "one answer for each view"


@pytest.mark.parametrize(
    ("program", "name"),
    [("golden", "pi"), *((name, name) for name in ("streams", "philox", "mandelbrot"))],
)
def test_the_golden_files_are_what_their_programs_print(
    program: str, name: str, tmp_path: Path
) -> None:
    words = built("gcc", ["-O2", *STRICT], f"make_{program}.c", tmp_path)
    assert output(words) == (GOLDEN / f"{name}.json").read_text()


@pytest.mark.parametrize(
    ("flags", "says"),
    [("-O2 -march=x86-64-v3", "ffp-contract=off"), ("-O2 -ffast-math", "no -ffast-math")],
)
def test_flags_that_would_change_bits_do_not_compile(flags: str, says: str) -> None:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    done = subprocess.run(
        ["gcc", *flags.split(), "-fsyntax-only", "-x", "c", "-I", str(NATIVE), "-"],
        input='#include "streams.h"\n',
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode
    assert says in done.stderr
