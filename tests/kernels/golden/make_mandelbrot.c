/* Makes mandelbrot.json, the known answers that every edition of the mandelbrot kernel is tested
 * against.
 *
 *     cc -O1 -ffp-contract=off -I ../../../hydra/kernels/native make_mandelbrot.c -o /tmp/make
 *     /tmp/make > mandelbrot.json
 *
 * It uses the scalar definition alone: no vectors, no bursts, no checks.
 */
#include <inttypes.h>
#include <stdio.h>

#include "mandel_point.h"

typedef struct {
    const char *set;
    double centre_x, centre_y, width;
    uint32_t columns, rows, iterations;
    double bailout, julia_x, julia_y, a, b;
} picture;

static const picture pictures[] = {
    {"mandelbrot", -0.75, 0, 3, 16, 11, 500, 256, 0, 0, 0, 0},
    {"mandelbrot", -0.75, 0, 3, 16, 11, 500, 256, 0, 0, 0.5, -0.25},
    {"mandelbrot", -0.743643887037151, 0.131825904205330, 1e-5, 12, 12, 5000, 256, 0, 0, 0, 0},
    {"mandelbrot", -0.1225611668766536, 0.7448617666197443, 0.25, 9, 9, 5000, 256, 0, 0, 0, 0},
    {"mandelbrot", -1.7548776662466927, 0, 0.05, 13, 5, 2000, 1e5, 0, 0, 0, 0},
    {"mandelbrot", 0.25, 0, 1e-9, 7, 7, 20000, 256, 0, 0, 0, 0},
    {"mandelbrot", -0.5, 0.25, 30, 9, 5, 100, 2, 0, 0, 0, 0},
    {"mandelbrot", -2, 0, 0.01, 9, 3, 300, 2, 0, 0, 0, 0},
    {"mandelbrot", -0.75, 0, 3, 8, 8, 1, 4, 0, 0, 0, 0},
    {"mandelbrot", -0.75, 0, 3, 8, 8, 15, 4, 0, 0, 0, 0},
    {"mandelbrot", -0.75, 0, 3, 8, 8, 16, 4, 0, 0, 0, 0},
    {"mandelbrot", -0.75, 0, 3, 8, 8, 17, 4, 0, 0, 0, 0},
    {"mandelbrot", 0.3, 0.02, 3, 1, 1, 1000, 256, 0, 0, 0, 0},
    {"julia", 0, 0, 3.2, 14, 9, 1000, 256, -0.8, 0.156, 0, 0},
    {"julia", 0, 0, 3.2, 14, 9, 1000, 2, -0.4, 0.6, 0, 0},
    {"julia", 0.1, -0.2, 8, 11, 9, 200, 2, 2, -2, 0, 0},
    {"julia", 0, 0, 3, 9, 9, 400, 1e6, 0, 0, 0, 0},
};

static void print_picture(const picture *p, const char *end)
{
    mandel_view view = {
        .centre_x = p->centre_x, .centre_y = p->centre_y, .half_pixel = p->width / (2 * p->columns),
        .julia = p->set[0] == 'j', .julia_x = p->julia_x, .julia_y = p->julia_y,
        .bailout_square = p->bailout * p->bailout, .columns = p->columns, .rows = p->rows,
        .iterations = p->iterations,
    };
    printf("  {\"set\": \"%s\", \"centre_x\": %.17g, \"centre_y\": %.17g, \"width\": %.17g,\n"
           "   \"columns\": %" PRIu32 ", \"rows\": %" PRIu32 ", \"iterations\": %" PRIu32 ",\n"
           "   \"bailout\": %.17g, \"julia_x\": %.17g, \"julia_y\": %.17g,\n"
           "   \"a\": %.17g, \"b\": %.17g,\n   \"counts_and_squares\": [",
           p->set, p->centre_x, p->centre_y, p->width, p->columns, p->rows, p->iterations,
           p->bailout, p->julia_x, p->julia_y, p->a, p->b);
    for (uint32_t row = 0; row < p->rows; row++) {
        for (uint32_t column = 0; column < p->columns; column++) {
            double square;
            uint32_t count = mandel_count(&view, mandel_x(&view, column, p->a),
                                          mandel_y(&view, row, p->b), &square);
            printf("%s%" PRIu32 ", \"%a\"", column ? ", " : "", count, square);
        }
        printf(row + 1 < p->rows ? ",\n    " : "]}%s\n", end);
    }
}

int main(void)
{
    const size_t many = sizeof pictures / sizeof pictures[0];
    printf("[\n");
    for (size_t i = 0; i < many; i++)
        print_picture(&pictures[i], i + 1 < many ? "," : "");
    printf("]\n");
    return 0;
}
