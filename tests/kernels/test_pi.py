"""The pi kernel: known answers, every instruction set against the exact definition, statistics."""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hydra
from hydra.errors import BadSetting, BadSpan
from hydra.kernels.builtin import pi
from hydra.kernels.reference import pi as reference
from hydra.model import Span

try:
    from hydra.kernels.native import pi as compiled
except ImportError:
    compiled = None  # type: ignore[assignment]

needs_compiled = pytest.mark.skipif(compiled is None, reason="the pi kernel is not compiled here")

ROOT = Path(hydra.__file__).parents[1]
GOLDEN = json.loads((Path(__file__).parent / "golden" / "pi.json").read_text())
PUBLISHED = json.loads((Path(__file__).parent / "golden" / "shishua_published.json").read_text())
ISAS = compiled.isas() if compiled else ()
backend = compiled or reference

UNIT = pi.UNIT_POINTS
SEED_MAX = 2**64 - 1
LAST_BLOCK = 10**18 // UNIT - 1
SEED_OF_PI = (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA409382229F31D00, 0x82EFA98EC4E6C894)


@pytest.mark.parametrize(
    ("seed", "published", "made"),
    [
        ((0, 0, 0, 0), "vector_unseeded", "stream_of_seed_zero"),
        (SEED_OF_PI, "vector_seeded", "stream_of_seed_pi"),
    ],
)
def test_the_generator_gives_the_published_vectors(
    seed: tuple[int, ...], published: str, made: str
) -> None:
    generator = reference.Shishua(np.array(seed, np.uint64))
    stream = b""
    while len(stream) < 512:
        stream += generator.output.tobytes()
        generator.step()
    assert stream.hex() == PUBLISHED[published]
    assert GOLDEN[made] == PUBLISHED[published], "the scalar C definition differs"


@pytest.mark.parametrize(("seed", "block", "points", "hits"), GOLDEN["hits"])
def test_reference_gives_the_golden_counts(seed: int, block: int, points: int, hits: int) -> None:
    assert reference.count_hits(seed, block, points) == hits


@needs_compiled
@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("seed", "block", "points", "hits"), GOLDEN["hits"])
def test_each_isa_gives_the_golden_counts(
    isa: str, seed: int, block: int, points: int, hits: int
) -> None:
    assert compiled.count_hits_as(isa, seed, block, points) == hits


def test_every_point_by_the_exact_test_in_plain_integers() -> None:
    """No vectors, no NumPy, no 16-bit shortcut: what pi_block.h says, point by point."""
    seed, block, steps = 12345, 678, 512
    hits = 0
    for instance in range(2):
        rows_of_steps = _plain_shishua((seed, block, 0x48594452 + instance, 0), steps)
        for step, rows in enumerate(rows_of_steps):
            for pair in range(2):
                for lane in range(16):
                    index = step * 64 + instance * 32 + pair * 16 + lane
                    x, y = rows[2 * pair][lane], rows[2 * pair + 1][lane]
                    hits += not reference.is_outside(seed, block, index, x, y)
    assert reference.count_hits(seed, block, steps * 64) == hits
    assert backend.count_hits(seed, block, steps * 64) == hits


def _plain_shishua(seed: tuple[int, ...], steps: int) -> list[list[list[int]]]:
    """Output rows as 16-bit words, for each step after seeding; a row is one big integer."""
    mask, lane_mask = 2**256 - 1, 2**64 - 1

    def row(words: list[int]) -> int:
        return sum((word & lane_mask) << 64 * lane for lane, word in enumerate(words))

    def lanes(value: int) -> list[int]:
        return [value >> 64 * lane & lane_mask for lane in range(4)]

    def add(a: int, b: int) -> int:
        return row([i + j for i, j in zip(lanes(a), lanes(b), strict=True)])

    def turn(a: int, words: int) -> int:
        return (a >> 32 * words | a << 32 * (8 - words)) & mask

    golden = [row([int(word) for word in words]) for words in reference.GOLDEN_RATIO]
    outer, inner = row([seed[0], 0, seed[1], 0]), row([seed[2], 0, seed[3], 0])
    state = [golden[0] ^ outer, golden[1] ^ inner, golden[2] ^ inner, golden[3] ^ outer]
    counter, out = 0, []
    for step in range(13 + steps):
        state[1], state[3] = add(state[1], counter), add(state[3], counter)
        counter = add(counter, row([7, 5, 3, 1]))
        shifted = [row([i >> (1, 3)[k % 2] for i in lanes(a)]) for k, a in enumerate(state)]
        turned = [turn(a, (5, 3)[k % 2]) for k, a in enumerate(state)]
        state = [add(a, b) for a, b in zip(turned, shifted, strict=True)]
        output = [shifted[0] ^ turned[1], shifted[2] ^ turned[3]]
        output += [state[0] ^ state[3], state[2] ^ state[1]]
        if step < 13:
            state = output[::-1]
        else:
            out.append([[a >> 16 * lane & 0xFFFF for lane in range(16)] for a in output])
    return out


@needs_compiled
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, SEED_MAX),
    block=st.integers(0, LAST_BLOCK),
    points=st.integers(0, 3 * UNIT),
)
def test_isas_agree_everywhere(seed: int, block: int, points: int) -> None:
    assert len({compiled.count_hits_as(isa, seed, block, points) for isa in ISAS}) == 1


@needs_compiled
@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, SEED_MAX),
    block=st.integers(0, LAST_BLOCK),
    points=st.one_of(st.integers(0, 4096), st.integers(0, 2 * UNIT)),
)
def test_compiled_equals_reference(seed: int, block: int, points: int) -> None:
    assert compiled.count_hits(seed, block, points) == reference.count_hits(seed, block, points)


@needs_compiled
def test_compiled_equals_reference_over_many_blocks() -> None:
    points = (reference.BLOCKS_TOGETHER + 3) * UNIT
    assert compiled.count_hits(5, 1000, points) == reference.count_hits(5, 1000, points)


@needs_compiled
@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 30 * UNIT),
    seed=st.integers(0, SEED_MAX),
    cuts=st.sets(st.integers(1, 29)),
)
def test_any_partition_sums_to_the_same(samples: int, seed: int, cuts: set[int]) -> None:
    params = {"samples": samples, "seed": seed}
    size = pi.size(params)
    edges = [0, *sorted(cut for cut in cuts if cut < size), size]
    parts = [pi.run(params, Span(a, b))["hits"] for a, b in itertools.pairwise(edges)]
    assert sum(parts) == pi.run(params, Span(0, size))["hits"]


@pytest.mark.parametrize("seed", [0, SEED_MAX])
@pytest.mark.parametrize("samples", [1, UNIT - 1, UNIT, UNIT + 1])
def test_the_last_unit_counts_only_the_remainder(samples: int, seed: int) -> None:
    params = {"samples": samples, "seed": seed}
    size = pi.size(params)
    assert size == math.ceil(samples / UNIT)
    assert pi.run(params, Span(0, size)) == {"hits": backend.count_hits(seed, 0, samples)}
    assert pi.run(params, Span(size - 1, size)) == {
        "hits": backend.count_hits(seed, size - 1, samples - (size - 1) * UNIT)
    }


def test_the_largest_job_is_addressable_to_its_last_unit() -> None:
    params = {"samples": 10**18, "seed": SEED_MAX}
    size = pi.size(params)
    assert size == LAST_BLOCK + 1
    assert pi.run(params, range(size - 1, size))["hits"] == 205881  # type: ignore[arg-type]


@pytest.mark.parametrize(("start", "stop"), [(-1, 1), (0, 5), (2, 2), (3, 2), (4, 5)])
def test_bad_spans_are_refused(start: int, stop: int) -> None:
    with pytest.raises(BadSpan):
        pi.run({"samples": 4 * UNIT, "seed": 1}, Span(start, stop))


def test_the_answer_says_how_sure_it_is() -> None:
    answer = pi.finish({"samples": 2_000_000, "seed": 1}, {"hits": 1_569_905})
    q = 1_569_905 / 2_000_000
    error = 4 * math.sqrt(q * (1 - q) / 2_000_000)
    assert answer.pop("standard_error") == pytest.approx(error, rel=1e-12)
    low, high = answer.pop("ci95")
    assert (low + high) / 2 == pytest.approx(3.13981)
    assert high - low == pytest.approx(3.92 * error, rel=1e-4)
    assert answer == {"pi": 3.13981, "hits": 1_569_905, "samples": 2_000_000, "seed": 1}


def test_pi_is_rounded_once_even_from_huge_counts() -> None:
    hits = 785_398_163_397_448_309
    answer = pi.finish({"samples": 10**18, "seed": 1}, {"hits": hits})
    assert answer["pi"] == 3.141592653589793236
    assert answer["standard_error"] == pytest.approx(1.6422e-9, rel=1e-3)


@needs_compiled
def test_counts_are_binomial() -> None:
    """2000 blocks of each of two seeds: mean, variance, correlation of neighbours."""
    blocks = 2000
    q = math.pi / 4
    for seed in (2024, SEED_MAX):
        hits = np.array([compiled.count_hits(seed, block, UNIT) for block in range(blocks)])
        z = (hits - UNIT * q) / math.sqrt(UNIT * q * (1 - q))
        assert abs(z.sum() / math.sqrt(blocks)) < 3, "mean"
        assert abs((z @ z - blocks) / math.sqrt(2 * blocks)) < 3, "variance"
        assert abs(z[1:] @ z[:-1] / math.sqrt(blocks - 1)) < 3, "neighbouring blocks"


BINS = 64


def binomial(n: int, q: float) -> np.ndarray:
    """The probability of each count from 0 to n."""
    k = np.arange(n + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(k[1:]))])
    return np.exp(logs[n] - logs - logs[::-1] + k * math.log(q) + (n - k) * math.log1p(-q))


@needs_compiled
@pytest.mark.parametrize("generator", pi.PARAMS["generator"].choices)
def test_counts_fall_into_the_bins_of_the_exact_binomial(generator: str) -> None:
    """Chi-square over bins of one probability, of about eight counts each: no normal curve fits."""
    blocks, exact = 4096, binomial(UNIT, math.pi / 4)
    places = np.minimum(np.cumsum(exact) * BINS, BINS - 1).astype(int)
    expected = blocks * np.bincount(places, exact, BINS)
    hits = [compiled.count_hits(99, block, UNIT, generator) for block in range(blocks)]
    seen = np.bincount(places[hits], minlength=BINS)
    chi_square = float(((seen - expected) ** 2 / expected).sum())
    assert abs(chi_square - (BINS - 1)) < 3 * math.sqrt(2 * (BINS - 1)), chi_square


@needs_compiled
def test_select_takes_every_supported_isa() -> None:
    try:
        for isa in ISAS:
            assert compiled.select(isa) == isa
            assert compiled.count_hits(7, 3, 4 * UNIT) == 823042
        assert compiled.select("") == ISAS[-1]
    finally:
        compiled.select(os.environ.get("HYDRA_ISA", ""))


@pytest.mark.parametrize("select", {backend.select, reference.select})
@pytest.mark.parametrize("name", ["sse9", "AVX2", "\0", "\ud800", "x" * 1000])
def test_unknown_isas_are_refused(select: Callable[[str], str], name: str) -> None:
    with pytest.raises(BadSetting, match="HYDRA_ISA") as caught:
        select(name)
    assert caught.value.field == "HYDRA_ISA"
    assert len(caught.value.sentence) < 200


REPORT = """
import sys
if {blocked}:
    sys.modules["hydra.kernels.native.pi"] = None
from hydra.kernels.builtin import pi
hits = pi.run({{"samples": 1000, "seed": 7}}, range(1))["hits"]
print(pi.BACKEND, hits, "numpy" in sys.modules)
"""


def _report(*, blocked: bool, isa: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "HYDRA_ISA": isa, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", REPORT.format(blocked=blocked)],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_numpy_takes_over_where_nothing_is_compiled() -> None:
    assert _report(blocked=True, isa="").stdout.split() == ["numpy", "812", "True"]


@needs_compiled
def test_hydra_isa_picks_and_numpy_stays_out() -> None:
    assert _report(blocked=False, isa="base").stdout.split() == ["base", "812", "False"]


def test_a_bad_hydra_isa_is_named_at_import() -> None:
    done = _report(blocked=False, isa="pentium")
    assert done.returncode != 0
    assert "BadSetting: HYDRA_ISA must be" in done.stderr
