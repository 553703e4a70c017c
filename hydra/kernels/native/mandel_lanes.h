/* The two loops of the mandelbrot kernel in this instruction set's vectors: a burst of untested
 * iterations, and iterations that count exactly. Included by mandel_render.h, once for each set.
 *
 * Needs MANDEL_ISA, the suffix of every name, and MANDEL_VECTOR_BYTES: 16, 32 or 64.
 */

#define MANDEL_WIDTH (MANDEL_VECTOR_BYTES / 8)       /* doubles in a vector */
#define MANDEL_LANES (MANDEL_CHAINS * MANDEL_WIDTH)  /* orbits of a burst */
#define MANDEL_GROUP (MANDEL_ABREAST * MANDEL_WIDTH) /* orbits that are counted at a time */
#define MANDEL_INLINE static inline __attribute__((always_inline))

typedef double MANDEL_(mandel_reals) __attribute__((vector_size(MANDEL_VECTOR_BYTES)));
typedef int64_t MANDEL_(mandel_bits) __attribute__((vector_size(MANDEL_VECTOR_BYTES)));
#define REALS MANDEL_(mandel_reals)
#define BITS MANDEL_(mandel_bits)

/* Set of lanes, and the operations on it: a mask register where there is one. */
#if MANDEL_VECTOR_BYTES == 64

typedef __mmask8 MANDEL_(mandel_set);
#define SET MANDEL_(mandel_set)

MANDEL_INLINE SET MANDEL_(mandel_all)(void) { return 0xFF; }
MANDEL_INLINE unsigned MANDEL_(mandel_members)(SET set) { return set; }

/* The lanes of `among` with a <= b; no NaN is. */
MANDEL_INLINE SET MANDEL_(mandel_within)(SET among, REALS a, REALS b)
{
    return _mm512_mask_cmp_pd_mask(among, (__m512d)a, (__m512d)b, _CMP_LE_OQ);
}

MANDEL_INLINE REALS MANDEL_(mandel_replace)(SET where, REALS old, REALS with)
{
    return (REALS)_mm512_mask_mov_pd((__m512d)old, where, (__m512d)with);
}

MANDEL_INLINE BITS MANDEL_(mandel_increment)(SET where, BITS counts)
{
    const __m512i one = _mm512_set1_epi64(1);
    return (BITS)_mm512_mask_add_epi64((__m512i)counts, where, (__m512i)counts, one);
}

#else

typedef BITS MANDEL_(mandel_set);
#define SET MANDEL_(mandel_set)

MANDEL_INLINE SET MANDEL_(mandel_all)(void) { return ~(BITS){0}; }

MANDEL_INLINE unsigned MANDEL_(mandel_members)(SET set)
{
#if MANDEL_VECTOR_BYTES == 32
    return (unsigned)_mm256_movemask_pd((__m256d)set);
#elif defined(__x86_64__)
    return (unsigned)_mm_movemask_pd((__m128d)set);
#else
    return (unsigned)(set[0] & 1) | (unsigned)(set[1] & 2);
#endif
}

MANDEL_INLINE SET MANDEL_(mandel_within)(SET among, REALS a, REALS b)
{
    return among & (SET)(a <= b);
}

MANDEL_INLINE REALS MANDEL_(mandel_replace)(SET where, REALS old, REALS with)
{
    return (REALS)((where & (BITS)with) | (~where & (BITS)old));
}

MANDEL_INLINE BITS MANDEL_(mandel_increment)(SET where, BITS counts)
{
    return counts - where; /* true is -1 */
}

#endif

/* 2 * xy + c. Doubling is exact, so the fused form has the same bits as the two additions. */
MANDEL_INLINE REALS MANDEL_(mandel_double_add)(REALS xy, REALS c)
{
#if MANDEL_VECTOR_BYTES == 64
    return (REALS)_mm512_fmadd_pd((__m512d)xy, _mm512_set1_pd(2.0), (__m512d)c);
#elif MANDEL_VECTOR_BYTES == 32
    return (REALS)_mm256_fmadd_pd((__m256d)xy, _mm256_set1_pd(2.0), (__m256d)c);
#elif defined(__aarch64__)
    return (REALS)vfmaq_f64((float64x2_t)c, (float64x2_t)xy, vdupq_n_f64(2.0));
#else
    return (xy + xy) + c;
#endif
}

MANDEL_INLINE REALS MANDEL_(mandel_load)(const double *from)
{
    REALS vector;
    memcpy(&vector, from, sizeof vector);
    return vector;
}

MANDEL_INLINE void MANDEL_(mandel_store)(double *to, REALS vector)
{
    memcpy(to, &vector, sizeof vector);
}

/* The orbits under way, one a lane. */
typedef struct {
    double x[MANDEL_LANES], y[MANDEL_LANES], cx[MANDEL_LANES], cy[MANDEL_LANES];
    double before_x[MANDEL_LANES], before_y[MANDEL_LANES]; /* at the start of the last burst */
    double kept_x[MANDEL_LANES], kept_y[MANDEL_LANES];     /* an earlier z, to recognise a cycle */
    int64_t begun[MANDEL_LANES];                           /* the burst with which it began */
    int64_t keep_at[MANDEL_LANES];                         /* the burst at which z is kept anew */
    uint32_t sample[MANDEL_LANES];                         /* whose orbit it is, or MANDEL_NOBODY */
} __attribute__((aligned(64))) MANDEL_(mandel_orbits);
#define ORBITS MANDEL_(mandel_orbits)

/* Bursts of all lanes until one has escaped or `stop` is reached; the escaped lanes as bits.
 *
 * `watch` tests every iteration: needed where an orbit may come back from beyond the bailout. One
 * vector in `fuse_each` fuses 2xy + c, the others add twice; mandel_render.h (M) says why.
 */
MANDEL_INLINE uint64_t MANDEL_(mandel_bursts)(ORBITS *orbits, int64_t *burst, int64_t stop,
                                              double bailout_square, int watch, int fuse_each)
{
    const REALS limit = bailout_square - (REALS){0};
    REALS x[MANDEL_CHAINS], y[MANDEL_CHAINS], cx[MANDEL_CHAINS], cy[MANDEL_CHAINS];
    SET inside[MANDEL_CHAINS];
    uint64_t escaped;
    int64_t now = *burst;
#pragma GCC unroll 8
    for (int v = 0; v < MANDEL_CHAINS; v++) {
        x[v] = MANDEL_(mandel_load)(orbits->x + v * MANDEL_WIDTH);
        y[v] = MANDEL_(mandel_load)(orbits->y + v * MANDEL_WIDTH);
        cx[v] = MANDEL_(mandel_load)(orbits->cx + v * MANDEL_WIDTH);
        cy[v] = MANDEL_(mandel_load)(orbits->cy + v * MANDEL_WIDTH);
    }
    do {
#pragma GCC unroll 8
        for (int v = 0; v < MANDEL_CHAINS; v++) {
            MANDEL_(mandel_store)(orbits->before_x + v * MANDEL_WIDTH, x[v]);
            MANDEL_(mandel_store)(orbits->before_y + v * MANDEL_WIDTH, y[v]);
            inside[v] = MANDEL_(mandel_all)();
        }
#pragma GCC unroll 16
        for (int n = 0; n < MANDEL_BURST; n++) {
#pragma GCC unroll 8
            for (int v = 0; v < MANDEL_CHAINS; v++) {
                REALS x2 = x[v] * x[v], y2 = y[v] * y[v], xy = x[v] * y[v];
                x[v] = (x2 - y2) + cx[v];
                y[v] = v % fuse_each ? (xy + xy) + cy[v] : MANDEL_(mandel_double_add)(xy, cy[v]);
                if (watch)
                    inside[v] = MANDEL_(mandel_within)(inside[v], x[v] * x[v] + y[v] * y[v], limit);
            }
        }
        now++;
        escaped = 0;
#pragma GCC unroll 8
        for (int v = 0; v < MANDEL_CHAINS; v++) {
            inside[v] = MANDEL_(mandel_within)(inside[v], x[v] * x[v] + y[v] * y[v], limit);
            uint64_t members = MANDEL_(mandel_members)(inside[v]);
            escaped |= (members ^ ((1u << MANDEL_WIDTH) - 1)) << (v * MANDEL_WIDTH);
        }
    } while (!escaped && now < stop);
#pragma GCC unroll 8
    for (int v = 0; v < MANDEL_CHAINS; v++) {
        MANDEL_(mandel_store)(orbits->x + v * MANDEL_WIDTH, x[v]);
        MANDEL_(mandel_store)(orbits->y + v * MANDEL_WIDTH, y[v]);
    }
    *burst = now;
    return escaped;
}

/* Their own functions, so that the compiler has all registers for them. */
static __attribute__((noinline)) uint64_t MANDEL_(mandel_burst_fused)(ORBITS *orbits,
                                                                      int64_t *burst, int64_t stop,
                                                                      double bailout_square)
{
    return MANDEL_(mandel_bursts)(orbits, burst, stop, bailout_square, 0, 1);
}

static __attribute__((noinline)) uint64_t MANDEL_(mandel_burst_mixed)(ORBITS *orbits,
                                                                      int64_t *burst, int64_t stop,
                                                                      double bailout_square)
{
    return MANDEL_(mandel_bursts)(orbits, burst, stop, bailout_square, 0, 3);
}

static __attribute__((noinline)) uint64_t MANDEL_(mandel_burst_watched)(ORBITS *orbits,
                                                                        int64_t *burst,
                                                                        int64_t stop,
                                                                        double bailout_square)
{
    return MANDEL_(mandel_bursts)(orbits, burst, stop, bailout_square, 1, 1);
}

/* MANDEL_BURST iterations of MANDEL_GROUP points from `at` on, counted exactly.
 *
 * count is the iteration that escaped, 1 to MANDEL_BURST, or 0 with the orbit's z moved on; where
 * one escaped, z is undefined.
 */
static __attribute__((noinline)) void MANDEL_(mandel_exact)(mandel_list *list, int at,
                                                            double bailout_square)
{
    const REALS limit = bailout_square - (REALS){0};
    REALS x[MANDEL_ABREAST], y[MANDEL_ABREAST], x2[MANDEL_ABREAST], y2[MANDEL_ABREAST];
    REALS cx[MANDEL_ABREAST], cy[MANDEL_ABREAST], square[MANDEL_ABREAST];
    BITS count[MANDEL_ABREAST];
    SET inside[MANDEL_ABREAST];
#pragma GCC unroll 8
    for (int v = 0; v < MANDEL_ABREAST; v++) {
        int lane = at + v * MANDEL_WIDTH;
        x[v] = MANDEL_(mandel_load)(list->x + lane);
        y[v] = MANDEL_(mandel_load)(list->y + lane);
        cx[v] = MANDEL_(mandel_load)(list->cx + lane);
        cy[v] = MANDEL_(mandel_load)(list->cy + lane);
        x2[v] = x[v] * x[v];
        y2[v] = y[v] * y[v];
        square[v] = (REALS){0};
        count[v] = (BITS){0};
        inside[v] = MANDEL_(mandel_all)();
    }
    for (int n = 0; n < MANDEL_BURST; n += MANDEL_LOOK) {
        unsigned members = 0;
#pragma GCC unroll 8
        for (int k = 0; k < MANDEL_LOOK; k++) {
#pragma GCC unroll 8
            for (int v = 0; v < MANDEL_ABREAST; v++) {
                REALS xy = x[v] * y[v];
                x[v] = (x2[v] - y2[v]) + cx[v];
                y[v] = MANDEL_(mandel_double_add)(xy, cy[v]);
                x2[v] = x[v] * x[v];
                y2[v] = y[v] * y[v];
                REALS now = x2[v] + y2[v];
                square[v] = MANDEL_(mandel_replace)(inside[v], square[v], now);
                inside[v] = MANDEL_(mandel_within)(inside[v], now, limit);
                count[v] = MANDEL_(mandel_increment)(inside[v], count[v]);
            }
        }
#pragma GCC unroll 8
        for (int v = 0; v < MANDEL_ABREAST; v++)
            members |= MANDEL_(mandel_members)(inside[v]);
        if (!members)
            break;
    }
#pragma GCC unroll 8
    for (int v = 0; v < MANDEL_ABREAST; v++) {
        int lane = at + v * MANDEL_WIDTH;
        MANDEL_(mandel_store)(list->x + lane, x[v]);
        MANDEL_(mandel_store)(list->y + lane, y[v]);
        MANDEL_(mandel_store)(list->square + lane, square[v]);
        for (int i = 0; i < MANDEL_WIDTH; i++)
            list->count[lane + i] = count[v][i] < MANDEL_BURST ? (uint32_t)count[v][i] + 1 : 0;
    }
}
