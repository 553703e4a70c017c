/* From counts and squares to colours, with the same bits everywhere. Included by mandel_render.h
 * once for each instruction set: a plain loop, which compilers turn into that set's vectors.
 *
 * The smooth count of a point that escaped,
 *
 *     nu = count - log2(log2(square) / log2(bailout^2))
 *
 * goes down to count - 1 where the square comes near bailout^4, and meets the next count there
 * without a step. No libm has a say: log2 is a series of our own, within 1e-9 of the truth. Colours
 * go by the square root of nu, so that bands keep their width as the counts grow towards the set:
 * the place in the palette's cycle is density * sqrt(nu) / 8, and the palette begins anew at 1. The
 * cycle is turned by 3/16, where counts begin with the usual bailout.
 */

/* log2 of a positive, normal number: 2^e * f with f around 1, then the series of artanh. */
MANDEL_INLINE double MANDEL_(mandel_log2)(double value)
{
    int64_t bits, fraction, exponent;
    double f, e;
    memcpy(&bits, &value, sizeof bits);
    bits += INT64_C(0x3FF0000000000000) - INT64_C(0x3FE6A09E667F3BCD); /* so f >= sqrt(1/2) */
    fraction = (bits & INT64_C(0x000FFFFFFFFFFFFF)) + INT64_C(0x3FE6A09E667F3BCD);
    exponent = (bits >> 52) | INT64_C(0x4330000000000000);             /* 2^52 + biased e */
    memcpy(&f, &fraction, sizeof f);
    memcpy(&e, &exponent, sizeof e);
    e -= 4503599627370496.0 + 1023.0;
    double s = (f - 1.0) / (f + 1.0), z = s * s;
    double series = 0x1.0c9a84994022dp-2;                              /* 2 / (11 ln 2) */
    series = series * z + 0x1.484b13d7c02a9p-2;                        /* 2 / (9 ln 2) */
    series = series * z + 0x1.a61762a7aded9p-2;
    series = series * z + 0x1.2776c50ef9bfep-1;
    series = series * z + 0x1.ec709dc3a03fdp-1;
    series = series * z + 0x1.71547652b82fep+1;                        /* 2 / ln 2 */
    return e + s * series;
}

/* The colour number of each of `many` samples: its place in the palette, or the inside's. */
static __attribute__((noinline)) void MANDEL_(mandel_shade)(const mandel_view *view,
                                                            mandel_work *work, int many)
{
    const double scale = view->log_scale, pace = view->density * (MANDEL_COLOURS / 8.0);
    for (int i = 0; i < many; i++) {
        int32_t count = (int32_t)work->counts[i];
        double square = count ? work->squares[i] : 4.0;
        double nu = count - MANDEL_(mandel_log2)(MANDEL_(mandel_log2)(square) * scale);
        nu = nu > 0.0 ? nu : 0.0;
        int32_t place = (int32_t)(pace * __builtin_sqrt(nu)) - MANDEL_COLOURS * 3 / 16;
        work->colours[i] = (uint16_t)(count ? place & (MANDEL_COLOURS - 1) : MANDEL_COLOURS);
    }
}
