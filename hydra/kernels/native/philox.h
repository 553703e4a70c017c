/* Philox4x32-10, a random number generator that is a pure function of key and counter.
 *
 * By J. K. Salmon, M. A. Moraes, R. O. Dror and D. E. Shaw, "Parallel Random Numbers: As Easy as
 * 1, 2, 3", SC 2011 (Random123); also in C++26. It shares nothing with SHISHUA, at about a fifth of
 * the speed, so what both agree on is no artefact of either. Its published vectors are checked in
 * tests/kernels.
 */
#ifndef HYDRA_PHILOX_H
#define HYDRA_PHILOX_H

#include <stdint.h>

/* One round on the words a, b, c, d, and the next key. Spelt out ten times it vectorises. */
#define PHILOX_ROUND(a, b, c, d, k0, k1) \
    do { \
        const uint64_t p0 = (uint64_t)(a) * UINT32_C(0xD2511F53); \
        const uint64_t p1 = (uint64_t)(c) * UINT32_C(0xCD9E8D57); \
        a = (uint32_t)(p1 >> 32) ^ (b) ^ (k0); \
        b = (uint32_t)p1; \
        c = (uint32_t)(p0 >> 32) ^ (d) ^ (k1); \
        d = (uint32_t)p0; \
        k0 += UINT32_C(0x9E3779B9); \
        k1 += UINT32_C(0xBB67AE85); \
    } while (0)

#define PHILOX_5_ROUNDS(a, b, c, d, k0, k1) \
    do { \
        PHILOX_ROUND(a, b, c, d, k0, k1); \
        PHILOX_ROUND(a, b, c, d, k0, k1); \
        PHILOX_ROUND(a, b, c, d, k0, k1); \
        PHILOX_ROUND(a, b, c, d, k0, k1); \
        PHILOX_ROUND(a, b, c, d, k0, k1); \
    } while (0)

/* 128 random bits of a 64-bit key, low word first, and a 128-bit counter; in place. */
static inline void philox4x32(uint64_t key, uint32_t words[4])
{
    uint32_t a = words[0], b = words[1], c = words[2], d = words[3];
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    PHILOX_5_ROUNDS(a, b, c, d, k0, k1);
    PHILOX_5_ROUNDS(a, b, c, d, k0, k1);
    words[0] = a;
    words[1] = b;
    words[2] = c;
    words[3] = d;
}

#endif
