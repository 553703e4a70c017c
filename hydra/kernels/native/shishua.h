/* SHISHUA, the random number generator behind the pi kernel, in plain scalar C.
 *
 * This is the readable definition; pi_count.h holds the same step in vectors. The generator is by
 * Thaddee Tyl (github.com/espadrine/shishua, public domain CC0): BigCrush and 32 TiB of PractRand
 * without a finding, and a counter that keeps every period above 2^71 bytes. Written here anew from
 * its description; its published test vectors are checked in tests/kernels.
 *
 * The state is four rows of 256 bits and a counter of the same width. A row is four 64-bit lanes
 * for adding and shifting, and eight 32-bit words for turning: "turned by 5" moves word (i+5) mod 8
 * to place i. All machines Hydra runs on are little-endian, so a row's memory is both.
 */
#ifndef HYDRA_SHISHUA_H
#define HYDRA_SHISHUA_H

#include <stdint.h>
#include <string.h>

enum {
    SHISHUA_ROWS = 4,
    SHISHUA_LANES = 4,       /* 64-bit lanes in a row */
    SHISHUA_WORDS = 8,       /* 32-bit words in a row */
    SHISHUA_SEED_ROUNDS = 13
};

typedef struct {
    uint64_t state[SHISHUA_ROWS][SHISHUA_LANES];
    uint64_t counter[SHISHUA_LANES];
    uint64_t output[SHISHUA_ROWS][SHISHUA_LANES];
} shishua_scalar;

/* What the counter gains each step: odd and different, so no two lanes walk together. */
static const uint64_t shishua_counter_gain[SHISHUA_LANES] = {7, 5, 3, 1};

/* The fraction of the golden ratio, 1024 bits of it: a start with nothing up its sleeve. */
static const uint64_t shishua_golden_ratio[SHISHUA_ROWS][SHISHUA_LANES] = {
    {0x9E3779B97F4A7C15u, 0xF39CC0605CEDC834u, 0x1082276BF3A27251u, 0xF86C6A11D0C18E95u},
    {0x2767F0B153D27B7Fu, 0x0347045B5BF1827Fu, 0x01886F0928403002u, 0xC1D64BA40F335E36u},
    {0xF06AD7AE9717877Eu, 0x85839D6EFFBD7DC6u, 0x64D325D1C5371682u, 0xCADD0CCCFDFFBBE1u},
    {0x626E33B8D04B4331u, 0xBBF73C790D94F79Du, 0x471C4AB3ED3D82A5u, 0xFEC507705E4AE6E5u},
};

/* The state before the first round: the golden ratio with the 256-bit seed laid over it twice. */
static inline void shishua_lay_seed(uint64_t state[SHISHUA_ROWS][SHISHUA_LANES],
                                    const uint64_t seed[4])
{
    static const int seed_word[SHISHUA_ROWS][2] = {{0, 1}, {2, 3}, {2, 3}, {0, 1}};
    memcpy(state, shishua_golden_ratio, sizeof shishua_golden_ratio);
    for (int row = 0; row < SHISHUA_ROWS; row++) {
        state[row][0] ^= seed[seed_word[row][0]];
        state[row][2] ^= seed[seed_word[row][1]];
    }
}

/* One step: 128 bytes of output from the state, and the next state. */
static inline void shishua_step(shishua_scalar *g)
{
    static const int turn_words[SHISHUA_ROWS] = {5, 3, 5, 3};
    static const int shift_bits[SHISHUA_ROWS] = {1, 3, 1, 3};
    uint64_t shifted[SHISHUA_ROWS][SHISHUA_LANES], turned[SHISHUA_ROWS][SHISHUA_LANES];

    for (int lane = 0; lane < SHISHUA_LANES; lane++) {
        g->state[1][lane] += g->counter[lane];
        g->state[3][lane] += g->counter[lane];
        g->counter[lane] += shishua_counter_gain[lane];
    }
    for (int row = 0; row < SHISHUA_ROWS; row++) {
        uint32_t from[SHISHUA_WORDS], to[SHISHUA_WORDS];
        memcpy(from, g->state[row], sizeof from);
        for (int word = 0; word < SHISHUA_WORDS; word++)
            to[word] = from[(word + turn_words[row]) % SHISHUA_WORDS];
        memcpy(turned[row], to, sizeof to);
        for (int lane = 0; lane < SHISHUA_LANES; lane++) {
            shifted[row][lane] = g->state[row][lane] >> shift_bits[row];
            g->state[row][lane] = turned[row][lane] + shifted[row][lane];
        }
    }
    for (int lane = 0; lane < SHISHUA_LANES; lane++) {
        g->output[0][lane] = shifted[0][lane] ^ turned[1][lane];
        g->output[1][lane] = shifted[2][lane] ^ turned[3][lane];
        g->output[2][lane] = g->state[0][lane] ^ g->state[3][lane];
        g->output[3][lane] = g->state[2][lane] ^ g->state[1][lane];
    }
}

/* Mix a 256-bit seed in: each round's output, rows reversed, becomes the state.
 *
 * The published stream begins with the last round's output, which is left in `output` here; ours
 * begins with the step after it.
 */
static inline void shishua_seed(shishua_scalar *g, const uint64_t seed[4])
{
    shishua_lay_seed(g->state, seed);
    memset(g->counter, 0, sizeof g->counter);
    for (int round = 0; round < SHISHUA_SEED_ROUNDS; round++) {
        shishua_step(g);
        for (int row = 0; row < SHISHUA_ROWS; row++)
            memcpy(g->state[row], g->output[SHISHUA_ROWS - 1 - row], sizeof g->state[row]);
    }
}

#endif
