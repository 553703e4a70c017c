"""Points and pixels a second by instruction set, beside NumPy and numba, and the goals for both.

All by thread CPU time on one thread, in turn, medians; ratios are of medians of the same run. What
others compute is compared with ours before anything is timed.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import kernels_mandelbrot, kernels_pi
from benchmarks.report import Rows

SAME_CHECKS = "numba, same checks"
NUMPY_COMPLEX = "NumPy, complex, shrinking"


@dataclass(frozen=True)
class Goal:
    """What a figure, or its ratio to another's, should reach."""

    name: str
    of: str
    must: float
    stretch: float
    unit: float = 1.0
    against: str = ""


def _pi_goals() -> list[Goal]:
    goals = []
    for isa, must, stretch in (("avx512", 12, 13.5), ("avx2", 8, 9), ("base", 3.8, 4.5)):
        goals.append(Goal(f"pi, {isa}, G points/s", f"Hydra, {isa}", must, stretch, 1e9))
        goals.append(
            Goal(f"pi, {isa}, % of the port bound", f"Hydra, {isa}, of bound", 84, 91, 0.01)
        )
    for peer, must, stretch in (
        ("NumPy, default_rng in chunks", 55, 65),
        ("NumPy, SFC64 words as 32-bit floats", 35, 40),
        ("numba, own xoroshiro128+", 30, 35),
        ("numba expert, 64 lanes of JSF32", 4, 5),
    ):
        goals.append(Goal(f"pi, times {peer}", "Hydra, avx512", must, stretch, against=peer))
    return goals


def _mandelbrot_goals() -> list[Goal]:
    goals = []
    for view, musts, stretches in (
        ("whole", (75, 60, 4), (100, 80, 6)),
        ("seahorse", (9.5, 20, 13), (11, 25, 16)),
        ("interior", (6, 50, 9), (7.5, 65, 11)),
    ):
        ours = f"{view}: Hydra, avx512"
        goals.append(Goal(f"{view}, avx512, M pixels/s", ours, musts[0], stretches[0], 1e6))
        for peer, must, stretch in zip((NUMPY_COMPLEX, SAME_CHECKS), musts[1:], stretches[1:]):
            name = f"{view}, times {peer}"
            goals.append(Goal(name, ours, must, stretch, against=f"{view}: {peer}"))
    return goals


def measure(rows: Rows, rounds: int, only: str) -> None:
    """The goals first, those missed before the others; then what was measured."""
    found = Rows(rows.section, rows.facts, rows.json_path)
    figures = kernels_pi.measure(found, rounds, only)
    figures |= kernels_mandelbrot.measure(found, rounds, only)
    goals = []
    for goal in [*_pi_goals(), *_mandelbrot_goals()]:
        if goal.of in figures and goal.against in {"", *figures}:
            here = figures[goal.of] / (figures[goal.against] if goal.against else goal.unit)
            verdict = "missed" if here < goal.must else "must" if here < goal.stretch else "stretch"
            goals.append((verdict, goal, here))
    for verdict, goal, here in sorted(goals, key=lambda each: each[0] != "missed"):
        rows.add(
            "Goals, one core",
            goal=goal.name,
            must=goal.must,
            stretch=goal.stretch,
            here=here,
            reached=verdict,
        )
    rows.take(found)
