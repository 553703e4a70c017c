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

#include "mandel_dispatch.h"

enum {
    MANDEL_BLOB_VERSION = 1,
    MANDEL_BLOB_HEADER = 5,
    MANDEL_TOGETHER = 16,    /* differences of one width */
    MANDEL_COLOUR_BITS = 4,  /* that say the width of a colour's differences, 0 to 8 */
    MANDEL_COUNT_BITS = 5,   /* and of a count's, 0 to 25 */
    MANDEL_COUNT_WIDTH = 25, /* counts stay below 2^24 */
    MANDEL_PUT_BITS = 56,    /* that can be put at once */
    MANDEL_BLOB_MAX = MANDEL_BLOB_HEADER +
        3 * (MANDEL_SAMPLES / MANDEL_TOGETHER * MANDEL_COLOUR_BITS + MANDEL_SAMPLES * 8) / 8 +
        (MANDEL_SAMPLES / MANDEL_TOGETHER * MANDEL_COUNT_BITS +
         MANDEL_SAMPLES * MANDEL_COUNT_WIDTH) / 8,
    MANDEL_BLOB_SLACK = 64   /* bytes behind the end that are written or read without meaning */
};

/* Bits on their way into bytes; fewer than 8 wait between two puts. */
typedef struct {
    uint8_t *at;
    uint64_t bits;
    int held;
} mandel_sink;

/* Bytes on their way into bits: the next one and the end, in bits from the first byte. */
typedef struct {
    const uint8_t *from;
    uint32_t at, end;
} mandel_source;

/* A pixel's green, red - green, blue - green and count, or what is known of them yet. */
typedef int32_t mandel_four __attribute__((vector_size(16)));
typedef union {
    mandel_four all;
    int32_t lane[4];
} mandel_lanes;

/* A folded difference as it was. */
static inline int32_t mandel_unfold(uint32_t folded)
{
    return (int32_t)(folded >> 1) ^ -(int32_t)(folded & 1);
}

/* Put the lowest `width` bits, MANDEL_PUT_BITS at most. Writes eight bytes, behind the end too. */
static inline void mandel_put(mandel_sink *out, uint64_t value, int width)
{
    out->bits |= value << out->held;
    memcpy(out->at, &out->bits, sizeof out->bits);
    out->held += width;
    out->at += out->held / 8;
    out->bits >>= out->held & ~7;
    out->held &= 7;
}

/* Close the last byte. */
static inline void mandel_put_end(mandel_sink *out)
{
    mandel_put(out, 0, -out->held & 7);
}

/* The next bits, MANDEL_PUT_BITS of them for certain. Reads eight bytes, behind the end too. */
static inline uint64_t mandel_look(const mandel_source *in)
{
    uint64_t bits;
    memcpy(&bits, in->from + in->at / 8, sizeof bits);
    return bits >> (in->at & 7);
}

/* Write a plane; `colour` says that its differences are modulo 256. */
static inline void mandel_put_plane(int isa, mandel_sink *out, const int32_t *plane, int width,
                                    int pixels, int colour)
{
    uint32_t folded[MANDEL_SAMPLES + MANDEL_TOGETHER] = {0};
    mandel_functions[isa].differ(plane, folded, width, pixels, colour);
    for (const uint32_t *group = folded; group < folded + pixels; group += MANDEL_TOGETHER) {
        uint32_t any = 0;
        for (int i = 0; i < MANDEL_TOGETHER; i++)
            any |= group[i];
        const int bits = any ? 32 - __builtin_clz(any) : 0;
        mandel_put(out, (uint32_t)bits, colour ? MANDEL_COLOUR_BITS : MANDEL_COUNT_BITS);
        if (bits > MANDEL_PUT_BITS / 4)
            for (int i = 0; i < MANDEL_TOGETHER; i += 2)
                mandel_put(out, group[i] | (uint64_t)group[i + 1] << bits, 2 * bits);
        else if (any)
            for (int i = 0; i < MANDEL_TOGETHER; i += 4)
                mandel_put(out, (group[i] | (uint64_t)group[i + 1] << bits) |
                                    (group[i + 2] | (uint64_t)group[i + 3] << bits) << 2 * bits,
                           4 * bits);
    }
}

/* Read the folded differences of a plane into one lane of each pixel; 0, or -1 if it is none. */
static inline int mandel_take_plane(mandel_source *in, mandel_lanes *pixel, int lane, int pixels)
{
    const int head = lane < 3 ? MANDEL_COLOUR_BITS : MANDEL_COUNT_BITS;
    const int bits_max = lane < 3 ? 8 : MANDEL_COUNT_WIDTH;
    for (int first = 0; first < pixels; first += MANDEL_TOGETHER) {
        const int bits = (int)(mandel_look(in) & ((1u << head) - 1));
        const uint32_t mask = (UINT32_C(1) << bits) - 1;
        if (bits > bits_max)
            return -1;
        in->at += (uint32_t)head;
        for (int i = first; i < first + MANDEL_TOGETHER; i += 2, in->at += 2 * (uint32_t)bits) {
            const uint64_t pair = mandel_look(in);
            pixel[i].lane[lane] = mandel_unfold((uint32_t)pair & mask);
            pixel[i + 1].lane[lane] = mandel_unfold((uint32_t)(pair >> bits) & mask);
        }
        if (in->at > in->end)
            return -1;
    }
    return 0;
}

static inline mandel_four mandel_choose(mandel_four which, mandel_four a, mandel_four b)
{
    return (a & which) | (b & ~which);
}

/* From differences to what the pixels are; 0, or -1 if a count is out of range.
 *
 * Each pixel waits for the one on its left, so the four planes go abreast. With zeros around the
 * tile the promise is right on its edges, too.
 */
static inline int mandel_sum_up(mandel_lanes *pixel, int width, int pixels)
{
    const mandel_four mask = {255, 255, 255, (1 << (MANDEL_COUNT_WIDTH - 1)) - 1};
    mandel_four line[MANDEL_TILE] = {{0}}, beyond = {0};
    for (mandel_lanes *row = pixel; row < pixel + pixels; row += width) {
        mandel_four left = {0}, corner = {0};
        for (int i = 0; i < width; i++) {
            const mandel_four above = line[i], rises = left < above;
            const mandel_four low = mandel_choose(rises, left, above);
            const mandel_four high = mandel_choose(rises, above, left);
            mandel_four value = left + (above - corner);
            value = mandel_choose(value < low, low, value);
            value = mandel_choose(value > high, high, value);
            value += row[i].all;
            beyond |= value & ~mask;
            row[i].all = line[i] = left = value & mask;
            corner = above;
        }
    }
    return beyond[3] ? -1 : 0;
}

/* The tile in work->centre_counts and work->rgb as bytes; how many. */
static inline int mandel_blob_write(int isa, mandel_work *work, int width, int height,
                                    uint8_t blob[MANDEL_BLOB_MAX + MANDEL_BLOB_SLACK])
{
    const int pixels = width * height;
    int32_t *plane = work->plane;
    mandel_sink out = {blob + MANDEL_BLOB_HEADER, 0, 0};
    for (int part = 0; part < 3; part++) {
        for (int i = 0; i < pixels; i++) {
            uint8_t green = work->rgb[i][1], value = work->rgb[i][part == 1 ? 0 : 2];
            plane[i] = part == 0 ? green : (uint8_t)(value - green);
        }
        mandel_put_plane(isa, &out, plane, width, pixels, 1);
    }
    mandel_put_end(&out);
    uint32_t colour_bytes = (uint32_t)(out.at - blob - MANDEL_BLOB_HEADER);
    for (int i = 0; i < pixels; i++)
        plane[i] = (int32_t)work->centre_counts[i];
    mandel_put_plane(isa, &out, plane, width, pixels, 0);
    mandel_put_end(&out);
    blob[0] = MANDEL_BLOB_VERSION;
    blob[1] = (uint8_t)width;
    blob[2] = (uint8_t)height;
    blob[3] = (uint8_t)colour_bytes;
    blob[4] = (uint8_t)(colour_bytes >> 8);
    return (int)(out.at - blob);
}

/* The counts and colours of a blob; 0, or -1 if it is none of ours. */
static inline int mandel_blob_read(const uint8_t *blob, size_t bytes,
                                   uint32_t counts[MANDEL_SAMPLES], uint8_t rgb[MANDEL_SAMPLES][3])
{
    uint8_t padded[MANDEL_BLOB_MAX + MANDEL_BLOB_SLACK] = {0};
    mandel_lanes pixel[MANDEL_SAMPLES];
    if (bytes < MANDEL_BLOB_HEADER || bytes > MANDEL_BLOB_MAX || blob[0] != MANDEL_BLOB_VERSION)
        return -1;
    const int width = blob[1], pixels = width * blob[2];
    const uint32_t counts_at = MANDEL_BLOB_HEADER + blob[3] + 256u * blob[4];
    if (!pixels || width > MANDEL_TILE || blob[2] > MANDEL_TILE || counts_at > bytes)
        return -1;
    memcpy(padded, blob, bytes);
    mandel_source in = {padded, 8 * MANDEL_BLOB_HEADER, 8 * counts_at};
    for (int lane = 0; lane < 3; lane++)
        if (mandel_take_plane(&in, pixel, lane, pixels) < 0)
            return -1;
    if ((in.at + 7) / 8 != counts_at)
        return -1;
    in = (mandel_source){padded, 8 * counts_at, 8 * (uint32_t)bytes};
    if (mandel_take_plane(&in, pixel, 3, pixels) < 0 || (in.at + 7) / 8 != bytes)
        return -1;
    if (mandel_sum_up(pixel, width, pixels) < 0)
        return -1;
    for (int i = 0; i < pixels; i++) {
        const int32_t *lane = pixel[i].lane;
        rgb[i][0] = (uint8_t)(lane[1] + lane[0]);
        rgb[i][1] = (uint8_t)lane[0];
        rgb[i][2] = (uint8_t)(lane[2] + lane[0]);
        counts[i] = (uint32_t)lane[3];
    }
    return 0;
}

#endif
