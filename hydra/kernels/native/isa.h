/* The instruction sets that kernels are compiled for, and which of them this processor has.
 *
 * One binary carries all: a kernel's header is included once for each set, between target pragmas,
 * and a table of function pointers is indexed by these numbers. No -march=native (the binary would
 * die elsewhere), no IFUNC (musl and Windows have none).
 */
#ifndef HYDRA_ISA_H
#define HYDRA_ISA_H

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Hydra's native kernels need GCC or clang and a little-endian machine"
#endif

enum hydra_isa {
    HYDRA_ISA_BASE,   /* SSE2 on x86-64, NEON on ARM64, generic vectors elsewhere */
    HYDRA_ISA_AVX2,   /* Haswell, Zen and later */
    HYDRA_ISA_AVX512, /* Skylake server, Ice Lake, Zen 4 and later */
    HYDRA_ISAS
};

static const char *const hydra_isa_names[HYDRA_ISAS] = {"base", "avx2", "avx512"};

/* Whether this processor, and the operating system that saves its registers, can run the set. */
static inline int hydra_isa_supported(int isa)
{
    if (isa == HYDRA_ISA_BASE)
        return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (isa == HYDRA_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
               __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
               __builtin_cpu_supports("popcnt");
    if (isa == HYDRA_ISA_AVX512)
        return hydra_isa_supported(HYDRA_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
#endif
    return 0;
}

/* The number of a name, or -1. */
static inline int hydra_isa_of(const char *name)
{
    for (int isa = 0; isa < HYDRA_ISAS; isa++)
        if (strcmp(name, hydra_isa_names[isa]) == 0)
            return isa;
    return -1;
}

/* The widest set that runs here. */
static inline int hydra_isa_best(void)
{
    int isa = HYDRA_ISAS - 1;
    while (!hydra_isa_supported(isa))
        isa--;
    return isa;
}

/* Whether this processor adds floats on units beside those that multiply and fuse: AMD's do. */
static inline int hydra_adds_apart(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_is("amd");
#else
    return 0;
#endif
}

/* A function that becomes part of its caller, and so is compiled for the caller's set. */
#define HYDRA_INLINE static inline __attribute__((always_inline))

/* What compilers call the sets. Without FMA: see strict.h; what fuses on purpose has names of its
 * own for them.
 */
#define HYDRA_AVX2 "avx2,bmi,bmi2,popcnt"
#define HYDRA_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,bmi,bmi2,popcnt"
#define HYDRA_AVX2_FMA "avx2,fma,bmi,bmi2,popcnt"
#define HYDRA_AVX512_FMA "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,popcnt"

/* Put before a function: compile it, and what is inlined into it, for the set. */
#define HYDRA_TARGET(set) __attribute__((target(set)))

/* Between the two all functions are compiled for the set. */
#define HYDRA_PRAGMA(words) _Pragma(#words)
#if defined(__clang__)
#define HYDRA_BEGIN(set) \
    HYDRA_PRAGMA(clang attribute push(__attribute__((target(set))), apply_to = function))
#define HYDRA_END HYDRA_PRAGMA(clang attribute pop)
#else
#define HYDRA_BEGIN(set) HYDRA_PRAGMA(GCC push_options) HYDRA_PRAGMA(GCC target(set))
#define HYDRA_END HYDRA_PRAGMA(GCC pop_options)
#endif

#endif
