/* How many vector operations this processor does in a second, in each instruction set: what a
 * kernel's own count of operations makes its bound.
 *
 * The probe adds whole numbers that do not wait for each other, which every vector unit can do, so
 * it finds clock frequency times units, whatever processor this is. What only some of the units can
 * do (shifts, multiplications) may bind a kernel below that.
 */
#ifndef HYDRA_PROBE_H
#define HYDRA_PROBE_H

#include <stdint.h>
#include <time.h>

#include "isa.h"

enum { PROBE_CHAINS = 12, PROBE_ROUNDS = 20000, PROBE_TRIES = 25 };

/* PROBE_ROUNDS * PROBE_CHAINS additions; the empty asm keeps the compiler from adding them up. */
#define PROBE_ADDITIONS(bytes) \
    do { \
        typedef int32_t vector __attribute__((vector_size(bytes))); \
        const vector one = (vector){0} + 1; \
        vector sums[PROBE_CHAINS] = {{0}}; \
        for (int round = 0; round < PROBE_ROUNDS; round++) { \
            _Pragma("GCC unroll 12") \
            for (int chain = 0; chain < PROBE_CHAINS; chain++) { \
                sums[chain] += one; \
                __asm__ volatile("" : "+" PROBE_REGISTER(sums[chain])); \
            } \
        } \
    } while (0)

#if defined(__x86_64__)
#define PROBE_REGISTER "v"
#elif defined(__aarch64__)
#define PROBE_REGISTER "w"
#endif

#ifdef PROBE_REGISTER
static void probe_base(void) { PROBE_ADDITIONS(16); }
#endif
#if defined(__x86_64__)
HYDRA_TARGET(HYDRA_AVX2) static void probe_avx2(void) { PROBE_ADDITIONS(32); }
HYDRA_TARGET(HYDRA_AVX512) static void probe_avx512(void) { PROBE_ADDITIONS(64); }
#endif

typedef void probe_function(void);

/* By enum hydra_isa; the shortest of several tries, in operations a second of this thread. */
static double probe_operations_s(int isa)
{
#ifdef PROBE_REGISTER
    static probe_function *const probes[HYDRA_ISAS] = {
        probe_base,
#if defined(__x86_64__)
        probe_avx2,
        probe_avx512,
#endif
    };
    double least_s = 1e9;
    for (int n = 0; n < PROBE_TRIES; n++) {
        struct timespec begun, ended;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
        probes[isa]();
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
        double took_s = (double)(ended.tv_sec - begun.tv_sec) +
                        1e-9 * (double)(ended.tv_nsec - begun.tv_nsec);
        least_s = took_s < least_s ? took_s : least_s;
    }
    return (double)PROBE_CHAINS * PROBE_ROUNDS / least_s;
#else
    (void)isa;
    return 0.0;
#endif
}

#endif
