/* One tile of the mandelbrot kernel: the counts of its pixels' centres, and its pixels' colours.
 *
 * Without antialiasing the centre is the only sample. With it, a pixel is antialias^2 samples on a
 * regular grid inside it, and its colour is the mean of theirs in linear light, in integers.
 */
#ifndef HYDRA_MANDEL_TILE_H
#define HYDRA_MANDEL_TILE_H

#include "mandel_dispatch.h"

/* A colour between two of the palette's stops, all in integers: Catmull and Rom's cubic. */
static inline uint8_t mandel_between(int before, int from, int to, int after, int64_t t)
{
    const int64_t one = MANDEL_COLOURS;
    int64_t twice = 2 * from * one * one * one + (to - before) * t * one * one +
                    (2 * before - 5 * from + 4 * to - after) * t * t * one +
                    (3 * from - before - 3 * to + after) * t * t * t;
    int64_t value = (twice + one * one * one) >> 37; /* 2 * one^3 is 2^37 */
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Fill the palette from its stops, evenly spaced around the cycle; sRGB, `linear` as in the work's
 * palette. The inside is black.
 */
static inline void mandel_paint(mandel_palette *palette, const uint8_t (*stops)[3], int many,
                                const uint16_t linear[256])
{
    for (int place = 0; place < MANDEL_COLOURS; place++) {
        int stop = place * many / MANDEL_COLOURS, t = place * many % MANDEL_COLOURS;
        for (int part = 0; part < 3; part++)
            palette->encoded[place][part] = mandel_between(
                stops[(stop + many - 1) % many][part], stops[stop][part],
                stops[(stop + 1) % many][part], stops[(stop + 2) % many][part], t);
    }
    memset(palette->encoded[MANDEL_COLOURS], 0, 3);
    memcpy(palette->linear, linear, sizeof palette->linear);
    for (int light = 0, level = 0; light < 65536; light++) {
        while (level < 255 && 2 * light >= linear[level] + linear[level + 1])
            level++;
        palette->from_linear[light] = (uint8_t)level;
    }
}

/* Counts and squares of the sample at (a, b) of each pixel; 0, or -1 to give up. */
static inline int mandel_count_box(int isa, const mandel_view *view, mandel_work *work,
                                   const mandel_box *box, double a, double b)
{
    for (int column = 0; column < box->width; column++)
        work->xs[column] = mandel_x(view, box->column + (uint32_t)column, a);
    for (int row = 0; row < box->height; row++)
        work->ys[row] = mandel_y(view, box->row + (uint32_t)row, b);
    return mandel_functions[isa].samples(view, work, box->width, box->height);
}

/* The same, and their colour numbers. */
static inline int mandel_sample(int isa, const mandel_view *view, mandel_work *work,
                                const mandel_box *box, double a, double b)
{
    if (mandel_count_box(isa, view, work, box, a, b) < 0)
        return -1;
    mandel_functions[isa].shade(view, work, box->width * box->height);
    return 0;
}

/* The tile into work->centre_counts and work->rgb; 0, or -1 to give up. */
static inline int mandel_tile(int isa, const mandel_view *view, mandel_work *work,
                              const mandel_box *box)
{
    const int pixels = box->width * box->height, across = view->antialias;
    const uint32_t samples = (uint32_t)(across * across);
    const mandel_palette *palette = &work->palette;
    if (mandel_sample(isa, view, work, box, 0.0, 0.0) < 0)
        return -1;
    memcpy(work->centre_counts, work->counts, sizeof work->counts);
    if (across == 1) {
        for (int i = 0; i < pixels; i++)
            memcpy(work->rgb[i], palette->encoded[work->colours[i]], 3);
        return 0;
    }
    memset(work->sums, 0, sizeof work->sums);
    for (int j = 0; j < across; j++) {
        for (int i = 0; i < across; i++) {
            if (mandel_sample(isa, view, work, box, (2.0 * i + 1.0 - across) / across,
                              (2.0 * j + 1.0 - across) / across) < 0)
                return -1;
            for (int k = 0; k < pixels; k++)
                for (int part = 0; part < 3; part++)
                    work->sums[k][part] +=
                        palette->linear[palette->encoded[work->colours[k]][part]];
        }
    }
    for (int k = 0; k < pixels; k++)
        for (int part = 0; part < 3; part++)
            work->rgb[k][part] =
                palette->from_linear[(work->sums[k][part] + samples / 2) / samples];
    return 0;
}

#endif
