"""What one call carries, by how long others took."""

from __future__ import annotations

from hydra.work.link import PART_BYTES_FIRST, PART_BYTES_MIN, Link


def test_a_slow_call_that_carries_next_to_nothing_bounds_no_bytes() -> None:
    link = Link()
    link.carried(0, 3.0, beat_s=1.0)
    link.carried(40, 3.0, beat_s=1.0)
    assert link.part_bytes == PART_BYTES_FIRST
    link.carried(PART_BYTES_FIRST // 2, 30.0, beat_s=1.0)
    assert link.part_bytes == PART_BYTES_MIN
