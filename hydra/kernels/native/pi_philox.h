/* The pi kernel's points from Philox instead of SHISHUA: a second, independent experiment.
 *
 * The key is the seed. Word j of the counter (call, block low, block high, tag) holds the block's
 * point call * 4 + j: X in its low half, Y in its high half. The 16-bit test and the exact one are
 * those of pi_block.h; a point's 64 low bits, X's first, are the first two words of the counter
 * (index, block low, block high, tag + 1).
 */
#ifndef HYDRA_PI_PHILOX_H
#define HYDRA_PI_PHILOX_H

#include "isa.h"
#include "philox.h"
#include "pi_block.h"

enum { PI_CALL_POINTS = 4, PI_CALLS_TOGETHER = 64 };

/* "HYDR" in ASCII, as in pi_block.h. */
#define PI_PHILOX_TAG UINT32_C(0x48594452)

static inline void pi_philox(uint64_t seed, uint64_t block, uint32_t first, uint32_t tag,
                             uint32_t words[4])
{
    words[0] = first;
    words[1] = (uint32_t)block;
    words[2] = (uint32_t)(block >> 32);
    words[3] = tag;
    philox4x32(seed, words);
}

/* 1 if the point of this word lies outside, by the exact 48-bit coordinates. */
static inline unsigned pi_philox_outside(uint64_t seed, uint64_t block, uint32_t index,
                                         uint32_t word)
{
    uint32_t low[4];
    pi_philox(seed, block, index, PI_PHILOX_TAG + 1, low);
    return pi_exact_outside((uint64_t)(word & 0xFFFF) << 32 | low[0],
                            (uint64_t)(word >> 16) << 32 | low[1]);
}

/* Points outside among `first <= index < stop`, every one decided by the exact test. */
static inline uint32_t pi_philox_scalar_outside(uint64_t seed, uint64_t block, uint32_t first,
                                                uint32_t stop)
{
    uint32_t outside = 0;
    for (uint32_t index = first; index < stop; index++) {
        uint32_t words[4];
        pi_philox(seed, block, index / PI_CALL_POINTS, PI_PHILOX_TAG, words);
        outside += pi_philox_outside(seed, block, index, words[index % PI_CALL_POINTS]);
    }
    return outside;
}

/* The high halves of the squares, added: pi_count.h (I) says what they decide. */
static inline uint32_t pi_philox_sum(uint32_t word)
{
    const uint32_t x = word & 0xFFFF, y = word >> 16;
    return (x * x >> 16) + (y * y >> 16);
}

/* Points outside among the undecided ones of PI_CALLS_TOGETHER calls; none of them has a carry. */
static __attribute__((noinline)) uint32_t
pi_philox_undecided(const uint32_t *words, uint64_t seed, uint64_t block, uint32_t first_call)
{
    uint32_t outside = 0;
    for (uint32_t i = 0; i < PI_CALL_POINTS * PI_CALLS_TOGETHER; i++) {
        const uint32_t call = first_call + i % PI_CALLS_TOGETHER, j = i / PI_CALLS_TOGETHER;
        if (pi_philox_sum(words[i]) - PI_UNDECIDED_FROM < 65536 - PI_UNDECIDED_FROM)
            outside += pi_philox_outside(seed, block, call * PI_CALL_POINTS + j, words[i]);
    }
    return outside;
}

#define PHILOX_ISA base
#define PHILOX_VECTOR_BYTES 16
#include "pi_philox_lanes.h"

#if defined(__x86_64__)

HYDRA_BEGIN(HYDRA_AVX2)
#define PHILOX_ISA avx2
#define PHILOX_VECTOR_BYTES 32
#include "pi_philox_lanes.h"
HYDRA_END

HYDRA_BEGIN(HYDRA_AVX512)
#define PHILOX_ISA avx512
#define PHILOX_VECTOR_BYTES 64
#include "pi_philox_lanes.h"
HYDRA_END

#endif

typedef uint32_t pi_philox_function(uint64_t seed, uint64_t block, uint32_t calls);

/* By enum hydra_isa. A set that is not supported here is never called. */
static pi_philox_function *const pi_philox_functions[HYDRA_ISAS] = {
    pi_philox_base,
#if defined(__x86_64__)
    pi_philox_avx2,
    pi_philox_avx512,
#endif
};

/* Hits among the first `points` points of a block, at most PI_BLOCK_POINTS. */
static inline uint64_t pi_philox_block_hits(int isa, uint64_t seed, uint64_t block,
                                            uint32_t points)
{
    const uint32_t together = PI_CALLS_TOGETHER * PI_CALL_POINTS;
    const uint32_t counted = points / together * together;
    uint32_t outside = pi_philox_functions[isa](seed, block, counted / PI_CALL_POINTS);
    return points - outside - pi_philox_scalar_outside(seed, block, counted, points);
}

#endif
