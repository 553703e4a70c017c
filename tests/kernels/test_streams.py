"""Addressed streams: known numbers, every edition against the others, statistics, other's tags."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hydra
from hydra.errors import BadParam, BadSetting
from hydra.kernels import streams
from hydra.kernels.reference import pi as pi_reference
from hydra.kernels.streams import reference as reference

try:
    from hydra.kernels.streams import native as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

needs_compiled = pytest.mark.skipif(compiled is None, reason="the streams are not compiled here")

GOLDEN = json.loads((Path(__file__).parent / "golden" / "streams.json").read_text())
ISAS = compiled.isas() if compiled else ()
KINDS = {"words": "u8", "uniforms": "f8", "normals": "f8"}
ADDRESS = st.integers(0, 2**64 - 1)
MANY = 2**18


def drawn(edition, kind: str, seed: int, unit: int, count: int, isa: str = "") -> np.ndarray:
    out = np.empty(count, KINDS[kind])
    edition.fill(kind, out, seed, unit, isa)
    return out


# Which numbers


@pytest.mark.parametrize(("seed", "unit", "first", "words", "bits"), GOLDEN["draws"])
@pytest.mark.parametrize("isa", ["reference", *ISAS])
def test_each_edition_gives_the_golden_numbers(
    isa: str, seed: int, unit: int, first: int, words: list[int], bits: list[int]
) -> None:
    edition, isa = (reference, "") if isa == "reference" else (compiled, isa)
    stop = first + len(words)
    assert drawn(edition, "words", seed, unit, stop, isa)[first:].tolist() == words
    normals = drawn(edition, "normals", seed, unit, stop, isa)[first:]
    assert normals.view("u8").tolist() == bits


@needs_compiled
@settings(max_examples=40, deadline=None)
@given(seed=ADDRESS, unit=ADDRESS, count=st.integers(0, 3000))
def test_every_edition_gives_the_same_bits(seed: int, unit: int, count: int) -> None:
    for kind in KINDS:
        bits = drawn(reference, kind, seed, unit, count).tobytes()
        for isa in ISAS:
            assert drawn(compiled, kind, seed, unit, count, isa).tobytes() == bits, (kind, isa)


@needs_compiled
def test_a_million_normals_have_the_same_bits() -> None:
    """Many enough for every formula but that of the far tail, which the golden ends hold."""
    bits = drawn(reference, "normals", 5, 6, 10**6).tobytes()
    for isa in ISAS:
        assert drawn(compiled, "normals", 5, 6, 10**6, isa).tobytes() == bits


def test_an_element_is_made_of_the_word_of_its_place() -> None:
    words = streams.words(3, 4, 1000)
    assert streams.words(3, 4, 10).tolist() == words[:10].tolist()
    assert streams.uniforms(3, 4, 1000).tolist() == [(w >> 11) / 2**53 for w in words.tolist()]
    assert streams.normals(3, 4, 1000).tobytes() == reference.normals(words).tobytes()


def test_numpy_stays_out_until_numbers_are_drawn() -> None:
    program = "import sys; import hydra.kernels.streams; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(hydra.__file__).parents[1])},
    )
    assert done.stdout.strip() == "False"


# Of which quality


def test_normals_are_the_quantiles_of_their_cells() -> None:
    """Against the standard library's AS 241, whose logarithm is libm's."""
    exact = statistics.NormalDist().inv_cdf
    words = streams.words(1, 0, 20_000)
    for word, z in zip(words.tolist(), reference.normals(words).tolist(), strict=True):
        assert z == pytest.approx(exact(((word >> 12) + 0.5) * 2.0**-52), rel=2e-15)


def test_the_scalar_definition_agrees_in_every_tail() -> None:
    words = np.array([word for word, _ in GOLDEN["ends"]], np.uint64)
    assert reference.normals(words).view("u8").tolist() == [bits for _, bits in GOLDEN["ends"]]


def test_the_ends_of_the_normal_are_finite_and_mirrored() -> None:
    words = np.array([0, 4095, 1 << 12, 1 << 28, 1 << 40, 2**63 - 1], np.uint64)
    low, high = reference.normals(words), reference.normals(~words)
    assert (low == -high).all()
    exact = [statistics.NormalDist().inv_cdf(((w >> 12) + 0.5) * 2.0**-52) for w in words.tolist()]
    assert low.tolist() == pytest.approx(exact, rel=2e-15)
    assert -8.21 < low[0] < -8.20


def test_uniforms_and_normals_follow_their_distributions() -> None:
    """Chi-square over 256 equal cells and Kolmogorov-Smirnov; z-scores and D below 4 sigma."""
    for seed in (0, 1, 2**64 - 1):
        u = streams.uniforms(seed, 9, MANY)
        counts = np.bincount((u * 256).astype(int), minlength=256)
        chi2 = ((counts - MANY / 256) ** 2 / (MANY / 256)).sum()
        assert abs(chi2 - 255) / math.sqrt(2 * 255) < 4
        z = np.sort(streams.normals(seed, 10, MANY))
        below = np.array([statistics.NormalDist().cdf(x) for x in z[::64].tolist()])
        assert np.abs(below - (np.arange(MANY)[::64] + 0.5) / MANY).max() * math.sqrt(MANY) < 2.2
        for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
            assert abs((z**power).mean() - mean) < 4 * math.sqrt(variance / MANY)


def test_every_bit_of_a_word_is_fair() -> None:
    bits = np.unpackbits(streams.words(11, 12, MANY // 8).view(np.uint8).reshape(-1, 8), axis=1)
    off = (bits.sum(axis=0) - bits.shape[0] / 2) / math.sqrt(bits.shape[0] / 4)
    assert np.abs(off).max() < 4.5


@pytest.mark.parametrize("other", [(1, 8), (2, 7), (7, 1), (1 ^ 1 << 63, 7), (1, 7 ^ 1 << 63)])
def test_neighbouring_addresses_are_unrelated(other: tuple[int, int]) -> None:
    """Correlation of uniforms, and of which bits differ, at the same place of two streams."""
    a, b = streams.uniforms(1, 7, MANY), streams.uniforms(*other, MANY)
    assert abs(((a - 0.5) * (b - 0.5)).mean() * 12) * math.sqrt(MANY) < 4
    differ = np.bitwise_count(streams.words(1, 7, MANY) ^ streams.words(*other, MANY))
    assert abs(differ.mean() - 32) / (4 / math.sqrt(MANY)) < 4


def test_no_stream_is_one_of_pis_blocks() -> None:
    """The tags differ, so the 256-bit seeds do; the first words of many addresses never meet."""
    tags = {pi_reference.INSTANCE_TAG, pi_reference.INSTANCE_TAG + 1}
    assert not tags & {reference.STREAM_TAG, reference.STREAM_TAG + 1}
    pis: set[int] = set()
    ours: set[int] = set()
    for unit in range(64):
        generator = reference.Shishua(pi_reference._seed_words(1, unit, 1))
        generator.step()
        pis |= set(generator.output.reshape(-1).tolist())
        ours |= set(streams.words(1, unit, 32).tolist())
    assert len(pis) == len(ours) == 64 * 32
    assert not pis & ours


# What stands in for libm


def test_strict_functions_are_right_to_a_few_ulp() -> None:
    for i in range(-4000, 4001):
        x = i * 0.17
        assert streams.exp(x) == pytest.approx(math.exp(x), rel=5e-16)
        power = 10.0 ** (x / 3)
        assert streams.log(power) == pytest.approx(math.log(power), rel=5e-16, abs=3e-16)
        near = i * 0.0025
        exact = 0.5 * math.erfc(-near / math.sqrt(2))
        assert streams.normal_cdf(near) == pytest.approx(exact, abs=4e-15)
    assert (streams.normal_cdf(-9), streams.normal_cdf(9)) == (0, 1)


@pytest.mark.parametrize("x", [701.0, -701.0, math.inf, math.nan])
def test_exp_refuses_what_it_cannot_do(x: float) -> None:
    with pytest.raises(ValueError, match="x must be from"):
        streams.exp(x)


@pytest.mark.parametrize("x", [0.0, -1.0, math.inf, math.nan])
def test_log_refuses_what_it_cannot_do(x: float) -> None:
    with pytest.raises(ValueError, match="x must be positive"):
        streams.log(x)


def test_arrays_and_floats_get_the_same_bits() -> None:
    x = np.linspace(-20, 20, 2001)
    assert reference.exp(x).tolist() == [streams.exp(value) for value in x.tolist()]
    powers = reference.exp(x)
    assert reference.log(powers).tolist() == [streams.log(value) for value in powers.tolist()]


# Bad input


@pytest.mark.parametrize("draw", [streams.words, streams.uniforms, streams.normals])
@pytest.mark.parametrize(
    ("address", "field"),
    [
        ((-1, 0, 1), "seed"),
        ((2**64, 0, 1), "seed"),
        ((1.0, 0, 1), "seed"),
        ((True, 0, 1), "seed"),
        ((0, -1, 1), "unit"),
        ((0, 2**64, 1), "unit"),
        ((0, "x" * 999, 1), "unit"),
        ((0, 0, -1), "count"),
        ((0, 0, 2**27 + 1), "count"),
        ((0, 0, None), "count"),
    ],
)
def test_a_bad_address_is_named(draw, address: tuple, field: str) -> None:
    with pytest.raises(BadParam, match=f"{field} must be a whole number from 0 to") as caught:
        draw(*address)
    assert caught.value.field == field
    assert len(caught.value.sentence) < 200


@pytest.mark.parametrize("edition", [compiled, reference] if compiled else [reference])
@pytest.mark.parametrize("name", ["sse9", "AVX2", "\0", "x" * 1000])
def test_unknown_isas_are_refused(edition, name: str) -> None:
    with pytest.raises(BadSetting, match="HYDRA_ISA"):
        edition.select(name)
