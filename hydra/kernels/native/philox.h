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

enum { PHILOX_ROUNDS = 10 };
#define PHILOX_BY_0 UINT32_C(0xD2511F53)
#define PHILOX_BY_1 UINT32_C(0xCD9E8D57)
#define PHILOX_KEY_0 UINT32_C(0x9E3779B9)
#define PHILOX_KEY_1 UINT32_C(0xBB67AE85)

/* 128 random bits of a 64-bit key, low word first, and a 128-bit counter; in place. */
static inline void philox4x32(uint64_t key, uint32_t words[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        const uint64_t p0 = (uint64_t)words[0] * PHILOX_BY_0;
        const uint64_t p1 = (uint64_t)words[2] * PHILOX_BY_1;
        words[0] = (uint32_t)(p1 >> 32) ^ words[1] ^ k0;
        words[1] = (uint32_t)p1;
        words[2] = (uint32_t)(p0 >> 32) ^ words[3] ^ k1;
        words[3] = (uint32_t)p0;
        k0 += PHILOX_KEY_0;
        k1 += PHILOX_KEY_1;
    }
}

#endif
