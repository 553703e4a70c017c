"""Philox, the pi kernel's second generator: published vectors, known answers, an audit of both."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra import kernels
from hydra.errors import BadParam
from hydra.kernels.builtin import pi
from hydra.kernels.reference import pi as reference
from hydra.kernels.reference import pi_philox as philox
from hydra.model import Span

try:
    from hydra.kernels.native import pi as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

needs_compiled = pytest.mark.skipif(compiled is None, reason="the pi kernel is not compiled here")

GOLDEN = json.loads((Path(__file__).parent / "golden" / "philox.json").read_text())
ISAS = compiled.isas() if compiled else ()
UNIT = pi.UNIT_POINTS

PUBLISHED = [
    "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "408f276d 41c83b0e a20bc7c6 6d5451fd",
    "d16cfe09 94fdcceb 5001e420 24126ea1",
]
"""Of Random123's kat_vectors, philox4x32 with 10 rounds: all zeros, all ones, digits of pi."""


@pytest.mark.parametrize(("vector", "published"), [*zip(GOLDEN["vectors"], PUBLISHED)])
def test_the_generator_gives_the_published_vectors(vector: list, published: str) -> None:
    key, counter, made = vector
    words = philox.philox4x32(key, np.array(counter, np.uint32).reshape(4, 1))
    assert " ".join(f"{int(word):08x}" for word in words[:, 0]) == published
    assert made == published, "the scalar C definition differs"


@pytest.mark.parametrize("isa", ["reference", *ISAS])
@pytest.mark.parametrize(("seed", "block", "points", "hits"), GOLDEN["hits"])
def test_each_edition_gives_the_golden_counts(
    isa: str, seed: int, block: int, points: int, hits: int
) -> None:
    if isa == "reference":
        assert reference.count_hits(seed, block, points, "philox") == hits
    else:
        assert compiled.count_hits_as(isa, seed, block, points, "philox") == hits


@needs_compiled
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**64 - 1),
    block=st.integers(0, 10**18 // UNIT - 3),
    points=st.one_of(st.integers(0, 4096), st.integers(0, 2 * UNIT)),
)
def test_every_edition_counts_the_same(seed: int, block: int, points: int) -> None:
    hits = reference.count_hits(seed, block, points, "philox")
    assert {compiled.count_hits_as(isa, seed, block, points, "philox") for isa in ISAS} == {hits}


def test_every_point_by_the_exact_test_in_plain_integers() -> None:
    """No 16-bit shortcut: each point of a few calls with its 48-bit coordinates."""
    seed, block, points = 12345, 678, 3001
    hits = 0
    for index in range(points):
        counter = philox._counters(np.array([index // 4]), block, philox.TAG)
        word = int(philox.philox4x32(seed, counter)[index % 4, 0])
        hits += not philox.is_outside(seed, block, index, word)
    assert reference.count_hits(seed, block, points, "philox") == hits


@needs_compiled
def test_both_generators_find_pi() -> None:
    """An audit: within 4 standard errors of pi, and of each other, over 2^30 points."""
    n, q = 2**30, math.pi / 4
    error = math.sqrt(q * (1 - q) * n)
    hits = {name: compiled.count_hits(3, 0, n, name) for name in pi.PARAMS["generator"].choices}
    assert all(abs(count - n * q) < 4 * error for count in hits.values())
    assert abs(hits["shishua"] - hits["philox"]) < 4 * math.sqrt(2) * error
    assert hits["shishua"] != hits["philox"]


def test_the_job_names_its_generator() -> None:
    params = kernels.parse_params(
        kernels.load()["pi"], {"samples": 2_000_000, "generator": "philox"}
    )
    assert pi.run(params, Span(0, pi.size(params))) == {"hits": 1571201}
    assert kernels.parse_params(kernels.load()["pi"], {})["generator"] == "shishua"
    with pytest.raises(BadParam, match="generator must be one of shishua, philox, not mt19937"):
        kernels.parse_params(kernels.load()["pi"], {"generator": "mt19937"})
    for edition in {compiled or reference, reference}:
        with pytest.raises(ValueError, match="no generator 'mt19937'"):
            edition.count_hits(1, 0, 10, "mt19937")
