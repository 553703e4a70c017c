/* What one tile needs while it is computed; about 800 KiB, once for each call of the kernel. */
#ifndef HYDRA_MANDEL_WORK_H
#define HYDRA_MANDEL_WORK_H

#include <stdint.h>

#include "mandel_point.h"

enum {
    MANDEL_TILE = 64,                             /* pixels across a tile */
    MANDEL_SAMPLES = MANDEL_TILE * MANDEL_TILE,
    MANDEL_ROOM = MANDEL_SAMPLES + 64,            /* for the padding of the last group */
    MANDEL_COLOURS = 4096,                        /* in one cycle of a palette */
    MANDEL_CHECK_SHAPE = 1,                       /* leave out the cardioid and the bulb */
    MANDEL_CHECK_CYCLES = 2                       /* leave off where an orbit repeats itself */
};

/* Points on their way: z and c, and how far they have come. */
typedef struct {
    double x[MANDEL_ROOM], y[MANDEL_ROOM], cx[MANDEL_ROOM], cy[MANDEL_ROOM];
    double square[MANDEL_ROOM];
    uint32_t count[MANDEL_ROOM], base[MANDEL_ROOM], sample[MANDEL_ROOM];
    int many;
} mandel_list;

/* A palette: each colour of the cycle and, last, the inside's. */
typedef struct {
    uint8_t encoded[MANDEL_COLOURS + 1][3];       /* in sRGB */
    uint16_t linear[256];                         /* sRGB to linear light, 0 to 65535 */
    uint8_t from_linear[65536];                   /* and back */
} mandel_palette;

typedef struct {
    mandel_list survivors, queue;
    double xs[MANDEL_TILE], ys[MANDEL_TILE];
    uint32_t counts[MANDEL_SAMPLES];              /* of one sample of every pixel, row by row */
    double squares[MANDEL_SAMPLES];
    uint16_t colours[MANDEL_SAMPLES];             /* their places in the palette */
    uint32_t sums[MANDEL_SAMPLES][3];             /* of linear light over a pixel's samples */
    uint32_t centre_counts[MANDEL_SAMPLES];       /* the tile's answer: of the pixels' centres */
    uint8_t rgb[MANDEL_SAMPLES][3];              /* and their colours */
    mandel_palette palette;
    int32_t plane[MANDEL_SAMPLES];
    int checks;                                   /* which of the MANDEL_CHECKs are on */
    int adds_apart;                               /* hydra_adds_apart(): of speed alone */
    int (*poll)(void);                            /* whether to give up; asked every 25 ms */
    int64_t poll_ms;                              /* when to ask next */
} mandel_work;

/* A sample of a survey on its way, and the part of the picture that it speaks for. */
typedef struct {
    double x, y, cx, cy;
    uint32_t part;
} mandel_scout;

/* A part of the picture. */
typedef struct {
    uint32_t column, row;                         /* of its upper left pixel */
    int width, height;
} mandel_box;

#endif
