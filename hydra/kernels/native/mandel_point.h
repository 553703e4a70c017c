/* What a pixel of the mandelbrot kernel is, exactly: the definition that every fast path must
 * agree with, bit for bit.
 *
 * All arithmetic is IEEE double, rounded to nearest, in the order written here; nothing is fused
 * but what is exact either way. An iteration takes z = (x, y) to
 *
 *     x' = (x * x - y * y) + cx        y' = (x * y + x * y) + cy
 *
 * The count of a point is the first n from 1 to `iterations` with x'^2 + y'^2 > bailout^2 after n
 * iterations, and that sum is its square; a point that does not escape has count 0 and square 0.
 * For the Mandelbrot set z starts at 0 and c is the point; for a Julia set z starts at the point.
 *
 * Where the points are: the sample at (a, b) of the pixel in column k and row r, both from 0, row 0
 * on top, is
 *
 *     x = centre_x + ((2k + 1 - columns) + a) * half       half = width / (2 * columns)
 *     y = centre_y - ((2r + 1 - rows) + b) * half
 *
 * with a and b in (-1, 1), and 0 for the centre, whose count is the pixel's. 2k + 1 - columns is a
 * whole number, so mirrored columns and rows have offsets that are exact negatives of each other:
 * with centre_y = 0 the picture of the Mandelbrot set is symmetric to the last bit. A tile needs
 * nothing but its own column and row numbers.
 */
#ifndef HYDRA_MANDEL_POINT_H
#define HYDRA_MANDEL_POINT_H

#include <stdint.h>

/* A picture: what is computed of which points. */
typedef struct {
    double centre_x, centre_y;
    double half_pixel;     /* width / (2 * columns) */
    double julia_x, julia_y;
    double bailout_square;
    double log_scale;      /* 1 / log2(bailout_square), see mandel_colour.h */
    double density;
    uint32_t columns, rows;
    uint32_t iterations;
    int julia;             /* whether the points are starts rather than constants */
    int antialias;         /* samples across a pixel; each is this many squared */
} mandel_view;

static inline double mandel_x(const mandel_view *view, uint32_t column, double a)
{
    return view->centre_x + ((2.0 * column + 1.0 - view->columns) + a) * view->half_pixel;
}

static inline double mandel_y(const mandel_view *view, uint32_t row, double b)
{
    return view->centre_y - ((2.0 * row + 1.0 - view->rows) + b) * view->half_pixel;
}

/* The count of one point; its square goes to *square. */
static inline uint32_t mandel_count(const mandel_view *view, double px, double py, double *square)
{
    double x = view->julia ? px : 0.0, y = view->julia ? py : 0.0;
    double cx = view->julia ? view->julia_x : px, cy = view->julia ? view->julia_y : py;
    for (uint32_t n = 1; n <= view->iterations; n++) {
        double x2 = x * x, y2 = y * y, xy = x * y;
        x = (x2 - y2) + cx;
        y = (xy + xy) + cy;
        *square = x * x + y * y;
        if (*square > view->bailout_square)
            return n;
    }
    *square = 0.0;
    return 0;
}

#endif
