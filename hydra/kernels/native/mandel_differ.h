/* What a tile's blob is made of: each pixel's difference from what its neighbours promise, folded.
 * mandel_blob.h says what for. Included by mandel_render.h once for each instruction set: plain
 * loops, which compilers turn into that set's vectors.
 */

/* What the neighbours promise: a on the left, b above, c between them. */
MANDEL_INLINE int32_t MANDEL_(mandel_promise)(int32_t a, int32_t b, int32_t c)
{
    int32_t low = a < b ? a : b, high = a < b ? b : a, sum = a + b - c;
    sum = sum < low ? low : sum;
    return sum > high ? high : sum;
}

/* A difference as a number that is small if the difference is; colours differ modulo 256. */
MANDEL_INLINE uint32_t MANDEL_(mandel_fold)(int32_t d, int colour)
{
    d = colour ? (int32_t)((uint32_t)d << 24) >> 24 : d;
    return (uint32_t)d << 1 ^ (uint32_t)(d >> 31);
}

/* The folded differences of a plane of `pixels`, rows of `width`. */
static __attribute__((noinline)) void MANDEL_(mandel_differ)(
    const int32_t *restrict plane, uint32_t *restrict folded, int width, int pixels, int colour)
{
    const int32_t *here = plane + width + 1, *left = here - 1, *above = plane + 1, *corner = plane;
    uint32_t *to = folded + width + 1;
    folded[0] = MANDEL_(mandel_fold)(plane[0], colour);
    for (int i = 1; i < width; i++)
        folded[i] = MANDEL_(mandel_fold)(plane[i] - plane[i - 1], colour);
    /* The left edge, too, so that it is one long loop; then the left edge as it should be. */
    for (int i = 0; i < pixels - width - 1; i++)
        to[i] = MANDEL_(mandel_fold)(
            here[i] - MANDEL_(mandel_promise)(left[i], above[i], corner[i]), colour);
    for (int row = width; row < pixels; row += width)
        folded[row] = MANDEL_(mandel_fold)(plane[row] - plane[row - width], colour);
}
