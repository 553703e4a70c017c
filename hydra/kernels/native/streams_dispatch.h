/* Filling an array from a unit's stream, for each instruction set, and the table that picks one.
 *
 * The functions of streams.h are inlined into each of these and so compiled for its set.
 */
#ifndef HYDRA_STREAMS_DISPATCH_H
#define HYDRA_STREAMS_DISPATCH_H

#include "isa.h"
#include "streams.h"

/* What a fill makes of each word. */
enum hydra_fill { HYDRA_FILL_WORDS, HYDRA_FILL_UNIFORMS, HYDRA_FILL_NORMALS };

enum { HYDRA_FILL_STEPS = HYDRA_NORMALS_MAX / HYDRA_STEP_WORDS };

HYDRA_INLINE void hydra_fill_inline(int kind, uint64_t seed, uint64_t unit, void *out,
                                    int64_t count)
{
    hydra_stream s;
    hydra_stream_start(&s, seed, unit);
    for (int64_t done = 0; done < count; done += HYDRA_NORMALS_MAX) {
        uint64_t words[HYDRA_NORMALS_MAX];
        double numbers[HYDRA_NORMALS_MAX];
        const int64_t left = count - done;
        const int now = left < HYDRA_NORMALS_MAX ? (int)left : HYDRA_NORMALS_MAX;
        hydra_stream_steps(&s, words, HYDRA_FILL_STEPS);
        if (kind == HYDRA_FILL_WORDS) {
            memcpy((uint64_t *)out + done, words, (size_t)now * sizeof *words);
            continue;
        }
        if (kind == HYDRA_FILL_NORMALS)
            hydra_normals(words, numbers, now);
        else
            for (int i = 0; i < now; i++)
                numbers[i] = hydra_uniform(words[i]);
        memcpy((double *)out + done, numbers, (size_t)now * sizeof *numbers);
    }
}

typedef void hydra_fill_function(int kind, uint64_t seed, uint64_t unit, void *out, int64_t count);

static void hydra_fill_base(int kind, uint64_t seed, uint64_t unit, void *out, int64_t count)
{
    hydra_fill_inline(kind, seed, unit, out, count);
}

#if defined(__x86_64__)
HYDRA_TARGET(HYDRA_AVX2)
static void hydra_fill_avx2(int kind, uint64_t seed, uint64_t unit, void *out, int64_t count)
{
    hydra_fill_inline(kind, seed, unit, out, count);
}

HYDRA_TARGET(HYDRA_AVX512)
static void hydra_fill_avx512(int kind, uint64_t seed, uint64_t unit, void *out, int64_t count)
{
    hydra_fill_inline(kind, seed, unit, out, count);
}
#endif

/* By enum hydra_isa. A set that is not supported here is never called. */
static hydra_fill_function *const hydra_fill_functions[HYDRA_ISAS] = {
    hydra_fill_base,
#if defined(__x86_64__)
    hydra_fill_avx2,
    hydra_fill_avx512,
#endif
};

static inline void hydra_fill_as(int isa, int kind, uint64_t seed, uint64_t unit, void *out,
                                 int64_t count)
{
    hydra_fill_functions[isa](kind, seed, unit, out, count);
}

#endif
