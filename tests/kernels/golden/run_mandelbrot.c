/* Prints, for each view, each instruction set of this processor and both ways to add, digests of
 * the counts, the squares and the blobs of a few tiles, and of what a survey finds; ends if a blob
 * does not hold its tile. The tests compile it with every compiler they find.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mandel_tile.h"
#include "mandel_blob.h"

static int never(void) { return 0; }

static uint64_t digest(uint64_t so_far, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        so_far = (so_far ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001B3);
    return so_far;
}

static uint64_t survey(int isa, const mandel_view *view)
{
    static mandel_scout scouts[2 * MANDEL_SAMPLES];
    int64_t work[MANDEL_TILE] = {0}, reached;
    int many = 0;
    for (uint32_t row = 0; row < view->rows; row++) {
        for (uint32_t column = 0; column < view->columns; column++) {
            double x = mandel_x(view, column, 0.0), y = mandel_y(view, row, 0.0);
            if (view->julia)
                scouts[many++] = (mandel_scout){x, y, view->julia_x, view->julia_y, row};
            else if (!mandel_stays(x, y))
                scouts[many++] = (mandel_scout){0.0, 0.0, x, y, row};
        }
    }
    reached = mandel_functions[isa].survey(view, scouts, many, (int)view->rows, 100000,
                                            work);
    return digest(digest(1, work, sizeof work), &reached, sizeof reached);
}

static void run(const char *name, int isa, const mandel_view *view, mandel_work *work)
{
    uint64_t counts = 1, squares = 1, blobs = 1;
    for (uint32_t column = 0; column < view->columns; column += MANDEL_TILE) {
        mandel_box box = {column, 0, MANDEL_TILE, MANDEL_TILE - 3};
        uint8_t blob[MANDEL_BLOB_MAX + MANDEL_BLOB_SLACK], rgb[MANDEL_SAMPLES][3];
        uint32_t read[MANDEL_SAMPLES];
        size_t pixels = (size_t)(box.width * box.height), bytes;
        mandel_tile(isa, view, work, &box);
        bytes = (size_t)mandel_blob_write(isa, work, box.width, box.height, blob);
        blobs = digest(blobs, blob, bytes);
        if (mandel_blob_read(blob, bytes, read, rgb) < 0 || memcmp(rgb, work->rgb, 3 * pixels) ||
            memcmp(read, work->centre_counts, pixels * sizeof read[0]))
            exit(1);
        for (work->checks = 0; work->checks < 4; work->checks += 3) {
            mandel_sample(isa, view, work, &box, 0.25, -0.5);
            counts = digest(counts, work->counts, pixels * sizeof work->counts[0]);
            squares = digest(squares, work->squares, pixels * sizeof work->squares[0]);
        }
        work->checks = MANDEL_CHECK_SHAPE | MANDEL_CHECK_CYCLES;
    }
    printf("%s %s %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", name,
           hydra_isa_names[isa], counts, squares, blobs, survey(isa, view));
}

static void run_views(int isa, mandel_view view, mandel_work *work)
{
    run("whole", isa, &view, work);
    mandel_view julia = view;
    julia.julia = 1;
    julia.centre_x = 0.0;
    julia.antialias = 2;
    run("julia", isa, &julia, work);
    julia.bailout_square = 4.0;
    julia.log_scale = 0.5;
    run("near", isa, &julia, work);
    mandel_view deep = view;
    deep.centre_x = -0.743643887037151;
    deep.centre_y = 0.131825904205330;
    deep.half_pixel = 1e-8;
    deep.iterations = 1500;
    run("deep", isa, &deep, work);
}

int main(void)
{
    static const uint8_t stops[][3] = {{0, 7, 90}, {250, 240, 200}, {200, 80, 0}};
    static mandel_work work;
    uint16_t linear[256];
    for (int level = 0; level < 256; level++)
        linear[level] = (uint16_t)(level * level);
    mandel_paint(&work.palette, stops, 3, linear);
    work.poll = never;
    work.checks = MANDEL_CHECK_SHAPE | MANDEL_CHECK_CYCLES;
    mandel_view view = {
        .columns = 2 * MANDEL_TILE, .rows = MANDEL_TILE, .iterations = 700, .density = 1.0,
        .bailout_square = 65536.0, .log_scale = 1.0 / 16.0, .antialias = 1, .centre_x = -0.7,
        .half_pixel = 1.5 / MANDEL_TILE / 2, .julia_x = -0.8, .julia_y = 0.156,
    };
    for (int isa = 0; isa < HYDRA_ISAS; isa++) {
        for (work.adds_apart = 0; work.adds_apart < 2 && hydra_isa_supported(isa);
             work.adds_apart++)
            run_views(isa, view, &work);
    }
    return 0;
}
