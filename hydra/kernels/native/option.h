/* The option kernel's unit: payoffs of random price paths in fixed point, summed exactly.
 *
 * A draw z, a standard normal of the unit's stream, ends at W = exp(spread * z - spread^2 / 2)
 * times the forward price. In units of the contract's scale, discounted, its payoff is
 *
 *     call: max(spot * W - strike, 0)     put: max(strike - spot * W, 0)
 *
 * with 0 < spot, strike <= 1. With spread <= 2 and |z| < 8.21 that is below 2^21, so in units of
 * 2^-31 it is a whole number below 2^52, rounded to the nearest, halves to even. Sums of these, and
 * of their squares, are whole numbers and so the same in any order: 32-bit digits, least first.
 * A mirrored draw adds the payoff of -z to that of z before squaring.
 */
#ifndef HYDRA_OPTION_H
#define HYDRA_OPTION_H

#include "isa.h"
#include "streams.h"

enum {
    OPTION_GAIN_LIMBS = 3,
    OPTION_SQUARE_LIMBS = 4,
    OPTION_LIMBS = OPTION_GAIN_LIMBS + OPTION_SQUARE_LIMBS,
    OPTION_BATCH = HYDRA_NORMALS_MAX, /* 2^8 draws: sums of a batch stay below 2^62 */
    OPTION_HALF_BITS = 26
};

#define OPTION_ONE 0x1p31    /* the fixed point's 1 */
#define OPTION_ROUND 0x1p52  /* adding it rounds to a whole number, which is left in the low bits */

typedef struct {
    double spread;   /* volatility * sqrt(years) */
    double spot;     /* in units of the scale */
    double strike;   /* discounted, in units of the scale */
    int put;
    int mirrored;
} option_contract;

/* The payoff of one draw in fixed point, below 2^52. */
HYDRA_INLINE uint64_t option_payoff(const option_contract *c, double z)
{
    const double ends = c->spot * hydra_exp(c->spread * z - 0.5 * c->spread * c->spread);
    const double gain = c->put ? c->strike - ends : ends - c->strike;
    const double paid = gain > 0 ? gain : 0;
    return hydra_bits(paid * OPTION_ONE + OPTION_ROUND) - hydra_bits(OPTION_ROUND);
}

/* Add value * 2^bits to the digits, which may grow above 32 bits until they are carried. */
static inline void option_add(uint64_t *limbs, uint64_t value, int bits)
{
    const uint64_t low = (value & UINT32_MAX) << bits % 32, high = value >> 32 << bits % 32;
    limbs += bits / 32;
    limbs[0] += low & UINT32_MAX;
    limbs[1] += (low >> 32) + (high & UINT32_MAX);
    if (high >> 32)
        limbs[2] += high >> 32;
}

static inline void option_carry(uint64_t *limbs, int many)
{
    for (int i = 0; i + 1 < many; i++) {
        limbs[i + 1] += limbs[i] >> 32;
        limbs[i] &= UINT32_MAX;
    }
}

HYDRA_INLINE void option_inline(const option_contract *contract, uint64_t seed, uint64_t unit,
                                int draws, uint64_t limbs[OPTION_LIMBS])
{
    const option_contract c = *contract;
    uint64_t *gains = limbs, *squares = limbs + OPTION_GAIN_LIMBS;
    hydra_stream stream;
    hydra_stream_start(&stream, seed, unit);
    for (int done = 0; done < draws; done += OPTION_BATCH) {
        uint64_t words[OPTION_BATCH], gain = 0, low_low = 0, low_high = 0, high_high = 0;
        double z[OPTION_BATCH];
        const int now = draws - done < OPTION_BATCH ? draws - done : OPTION_BATCH;
        hydra_stream_steps(&stream, words, OPTION_BATCH / HYDRA_STEP_WORDS);
        hydra_normals(words, z, now);
        for (int i = 0; i < now; i++)
            words[i] = option_payoff(&c, z[i]);
        if (c.mirrored)
            for (int i = 0; i < now; i++)
                words[i] += option_payoff(&c, -z[i]);
        for (int i = 0; i < now; i++) { /* the square by halves: products of 32 bits vectorise */
            const uint32_t low = words[i] & ((1u << OPTION_HALF_BITS) - 1);
            const uint32_t high = (uint32_t)(words[i] >> OPTION_HALF_BITS);
            gain += words[i];
            low_low += (uint64_t)low * low;
            low_high += (uint64_t)low * high;
            high_high += (uint64_t)high * high;
        }
        option_add(gains, gain, 0);
        option_add(squares, low_low, 0);
        option_add(squares, low_high, OPTION_HALF_BITS + 1);
        option_add(squares, high_high, 2 * OPTION_HALF_BITS);
    }
    option_carry(gains, OPTION_GAIN_LIMBS);
    option_carry(squares, OPTION_SQUARE_LIMBS);
}

typedef void option_function(const option_contract *contract, uint64_t seed, uint64_t unit,
                             int draws, uint64_t limbs[OPTION_LIMBS]);

static void option_base(const option_contract *contract, uint64_t seed, uint64_t unit, int draws,
                        uint64_t limbs[OPTION_LIMBS])
{
    option_inline(contract, seed, unit, draws, limbs);
}

#if defined(__x86_64__)
HYDRA_TARGET(HYDRA_AVX2)
static void option_avx2(const option_contract *contract, uint64_t seed, uint64_t unit, int draws,
                        uint64_t limbs[OPTION_LIMBS])
{
    option_inline(contract, seed, unit, draws, limbs);
}

HYDRA_TARGET(HYDRA_AVX512)
static void option_avx512(const option_contract *contract, uint64_t seed, uint64_t unit, int draws,
                          uint64_t limbs[OPTION_LIMBS])
{
    option_inline(contract, seed, unit, draws, limbs);
}
#endif

/* By enum hydra_isa. A set that is not supported here is never called. */
static option_function *const option_functions[HYDRA_ISAS] = {
    option_base,
#if defined(__x86_64__)
    option_avx2,
    option_avx512,
#endif
};

/* Add the digits of one unit's sums, of at most 2^16 draws, to `totals`: gains, then squares. */
static inline void option_unit(int isa, const option_contract *contract, uint64_t seed,
                               uint64_t unit, int draws, uint64_t totals[OPTION_LIMBS])
{
    uint64_t limbs[OPTION_LIMBS] = {0};
    option_functions[isa](contract, seed, unit, draws, limbs);
    for (int i = 0; i < OPTION_LIMBS; i++)
        totals[i] += limbs[i];
}

#endif
