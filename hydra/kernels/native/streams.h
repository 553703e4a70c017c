/* Random numbers addressed by (seed, unit): the generator of the pi kernel for any other kernel.
 *
 * The stream of a unit comes from two SHISHUA instances whose 256-bit seed is the words (seed,
 * unit, stream tag + instance, 0). Pi's blocks have another tag, so no stream is ever one of
 * theirs; any two different addresses have different seeds by construction. Word w of a stream is
 *
 *     step = w / 32, instance = w / 16 % 2, row = w / 4 % 4, lane = w % 4
 *
 * the same order as that of pi's points. Any unit can be drawn alone, on any machine.
 *
 * For Cython: `from hydra.kernels.streams cimport ...`. This header also stands alone in C.
 */
#ifndef HYDRA_STREAMS_H
#define HYDRA_STREAMS_H

#include "shishua.h"
#include "strict.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Hydra's native kernels need GCC or clang and a little-endian machine"
#endif

enum {
    HYDRA_STREAM_INSTANCES = 2,
    HYDRA_STEP_WORDS = HYDRA_STREAM_INSTANCES * SHISHUA_ROWS * SHISHUA_LANES /* of one step: 32 */
};

/* "STRM" in ASCII; pi's tag is "HYDR". */
#define HYDRA_STREAM_TAG UINT64_C(0x5354524D)

typedef struct {
    shishua_scalar instance[HYDRA_STREAM_INSTANCES];
    uint64_t words[HYDRA_STEP_WORDS]; /* of the current step */
    unsigned used;                    /* how many of them are gone */
} hydra_stream;

/* Go to the start of a unit's stream. */
static inline void hydra_stream_start(hydra_stream *s, uint64_t seed, uint64_t unit)
{
    for (unsigned instance = 0; instance < HYDRA_STREAM_INSTANCES; instance++) {
        const uint64_t words[4] = {seed, unit, HYDRA_STREAM_TAG + instance, 0};
        shishua_seed(&s->instance[instance], words);
    }
    s->used = HYDRA_STEP_WORDS;
}

/* A row of an instance; compilers without such vectors make it of what they have. */
typedef uint64_t hydra_row __attribute__((vector_size(32), may_alias, aligned(8)));
typedef uint32_t hydra_row_words __attribute__((vector_size(32)));

/* The row turned by 5 or 3 words: word (i + 5) mod 8 goes to place i. Spelt in halves of lanes:
 * gcc 12 makes of a shuffle of words something four times slower on SSE2.
 */
#define HYDRA_JOIN(low, high) ((low) >> 32 | (high) << 32)
#define HYDRA_TURN5(r) (hydra_row){HYDRA_JOIN(r[2], r[3]), HYDRA_JOIN(r[3], r[0]), \
                                   HYDRA_JOIN(r[0], r[1]), HYDRA_JOIN(r[1], r[2])}
#define HYDRA_TURN3(r) (hydra_row){HYDRA_JOIN(r[1], r[2]), HYDRA_JOIN(r[2], r[3]), \
                                   HYDRA_JOIN(r[3], r[0]), HYDRA_JOIN(r[0], r[1])}

/* The next `steps` whole steps of one instance, every HYDRA_STEP_WORDS words: shishua_step on rows.
 * The scalar step gives the same; gcc makes poor vectors of it.
 */
HYDRA_INLINE void hydra_instance_steps(shishua_scalar *instance, uint64_t *words, int steps)
{
    hydra_row state[SHISHUA_ROWS], shifted[SHISHUA_ROWS], turned[SHISHUA_ROWS], counter, gain;
    memcpy(state, instance->state, sizeof state);
    memcpy(&counter, instance->counter, sizeof counter);
    memcpy(&gain, shishua_counter_gain, sizeof gain);
    for (int step = 0; step < steps; step++, words += HYDRA_STEP_WORDS) {
        hydra_row *output = (hydra_row *)words;
        state[1] += counter;
        state[3] += counter;
        counter += gain;
        for (int row = 0; row < SHISHUA_ROWS; row++) {
            if (row % 2)
                turned[row] = HYDRA_TURN3(state[row]);
            else
                turned[row] = HYDRA_TURN5(state[row]);
            shifted[row] = state[row] >> (row % 2 ? 3 : 1);
            state[row] = turned[row] + shifted[row];
        }
        output[0] = shifted[0] ^ turned[1];
        output[1] = shifted[2] ^ turned[3];
        output[2] = state[0] ^ state[3];
        output[3] = state[2] ^ state[1];
    }
    memcpy(instance->state, state, sizeof state);
    memcpy(instance->counter, &counter, sizeof counter);
}

/* The next `steps` whole steps, HYDRA_STEP_WORDS each. What is left of the current one is skipped:
 * call this at the start of a stream, or after whole steps.
 */
HYDRA_INLINE void hydra_stream_steps(hydra_stream *s, uint64_t *words, int steps)
{
    for (int instance = 0; instance < HYDRA_STREAM_INSTANCES; instance++)
        hydra_instance_steps(&s->instance[instance],
                             words + instance * SHISHUA_ROWS * SHISHUA_LANES, steps);
    s->used = HYDRA_STEP_WORDS;
}

/* The next 64 random bits. */
static inline uint64_t hydra_stream_word(hydra_stream *s)
{
    if (s->used == HYDRA_STEP_WORDS) {
        hydra_stream_steps(s, s->words, 1);
        s->used = 0;
    }
    return s->words[s->used++];
}

/* A uniform number of [0, 1) from a word: its top 53 bits. */
HYDRA_INLINE double hydra_uniform(uint64_t word)
{
    return (double)(word >> 11) * 0x1p-53;
}

/* A whole number of [0, n), n >= 1, from a word: the top half of word * n, so the least likely is
 * rarer than the most likely by less than n / 2^64.
 */
HYDRA_INLINE uint64_t hydra_below(uint64_t word, uint32_t n)
{
    return ((word >> 32) * n + ((word & UINT32_MAX) * n >> 32)) >> 32;
}

/* The next uniform number of [0, 1). */
static inline double hydra_stream_uniform(hydra_stream *s)
{
    return hydra_uniform(hydra_stream_word(s));
}

/* The next standard normal number. */
static inline double hydra_stream_normal(hydra_stream *s)
{
    return hydra_normal(hydra_stream_word(s));
}

/* The next whole number of [0, n), n >= 1. */
static inline uint32_t hydra_stream_below(hydra_stream *s, uint32_t n)
{
    return (uint32_t)hydra_below(hydra_stream_word(s), n);
}

#endif
