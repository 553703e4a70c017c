/* One row of the generator in this instruction set's vectors, and the few operations on it that no
 * portable vector syntax expresses well. Included by pi_count.h, once for each set.
 *
 * Needs PI_ISA, the suffix of every name, and PI_VECTOR_BYTES: 16, 32 or 64. A 256-bit row is two
 * vectors of 16 bytes, or one of 32; a vector of 64 bytes holds that row of both instances.
 *
 * Gives, besides the types: pi_turn5 and pi_turn3 (the row turned by 5 or 3 words of 32 bits),
 * pi_high_square (x * x >> 16 on 16-bit lanes), pi_judge and PI_COUNTED_FROM.
 */

#define PI_PARTS (PI_VECTOR_BYTES == 16 ? 2 : 1)           /* vectors in a row */
#define PI_TOGETHER (PI_VECTOR_BYTES == 64 ? 2 : 1)        /* instances in a row */
#define PI_ROW_BYTES (PI_PARTS * PI_VECTOR_BYTES)
#define PI_INLINE static inline __attribute__((always_inline))

typedef uint64_t PI_(pi_v64) __attribute__((vector_size(PI_VECTOR_BYTES)));
typedef uint16_t PI_(pi_v16) __attribute__((vector_size(PI_VECTOR_BYTES)));
#define V64 PI_(pi_v64)
#define V16 PI_(pi_v16)

typedef struct {
    V64 part[PI_PARTS];
} PI_(pi_row);
#define ROW PI_(pi_row)

#if PI_VECTOR_BYTES == 64

PI_INLINE ROW PI_(pi_turn5)(ROW row)
{
    const __m512i from = _mm512_setr_epi32(5, 6, 7, 0, 1, 2, 3, 4, 13, 14, 15, 8, 9, 10, 11, 12);
    row.part[0] = (V64)_mm512_permutexvar_epi32(from, (__m512i)row.part[0]);
    return row;
}

PI_INLINE ROW PI_(pi_turn3)(ROW row)
{
    const __m512i from = _mm512_setr_epi32(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);
    row.part[0] = (V64)_mm512_permutexvar_epi32(from, (__m512i)row.part[0]);
    return row;
}

PI_INLINE V16 PI_(pi_high_square)(V16 x)
{
    return (V16)_mm512_mulhi_epu16((__m512i)x, (__m512i)x);
}

#elif PI_VECTOR_BYTES == 32

PI_INLINE ROW PI_(pi_turn5)(ROW row)
{
    const __m256i from = _mm256_setr_epi32(5, 6, 7, 0, 1, 2, 3, 4);
    row.part[0] = (V64)_mm256_permutevar8x32_epi32((__m256i)row.part[0], from);
    return row;
}

PI_INLINE ROW PI_(pi_turn3)(ROW row)
{
    const __m256i from = _mm256_setr_epi32(3, 4, 5, 6, 7, 0, 1, 2);
    row.part[0] = (V64)_mm256_permutevar8x32_epi32((__m256i)row.part[0], from);
    return row;
}

PI_INLINE V16 PI_(pi_high_square)(V16 x)
{
    return (V16)_mm256_mulhi_epu16((__m256i)x, (__m256i)x);
}

#else /* 16 bytes: turning a row is two joins of neighbours, "words n.. of a, then of b" */

#if defined(__x86_64__)

/* SSE2 has no palignr; each join is two shuffles, which compilers do not find by themselves. */
PI_INLINE V64 PI_(pi_join1)(V64 a, V64 b)
{
    __m128 b0_a1_a2_a3 = _mm_move_ss((__m128)a, (__m128)b);
    return (V64)_mm_shuffle_epi32((__m128i)b0_a1_a2_a3, _MM_SHUFFLE(0, 3, 2, 1));
}

PI_INLINE V64 PI_(pi_join3)(V64 a, V64 b)
{
    __m128 a3_a3_b0_b0 = _mm_shuffle_ps((__m128)a, (__m128)b, _MM_SHUFFLE(0, 0, 3, 3));
    return (V64)_mm_shuffle_ps(a3_a3_b0_b0, (__m128)b, _MM_SHUFFLE(2, 1, 2, 0));
}

PI_INLINE V16 PI_(pi_high_square)(V16 x)
{
    return (V16)_mm_mulhi_epu16((__m128i)x, (__m128i)x);
}

#elif defined(__aarch64__)

PI_INLINE V64 PI_(pi_join1)(V64 a, V64 b)
{
    return (V64)vextq_u32((uint32x4_t)a, (uint32x4_t)b, 1);
}

PI_INLINE V64 PI_(pi_join3)(V64 a, V64 b)
{
    return (V64)vextq_u32((uint32x4_t)a, (uint32x4_t)b, 3);
}

PI_INLINE V16 PI_(pi_high_square)(V16 x)
{
    uint16x8_t v = (uint16x8_t)x;
    uint32x4_t low = vmull_u16(vget_low_u16(v), vget_low_u16(v)), high = vmull_high_u16(v, v);
    return (V16)vuzp2q_u16(vreinterpretq_u16_u32(low), vreinterpretq_u16_u32(high));
}

#else

PI_INLINE V64 PI_(pi_join1)(V64 a, V64 b)
{
    return (V64){a[0] >> 32 | a[1] << 32, a[1] >> 32 | b[0] << 32};
}

PI_INLINE V64 PI_(pi_join3)(V64 a, V64 b)
{
    return (V64){a[1] >> 32 | b[0] << 32, b[0] >> 32 | b[1] << 32};
}

PI_INLINE V16 PI_(pi_high_square)(V16 x)
{
    for (int lane = 0; lane < PI_VECTOR_BYTES / 2; lane++)
        x[lane] = (uint16_t)((uint32_t)x[lane] * x[lane] >> 16);
    return x;
}

#endif

PI_INLINE ROW PI_(pi_turn5)(ROW row)
{
    V64 low = row.part[0], high = row.part[1];
    return (ROW){{PI_(pi_join1)(high, low), PI_(pi_join1)(low, high)}};
}

PI_INLINE ROW PI_(pi_turn3)(ROW row)
{
    V64 low = row.part[0], high = row.part[1];
    return (ROW){{PI_(pi_join3)(low, high), PI_(pi_join3)(high, low)}};
}

#endif

/* pi_judge: add the points of one step that lie outside whatever their low bits to the tally, and
 * say whether any point of the step is undecided.
 *
 * The tally is a number where carries come as bits of a mask, which the scalar ports count for
 * nothing; else it is 16-bit lanes. A lane gains at most PI_PAIRS a step, PI_BLOCK_STEPS * PI_PAIRS
 * = 8192 in a block, so it cannot overflow.
 *
 * A sum from PI_COUNTED_FROM on is tallied. It should be 65536, a carry; where there is no unsigned
 * compare, the top bit of the rounding average (a + b + 1) >> 1 stands in for the carry, and takes
 * the sum 65535 along. That one is undecided anyway, so pi_resolve can put it right.
 */
typedef struct {
#if PI_VECTOR_BYTES >= 32
    uint64_t outside;
#else
    V16 outside[PI_PARTS];
#endif
} PI_(pi_tally);
#define TALLY PI_(pi_tally)

PI_INLINE int64_t PI_(pi_total)(const TALLY *tally)
{
#if PI_VECTOR_BYTES >= 32
    return (int64_t)tally->outside;
#else
    int64_t total = 0;
    for (int part = 0; part < PI_PARTS; part++)
        for (int lane = 0; lane < PI_VECTOR_BYTES / 2; lane++)
            total += tally->outside[part][lane];
    return total;
#endif
}

#if PI_VECTOR_BYTES == 64

#define PI_COUNTED_FROM 65536u

PI_INLINE int PI_(pi_judge)(const ROW output[SHISHUA_ROWS], TALLY *tally)
{
    const __m512i threshold = _mm512_set1_epi16((short)PI_UNDECIDED_FROM);
    __mmask32 undecided[PI_PAIRS];
    for (int pair = 0; pair < PI_PAIRS; pair++) {
        V16 x2 = PI_(pi_high_square)((V16)output[2 * pair].part[0]);
        V16 sum = x2 + PI_(pi_high_square)((V16)output[2 * pair + 1].part[0]);
        __mmask32 carry = _mm512_cmplt_epu16_mask((__m512i)sum, (__m512i)x2);
        tally->outside += (unsigned)__builtin_popcount(carry);
        undecided[pair] = _mm512_cmpge_epu16_mask((__m512i)sum, threshold);
    }
    return !_kortestz_mask32_u8(undecided[0], undecided[1]);
}

#elif PI_VECTOR_BYTES == 32

#define PI_COUNTED_FROM 65535u

PI_INLINE int PI_(pi_judge)(const ROW output[SHISHUA_ROWS], TALLY *tally)
{
    const __m256i below = _mm256_set1_epi16((short)(PI_UNDECIDED_FROM - 1));
    __m256i mean[PI_PAIRS], sum[PI_PAIRS];
    for (int pair = 0; pair < PI_PAIRS; pair++) {
        V16 x2 = PI_(pi_high_square)((V16)output[2 * pair].part[0]);
        V16 y2 = PI_(pi_high_square)((V16)output[2 * pair + 1].part[0]);
        mean[pair] = _mm256_avg_epu16((__m256i)x2, (__m256i)y2);
        sum[pair] = (__m256i)(x2 + y2);
    }
    /* Packing bytes keeps the top bits, which are those of the carries. */
    unsigned carries = (unsigned)_mm256_movemask_epi8(_mm256_packs_epi16(mean[0], mean[1]));
    tally->outside += (unsigned)__builtin_popcount(carries);
    __m256i undecided = _mm256_subs_epu16(_mm256_max_epu16(sum[0], sum[1]), below);
    return !_mm256_testz_si256(undecided, undecided);
}

#elif defined(__x86_64__)

#define PI_COUNTED_FROM 65535u

PI_INLINE int PI_(pi_judge)(const ROW output[SHISHUA_ROWS], TALLY *tally)
{
    const __m128i below = _mm_set1_epi16((short)(PI_UNDECIDED_FROM - 1));
    __m128i undecided = _mm_setzero_si128();
    for (int part = 0; part < PI_PARTS; part++) {
        for (int pair = 0; pair < PI_PAIRS; pair++) {
            V16 x2 = PI_(pi_high_square)((V16)output[2 * pair].part[part]);
            V16 y2 = PI_(pi_high_square)((V16)output[2 * pair + 1].part[part]);
            tally->outside[part] += (V16)_mm_avg_epu16((__m128i)x2, (__m128i)y2) >> 15;
            undecided = _mm_or_si128(undecided, _mm_subs_epu16((__m128i)(x2 + y2), below));
        }
    }
    return _mm_movemask_epi8(_mm_cmpeq_epi16(undecided, _mm_setzero_si128())) != 0xFFFF;
}

#else

#define PI_COUNTED_FROM 65536u

PI_INLINE int PI_(pi_judge)(const ROW output[SHISHUA_ROWS], TALLY *tally)
{
    V16 undecided = {0};
    for (int part = 0; part < PI_PARTS; part++) {
        for (int pair = 0; pair < PI_PAIRS; pair++) {
            V16 x2 = PI_(pi_high_square)((V16)output[2 * pair].part[part]);
            V16 sum = x2 + PI_(pi_high_square)((V16)output[2 * pair + 1].part[part]);
            tally->outside[part] -= (V16)(sum < x2); /* true is -1 */
            undecided |= (V16)(sum >= PI_UNDECIDED_FROM);
        }
    }
    V64 any = (V64)undecided;
    return (any[0] | any[1]) != 0;
}

#endif
