/* A tile as bytes: what a chunk hands in, what the store keeps and what a viewer is sent.
 *
 *     0   1  version, 1
 *     1   1  width  in pixels, 1 to 64
 *     2   1  height in pixels, 1 to 64
 *     3   2  bytes of the colours that follow, little-endian
 *     5      colours: the planes green, red - green, blue - green, all modulo 256
 *            counts:  one plane, to the end
 *
 * A plane is the pixels row by row, each as its difference from what its neighbours promise: with a
 * the pixel on the left, b the one above and c the one between, that is a + b - c, but no less and
 * no more than a and b; on the upper edge a, on the left edge b, in the corner 0. A colour's
 * difference is taken modulo 256 from -128 to 127. A difference d is written as 2d, or -2d - 1 if
 * it is negative. Sixteen such numbers at a time, zeros added at the end of a plane, are written in
 * the width that the largest needs: first that width, in 4 bits for a colour and 5 for a count,
 * then the numbers, lowest bit first. Colours and counts each end at a whole byte.
 *
 * Why not zlib: its editions (zlib-ng, say) give different bytes for the same tile, and a tile must
 * have the same bytes on every machine. Against its level 1 this needs 1.2 (deep views) to 1.6
 * times the space (the whole set: 3.3 KB a tile at 2048 x 2048) and a third of the time or less.
 *
 * The colours come first, so that a viewer can be sent bytes 0 to 5 + n alone.
 */
#ifndef HYDRA_MANDEL_BLOB_H
#define HYDRA_MANDEL_BLOB_H

#include <stdint.h>
#include <string.h>

#include "mandel_work.h"

enum {
    MANDEL_BLOB_VERSION = 1,
    MANDEL_BLOB_HEADER = 5,
    MANDEL_TOGETHER = 16,    /* differences of one width */
    MANDEL_COLOUR_BITS = 4,  /* that say the width of a colour's differences, 0 to 8 */
    MANDEL_COUNT_BITS = 5,   /* and of a count's, 0 to 25 */
    MANDEL_COUNT_WIDTH = 25, /* counts stay below 2^24 */
    MANDEL_BLOB_MAX = MANDEL_BLOB_HEADER +
        3 * (MANDEL_SAMPLES / MANDEL_TOGETHER * MANDEL_COLOUR_BITS + MANDEL_SAMPLES * 8) / 8 +
        (MANDEL_SAMPLES / MANDEL_TOGETHER * MANDEL_COUNT_BITS +
         MANDEL_SAMPLES * MANDEL_COUNT_WIDTH) / 8
};

/* Bits on their way into bytes, or out of them. */
typedef struct {
    uint8_t *at, *end;
    uint64_t bits;
    int held;
} mandel_bits;

/* What the neighbours promise: a on the left, b above, c between them. */
static inline int32_t mandel_promise(int32_t a, int32_t b, int32_t c)
{
    int32_t low = a < b ? a : b, high = a < b ? b : a, sum = a + b - c;
    return sum < low ? low : sum > high ? high : sum;
}

/* A difference as a number that is small if the difference is. */
static inline uint32_t mandel_fold(int32_t d, int colour)
{
    if (colour)
        d = (int8_t)d;
    return (uint32_t)d << 1 ^ (uint32_t)(d >> 31);
}

static inline void mandel_put(mandel_bits *out, uint32_t value, int width)
{
    out->bits |= (uint64_t)value << out->held;
    out->held += width;
    if (out->held >= 32) {
        memcpy(out->at, &out->bits, 4);
        out->at += 4;
        out->bits >>= 32;
        out->held -= 32;
    }
}

/* Close the last byte. */
static inline void mandel_put_end(mandel_bits *out)
{
    for (; out->held > 0; out->held -= 8, out->bits >>= 8)
        *out->at++ = (uint8_t)out->bits;
    out->held = 0;
}

/* The next `width` bits; zeros behind the end, where `held` becomes negative. */
static inline uint32_t mandel_take(mandel_bits *in, int width)
{
    while (in->held < width && in->at < in->end) {
        in->bits |= (uint64_t)*in->at++ << in->held;
        in->held += 8;
    }
    uint32_t value = (uint32_t)(in->bits & ((UINT64_C(1) << width) - 1));
    in->bits >>= width;
    in->held -= width;
    return value;
}

/* Write a plane; `colour` says that its differences are modulo 256. */
static inline void mandel_put_plane(mandel_bits *out, const int32_t *plane, int width, int pixels,
                                    int colour)
{
    uint32_t folded[MANDEL_SAMPLES + MANDEL_TOGETHER] = {0};
    folded[0] = mandel_fold(plane[0], colour);
    for (int i = 1; i < width; i++)
        folded[i] = mandel_fold(plane[i] - plane[i - 1], colour);
    for (int row = width; row < pixels; row += width) {
        const int32_t *here = plane + row, *above = here - width;
        folded[row] = mandel_fold(here[0] - above[0], colour);
        for (int i = 1; i < width; i++)
            folded[row + i] = mandel_fold(
                here[i] - mandel_promise(here[i - 1], above[i], above[i - 1]), colour);
    }
    for (int first = 0; first < pixels; first += MANDEL_TOGETHER) {
        uint32_t any = 0;
        for (int i = first; i < first + MANDEL_TOGETHER; i++)
            any |= folded[i];
        int bits = any ? 32 - __builtin_clz(any) : 0;
        mandel_put(out, (uint32_t)bits, colour ? MANDEL_COLOUR_BITS : MANDEL_COUNT_BITS);
        for (int i = first; any && i < first + MANDEL_TOGETHER; i++)
            mandel_put(out, folded[i], bits);
    }
}

/* Read a plane; 0, or -1 if it is none. */
static inline int mandel_take_plane(mandel_bits *in, int32_t *plane, int width, int pixels,
                                    int colour)
{
    for (int first = 0; first < pixels; first += MANDEL_TOGETHER) {
        int bits = (int)mandel_take(in, colour ? MANDEL_COLOUR_BITS : MANDEL_COUNT_BITS);
        if (bits > (colour ? 8 : MANDEL_COUNT_WIDTH))
            return -1;
        for (int i = first; i < first + MANDEL_TOGETHER; i++) {
            uint32_t folded = mandel_take(in, bits);
            if (i >= pixels)
                continue;
            int32_t d = (int32_t)(folded >> 1) ^ -(int32_t)(folded & 1);
            int left = i % width > 0, above = i >= width;
            plane[i] = d + (left && above ? mandel_promise(plane[i - 1], plane[i - width],
                                                           plane[i - width - 1])
                                          : left ? plane[i - 1] : above ? plane[i - width] : 0);
            if (colour)
                plane[i] &= 255;
            else if (plane[i] < 0 || plane[i] >> (MANDEL_COUNT_WIDTH - 1))
                return -1;
        }
        if (in->held < 0)
            return -1;
    }
    return 0;
}

/* The tile in work->centre_counts and work->rgb as bytes; how many. */
static inline int mandel_blob_write(mandel_work *work, int width, int height,
                                    uint8_t blob[MANDEL_BLOB_MAX])
{
    const int pixels = width * height;
    int32_t *plane = work->plane;
    mandel_bits out = {blob + MANDEL_BLOB_HEADER, blob + MANDEL_BLOB_MAX, 0, 0};
    for (int part = 0; part < 3; part++) {
        for (int i = 0; i < pixels; i++) {
            uint8_t green = work->rgb[i][1], value = work->rgb[i][part == 1 ? 0 : 2];
            plane[i] = part == 0 ? green : (uint8_t)(value - green);
        }
        mandel_put_plane(&out, plane, width, pixels, 1);
    }
    mandel_put_end(&out);
    uint32_t colour_bytes = (uint32_t)(out.at - blob - MANDEL_BLOB_HEADER);
    for (int i = 0; i < pixels; i++)
        plane[i] = (int32_t)work->centre_counts[i];
    mandel_put_plane(&out, plane, width, pixels, 0);
    mandel_put_end(&out);
    blob[0] = MANDEL_BLOB_VERSION;
    blob[1] = (uint8_t)width;
    blob[2] = (uint8_t)height;
    blob[3] = (uint8_t)colour_bytes;
    blob[4] = (uint8_t)(colour_bytes >> 8);
    return (int)(out.at - blob);
}

/* The counts and colours of a blob; 0, or -1 if it is none of ours. `plane` is for scratch. */
static inline int mandel_blob_read(uint8_t *blob, int bytes, int32_t plane[MANDEL_SAMPLES],
                                   uint32_t *counts, uint8_t *rgb)
{
    if (bytes < MANDEL_BLOB_HEADER || blob[0] != MANDEL_BLOB_VERSION)
        return -1;
    const int width = blob[1], pixels = width * blob[2], counts_at = 5 + blob[3] + 256 * blob[4];
    if (!pixels || width > MANDEL_TILE || blob[2] > MANDEL_TILE || counts_at > bytes)
        return -1;
    mandel_bits in = {blob + MANDEL_BLOB_HEADER, blob + counts_at, 0, 0};
    for (int part = 0; part < 3; part++) {
        if (mandel_take_plane(&in, plane, width, pixels, 1) < 0)
            return -1;
        for (int i = 0; i < pixels; i++)
            rgb[3 * i + (part == 0 ? 1 : part == 1 ? 0 : 2)] =
                (uint8_t)(plane[i] + (part ? rgb[3 * i + 1] : 0));
    }
    if (in.at != in.end)
        return -1;
    in = (mandel_bits){blob + counts_at, blob + bytes, 0, 0};
    if (mandel_take_plane(&in, plane, width, pixels, 0) < 0 || in.at != in.end)
        return -1;
    for (int i = 0; i < pixels; i++)
        counts[i] = (uint32_t)plane[i];
    return 0;
}

#endif
