/* What a point of the pi kernel is, exactly: the definition that every fast path must agree with.
 *
 * A block is 2^18 points, drawn from two SHISHUA instances whose 256-bit seed is the words (seed,
 * block, instance tag, 0): different jobs and blocks have different seeds by construction. One step
 * of both instances gives 64 points; the order
 *
 *     index = step * 64 + instance * 32 + pair * 16 + lane
 *
 * knows nothing of vector widths. Output rows 0 and 1 are the X and Y words of pair 0, rows 2 and 3
 * those of pair 1; a row is sixteen 16-bit words, one a lane.
 *
 * A coordinate is 48 bits: the 16-bit word on top of 32 low bits that come from a hash of (seed,
 * block, index). The point is a hit if X^2 + Y^2 < (2^48)^2. Its lower-corner bias is +3.6e-15 on
 * a probability of pi/4: below the standard error up to about 1e28 points.
 */
#ifndef HYDRA_PI_BLOCK_H
#define HYDRA_PI_BLOCK_H

#include "shishua.h"

enum {
    PI_BLOCK_POINTS = 1 << 18,
    PI_INSTANCES = 2,
    PI_PAIRS = 2,
    PI_LANES = 16,
    PI_STEP_POINTS = PI_INSTANCES * PI_PAIRS * PI_LANES,
    PI_BLOCK_STEPS = PI_BLOCK_POINTS / PI_STEP_POINTS
};

/* The least sum of high squares that the low bits can still push outside; see pi_count.h (I). */
#define PI_UNDECIDED_FROM 65532u

/* "HYDR" in ASCII: keeps these seeds apart from anything else that is seeded with small numbers. */
#define PI_INSTANCE_TAG UINT64_C(0x48594452)

/* The 256-bit generator seed of one instance of one block. */
static inline void pi_seed_words(uint64_t seed, uint64_t block, unsigned instance,
                                 uint64_t words[4])
{
    words[0] = seed;
    words[1] = block;
    words[2] = PI_INSTANCE_TAG + instance;
    words[3] = 0;
}

/* The finalizer of SplitMix64 (Stafford's variant 13): each output bit hangs on all input bits. */
static inline uint64_t pi_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* 1 if X^2 + Y^2 >= (2^48)^2, for coordinates below 2^48. */
static inline unsigned pi_exact_outside(uint64_t x, uint64_t y)
{
#ifdef __SIZEOF_INT128__
    return ((unsigned __int128)x * x + (unsigned __int128)y * y) >> 96 != 0;
#else
    /* In limbs of 2^32, dropping what lies below them only after the carries have gone up. */
    uint64_t xl = (uint32_t)x, xh = x >> 32, yl = (uint32_t)y, yh = y >> 32;
    uint64_t bottom = ((xl * xl) & 0xFFFFFFFFu) + ((yl * yl) & 0xFFFFFFFFu);
    uint64_t middle = ((xl * xl) >> 32) + ((yl * yl) >> 32) + (bottom >> 32);
    uint64_t cross_low = 2 * ((xl * xh & 0xFFFFFFFFu) + (yl * yh & 0xFFFFFFFFu));
    uint64_t cross_high = 2 * ((xl * xh >> 32) + (yl * yh >> 32));
    middle += cross_low;
    return (xh * xh + yh * yh + cross_high + (middle >> 32)) >> 32 != 0;
#endif
}

/* 1 if the point lies outside the quarter disc, by the exact 48-bit coordinates. */
static inline unsigned pi_outside(uint64_t seed, uint64_t block, uint32_t index,
                                  uint16_t x_word, uint16_t y_word)
{
    uint64_t block_key = pi_mix(seed + UINT64_C(0x9E3779B97F4A7C15) * (block + 1));
    uint64_t low = pi_mix(block_key ^ (UINT64_C(0xD1B54A32D192ED03) * ((uint64_t)index + 1)));
    return pi_exact_outside((uint64_t)x_word << 32 | (uint32_t)low,
                            (uint64_t)y_word << 32 | low >> 32);
}

/* Points outside among `first <= index < stop` of a block, every one decided by the exact test. */
static inline uint32_t pi_scalar_outside(uint64_t seed, uint64_t block, uint32_t first,
                                         uint32_t stop)
{
    uint32_t outside = 0;
    for (unsigned instance = 0; instance < PI_INSTANCES; instance++) {
        uint64_t words[4];
        shishua_scalar g;
        pi_seed_words(seed, block, instance, words);
        shishua_seed(&g, words);
        for (uint32_t step = 0; step * PI_STEP_POINTS < stop; step++) {
            uint16_t row[SHISHUA_ROWS][PI_LANES];
            shishua_step(&g);
            if ((step + 1) * PI_STEP_POINTS <= first)
                continue;
            memcpy(row, g.output, sizeof row);
            for (unsigned point = 0; point < PI_PAIRS * PI_LANES; point++) {
                unsigned pair = point / PI_LANES, lane = point % PI_LANES;
                uint32_t index = step * PI_STEP_POINTS + instance * PI_PAIRS * PI_LANES + point;
                if (first <= index && index < stop)
                    outside += pi_outside(seed, block, index, row[2 * pair][lane],
                                          row[2 * pair + 1][lane]);
            }
        }
    }
    return outside;
}

#endif
