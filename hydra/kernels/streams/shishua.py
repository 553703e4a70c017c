"""SHISHUA in NumPy: many instances side by side, equal to native/shishua.h."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words64 = NDArray[np.uint64]

SEED_ROUNDS = 13
COUNTER_GAIN = np.array([7, 5, 3, 1], np.uint64)
SHIFT_BITS = np.array([1, 3, 1, 3], np.uint64).reshape(4, 1, 1, 1)
TURN_5 = np.array([5, 6, 7, 0, 1, 2, 3, 4])
TURN_3 = np.array([3, 4, 5, 6, 7, 0, 1, 2])
GOLDEN_RATIO = np.array(
    [
        [0x9E3779B97F4A7C15, 0xF39CC0605CEDC834, 0x1082276BF3A27251, 0xF86C6A11D0C18E95],
        [0x2767F0B153D27B7F, 0x0347045B5BF1827F, 0x01886F0928403002, 0xC1D64BA40F335E36],
        [0xF06AD7AE9717877E, 0x85839D6EFFBD7DC6, 0x64D325D1C5371682, 0xCADD0CCCFDFFBBE1],
        [0x626E33B8D04B4331, 0xBBF73C790D94F79D, 0x471C4AB3ED3D82A5, 0xFEC507705E4AE6E5],
    ],
    np.uint64,
)


class Shishua:
    """SHISHUA instances side by side, one for each 256-bit seed.

    `seeds` has shape (..., 4); the state has shape (4 rows, ..., 4 lanes), `output` likewise.
    After seeding, `output` holds the first 128 bytes of the published stream of each seed; each
    `step` replaces it by the next.
    """

    def __init__(self, seeds: Words64) -> None:
        self.state = np.empty((4, *seeds.shape), np.uint64)
        self.state[:] = GOLDEN_RATIO.reshape(4, *[1] * (seeds.ndim - 1), 4)
        for row, words in enumerate([(0, 1), (2, 3), (2, 3), (0, 1)]):
            self.state[row, ..., 0] ^= seeds[..., words[0]]
            self.state[row, ..., 2] ^= seeds[..., words[1]]
        self.shifts = SHIFT_BITS.reshape(4, *[1] * seeds.ndim)
        self.counter = np.zeros(4, np.uint64)
        self.output = np.empty_like(self.state)
        self.turned = np.empty_like(self.state)
        for _ in range(SEED_ROUNDS):
            self.step()
            self.state[:] = self.output[::-1]

    def step(self) -> None:
        """The next 128 bytes of every instance into `output`."""
        state, turned, output = self.state, self.turned, self.output
        state[1::2] += self.counter
        self.counter += COUNTER_GAIN
        words, turned_words = state.view(np.uint32), turned.view(np.uint32)
        for row in range(4):
            turn = TURN_3 if row % 2 else TURN_5
            np.take(words[row], turn, axis=-1, out=turned_words[row], mode="clip")
        shifted = state >> self.shifts
        np.add(turned, shifted, out=state)
        np.bitwise_xor(shifted[0::2], turned[1::2], out=output[:2])
        np.bitwise_xor(state[0], state[3], out=output[2])
        np.bitwise_xor(state[2], state[1], out=output[3])
