/* The pi kernel for each instruction set in one translation unit, and the table that picks one. */
#ifndef HYDRA_PI_DISPATCH_H
#define HYDRA_PI_DISPATCH_H

#include "isa.h"
#include "pi_block.h"
#include "pi_philox.h"

/* Room for undecided steps: a block has 13 on average, so the list hardly ever fills. */
#define PI_EVENTS 64

/* shishua_counter_gain for two instances side by side. */
static const uint64_t pi_counter_gain[2 * SHISHUA_LANES] = {7, 5, 3, 1, 7, 5, 3, 1};

#define PI_ISA base
#define PI_VECTOR_BYTES 16
#include "pi_count.h"

#if defined(__x86_64__)

HYDRA_BEGIN(HYDRA_AVX2)
#define PI_ISA avx2
#define PI_VECTOR_BYTES 32
#include "pi_count.h"
HYDRA_END

HYDRA_BEGIN(HYDRA_AVX512)
#define PI_ISA avx512
#define PI_VECTOR_BYTES 64
#include "pi_count.h"
HYDRA_END

#endif

typedef uint32_t pi_steps_function(uint64_t seed, uint64_t block, uint32_t steps);

/* By enum hydra_isa. A set that is not supported here is never called. */
static pi_steps_function *const pi_steps_functions[HYDRA_ISAS] = {
    pi_outside_in_steps_base,
#if defined(__x86_64__)
    pi_outside_in_steps_avx2,
    pi_outside_in_steps_avx512,
#endif
};

/* Vector operations of 64 points, by enum hydra_isa: pi_count.h (B). Other processors' base set was
 * not counted.
 */
static const double pi_step_operations[HYDRA_ISAS] = {
#if defined(__x86_64__)
    158, 64, 32,
#endif
};

/* Hits among the first `points` points of a block, at most PI_BLOCK_POINTS.
 *
 * Whole steps go through the vectors; the up to 63 points behind them, which only a job's last
 * block can have, through the scalar definition.
 */
static inline uint64_t pi_block_hits(int isa, uint64_t seed, uint64_t block, uint32_t points)
{
    uint32_t steps = points / PI_STEP_POINTS, counted = steps * PI_STEP_POINTS;
    uint32_t outside = pi_steps_functions[isa](seed, block, steps);
    if (counted < points)
        outside += pi_scalar_outside(seed, block, counted, points);
    return points - outside;
}

#endif
