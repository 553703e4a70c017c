/* The mandelbrot kernel for each instruction set in one translation unit, and the table that picks
 * one. mandel_render.h explains the constants.
 */
#ifndef HYDRA_MANDEL_DISPATCH_H
#define HYDRA_MANDEL_DISPATCH_H

#include <string.h>

#include "clock.h"
#include "isa.h"
#include "mandel_work.h"

enum {
    MANDEL_BURST = 16,        /* iterations without a test */
    MANDEL_LOOK = 4,          /* counted iterations between two looks whether all have escaped */
    MANDEL_SWEEP_MIN = 2,     /* bursts between two sweeps, where they end orbits */
    MANDEL_SWEEP_MAX = 8,     /* and where they do not */
    MANDEL_POLL_SWEEPS = 64,  /* sweeps between two looks at the clock: 0.1 ms or less */
    MANDEL_KEEP_FIRST = 3,    /* bursts after which z is first kept */
    MANDEL_QUEUE = 448,       /* entries that make a queue long */
    MANDEL_FIRST = 448,       /* samples whose first iterations are counted together, at least */
    MANDEL_STAGE = 4,         /* bursts of a survey's first stage */
    MANDEL_EARLY = 4,         /* part of its budget for which it follows all samples */
    MANDEL_PARTS_MAX = 16     /* parts of the picture for each sample that it follows on */
};
#define MANDEL_NOBODY UINT32_MAX
#define MANDEL_NO_PLACE 1e300          /* no z that is compared is there */
#define MANDEL_NO_RETURN_SQUARE 16.0   /* bailout 4, squared */
#define MANDEL_MARGIN (1 - 1e-12)      /* of the cardioid and the disc */

/* Whether the caller wants no more; asks at most every HYDRA_SIGNAL_CHECK_MS. */
static int mandel_give_up(mandel_work *work)
{
    int64_t now_ms = hydra_clock_ms();
    if (now_ms < work->poll_ms)
        return 0;
    work->poll_ms = now_ms + HYDRA_SIGNAL_CHECK_MS;
    return work->poll();
}

/* Whether the point is clearly inside the main cardioid or the disc left of it. */
static inline int mandel_stays(double x, double y)
{
    double y2 = y * y, left = x - 0.25, q = left * left + y2, disc = x + 1.0;
    return (q * (q + left) < 0.25 * y2 * MANDEL_MARGIN - 1e-300) |
           (disc * disc + y2 < 0.0625 * MANDEL_MARGIN);
}

/* Append a row's samples to the list, less those that the shape check knows to stay. */
static inline void mandel_gather(const mandel_view *view, mandel_work *work, int width, int row)
{
    mandel_list *list = &work->survivors;
    uint8_t stays[MANDEL_TILE] = {0};
    const double y = work->ys[row];
    int many = list->many;
    if (!view->julia && work->checks & MANDEL_CHECK_SHAPE) {
        for (int column = 0; column < width; column++)
            stays[column] = mandel_stays(work->xs[column], y);
    }
    for (int column = 0; column < width; column++) {
        double x = work->xs[column];
        list->x[many] = view->julia ? x : 0.0;
        list->y[many] = view->julia ? y : 0.0;
        list->cx[many] = view->julia ? view->julia_x : x;
        list->cy[many] = view->julia ? view->julia_y : y;
        list->sample[many] = (uint32_t)(row * width + column);
        many += !stays[column];
    }
    list->many = many;
}

/* Hand in the counts of a counted part of the list, and close the gaps that the escaped leave. */
static inline void mandel_pack(const mandel_view *view, mandel_work *work, int first, int stop)
{
    mandel_list *list = &work->survivors;
    int many = first;
    for (int at = first; at < stop; at++) {
        uint32_t count = list->count[at] <= view->iterations ? list->count[at] : 0;
        work->counts[list->sample[at]] = count;
        work->squares[list->sample[at]] = count ? list->square[at] : 0.0;
        list->x[many] = list->x[at];
        list->y[many] = list->y[at];
        list->cx[many] = list->cx[at];
        list->cy[many] = list->cy[at];
        list->sample[many] = list->sample[at];
        many += list->count[at] == 0;
    }
    list->many = many;
}

#define MANDEL_ISA base
#define MANDEL_VECTOR_BYTES 16
#define MANDEL_CHAINS 7
#define MANDEL_ABREAST 3
#include "mandel_render.h"

#if defined(__x86_64__)

HYDRA_BEGIN(HYDRA_AVX2_FMA)
#define MANDEL_ISA avx2
#define MANDEL_VECTOR_BYTES 32
#define MANDEL_CHAINS 7
#define MANDEL_ABREAST 3
#include "mandel_render.h"
HYDRA_END

HYDRA_BEGIN(HYDRA_AVX512_FMA)
#define MANDEL_ISA avx512
#define MANDEL_VECTOR_BYTES 64
#define MANDEL_CHAINS 6
#define MANDEL_ABREAST 3
#include "mandel_render.h"
HYDRA_END

#endif

typedef int mandel_samples_function(const mandel_view *view, mandel_work *work, int width,
                                    int height);
typedef void mandel_shade_function(const mandel_view *view, mandel_work *work, int many);
typedef void mandel_differ_function(const int32_t *plane, uint32_t *folded, int width, int pixels,
                                    int colour);
typedef int64_t mandel_survey_function(const mandel_view *view, mandel_scout *scouts, int many,
                                       int parts, int64_t budget, int64_t *work);

/* By enum hydra_isa. A set that is not supported here is never called. */
static const struct {
    mandel_samples_function *samples;
    mandel_shade_function *shade;
    mandel_differ_function *differ;
    mandel_survey_function *survey;
} mandel_functions[HYDRA_ISAS] = {
    {mandel_samples_base, mandel_shade_base, mandel_differ_base, mandel_survey_base},
#if defined(__x86_64__)
    {mandel_samples_avx2, mandel_shade_avx2, mandel_differ_avx2, mandel_survey_avx2},
    {mandel_samples_avx512, mandel_shade_avx512, mandel_differ_avx512, mandel_survey_avx512},
#endif
};

#endif
