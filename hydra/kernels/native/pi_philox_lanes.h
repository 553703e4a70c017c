/* Philox in vectors, a call in each 64-bit lane, and the points it gives. Included by pi_philox.h
 * once for each instruction set.
 *
 * A lane's low half is the word; the high half is left as it falls, since a product takes the low
 * halves alone. So a round is two products, two shifts and four exclusive ors, and no lane has to
 * move. Each waits for the one before, so PHILOX_ABREAST vectors go side by side. Rejected: a plain
 * loop for the compiler to turn into vectors; gcc packed and unpacked in every round, at half the
 * speed.
 *
 * Needs PHILOX_ISA, the suffix of every name, and PHILOX_VECTOR_BYTES: 16, 32 or 64.
 */

#define PHILOX_JOIN2(name, isa) name##_##isa
#define PHILOX_JOIN(name, isa) PHILOX_JOIN2(name, isa)
#define PHILOX_(name) PHILOX_JOIN(name, PHILOX_ISA)
#define PHILOX_LANES (PHILOX_VECTOR_BYTES / 8)
#define PHILOX_ABREAST 4

typedef uint64_t PHILOX_(philox_lanes) __attribute__((vector_size(PHILOX_VECTOR_BYTES)));
typedef uint32_t PHILOX_(philox_words) __attribute__((vector_size(PHILOX_VECTOR_BYTES / 2)));
#define LANES PHILOX_(philox_lanes)

/* The products of the low halves with a number below 2^32. */
HYDRA_INLINE LANES PHILOX_(philox_product)(LANES a, uint64_t by)
{
#if PHILOX_VECTOR_BYTES == 64
    return (LANES)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64((int64_t)by));
#elif PHILOX_VECTOR_BYTES == 32
    return (LANES)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x((int64_t)by));
#elif defined(__x86_64__)
    return (LANES)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x((int64_t)by));
#elif defined(__aarch64__)
    return (LANES)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32((uint32_t)by));
#else
    return (a & UINT32_MAX) * by;
#endif
}

/* Store the low halves. */
HYDRA_INLINE void PHILOX_(philox_keep)(uint32_t *to, LANES from)
{
    const PHILOX_(philox_words) low = __builtin_convertvector(from, PHILOX_(philox_words));
    memcpy(to, &low, sizeof low);
}

/* The words of PI_CALLS_TOGETHER calls from `first` on: word j of call n at j * PI_CALLS_TOGETHER
 * + n. The keys are those of each round.
 */
HYDRA_INLINE void PHILOX_(philox_calls)(const LANES keys[PHILOX_ROUNDS][2], uint64_t block,
                                        uint32_t first,
                                        uint32_t words[PI_CALL_POINTS * PI_CALLS_TOGETHER])
{
    LANES count;
    for (uint32_t lane = 0; lane < PHILOX_LANES; lane++)
        count[lane] = first + lane;
    for (uint32_t call = 0; call < PI_CALLS_TOGETHER; call += PHILOX_ABREAST * PHILOX_LANES) {
        const LANES zero = {0};
        LANES a[PHILOX_ABREAST], b[PHILOX_ABREAST], c[PHILOX_ABREAST], d[PHILOX_ABREAST];
#pragma GCC unroll 4
        for (uint32_t v = 0; v < PHILOX_ABREAST; v++) {
            a[v] = count + (call + v * PHILOX_LANES);
            b[v] = zero + block;
            c[v] = zero + (block >> 32);
            d[v] = zero + PI_PHILOX_TAG;
        }
#pragma GCC unroll 10
        for (int round = 0; round < PHILOX_ROUNDS; round++) {
#pragma GCC unroll 4
            for (uint32_t v = 0; v < PHILOX_ABREAST; v++) {
                const LANES p0 = PHILOX_(philox_product)(a[v], PHILOX_BY_0);
                const LANES p1 = PHILOX_(philox_product)(c[v], PHILOX_BY_1);
                a[v] = p1 >> 32 ^ b[v] ^ keys[round][0];
                b[v] = p1;
                c[v] = p0 >> 32 ^ d[v] ^ keys[round][1];
                d[v] = p0;
            }
        }
#pragma GCC unroll 4
        for (uint32_t v = 0; v < PHILOX_ABREAST; v++) {
            uint32_t *to = words + call + v * PHILOX_LANES;
            PHILOX_(philox_keep)(to, a[v]);
            PHILOX_(philox_keep)(to + PI_CALLS_TOGETHER, b[v]);
            PHILOX_(philox_keep)(to + 2 * PI_CALLS_TOGETHER, c[v]);
            PHILOX_(philox_keep)(to + 3 * PI_CALLS_TOGETHER, d[v]);
        }
    }
}

/* Points outside among those of the first `calls` calls, a multiple of PI_CALLS_TOGETHER. */
static uint32_t PHILOX_(pi_philox)(uint64_t seed, uint64_t block, uint32_t calls)
{
    const LANES zero = {0};
    LANES keys[PHILOX_ROUNDS][2];
    uint32_t words[PI_CALL_POINTS * PI_CALLS_TOGETHER], outside = 0;
    for (uint32_t round = 0; round < PHILOX_ROUNDS; round++) {
        keys[round][0] = zero + (uint32_t)((uint32_t)seed + round * PHILOX_KEY_0);
        keys[round][1] = zero + (uint32_t)((uint32_t)(seed >> 32) + round * PHILOX_KEY_1);
    }
    for (uint32_t first = 0; first < calls; first += PI_CALLS_TOGETHER) {
        uint32_t undecided = 0;
        PHILOX_(philox_calls)(keys, block, first, words);
        for (uint32_t i = 0; i < PI_CALL_POINTS * PI_CALLS_TOGETHER; i++) {
            const uint32_t sum = pi_philox_sum(words[i]);
            outside += sum >> 16; /* the carry: the sum is below 2 * 65536 */
            undecided |= sum - PI_UNDECIDED_FROM < 65536 - PI_UNDECIDED_FROM;
        }
        if (__builtin_expect(undecided != 0, 0))
            outside += pi_philox_undecided(words, seed, block, first);
    }
    return outside;
}

#undef PHILOX_JOIN2
#undef PHILOX_JOIN
#undef PHILOX_
#undef PHILOX_LANES
#undef PHILOX_ABREAST
#undef LANES
#undef PHILOX_ISA
#undef PHILOX_VECTOR_BYTES
