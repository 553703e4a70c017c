/* Makes streams.json, the known numbers that every edition of the streams is tested against.
 *
 *     cc -O2 -ffp-contract=off -I ../../../hydra/kernels/native make_streams.c -lm -o /tmp/streams
 *     /tmp/streams > streams.json
 *
 * It draws word by word from the scalar generator: no vectors, no batches, no dispatch. Normals are
 * given as their bits.
 */
#include <inttypes.h>
#include <stdio.h>

#include "streams.h"

enum { KEPT = 8 };

static uint64_t word_at(uint64_t seed, uint64_t unit, uint64_t index)
{
    const uint64_t words[4] = {seed, unit, HYDRA_STREAM_TAG + index / 16 % 2, 0};
    shishua_scalar g;
    shishua_seed(&g, words);
    for (uint64_t step = 0; step <= index / HYDRA_STEP_WORDS; step++)
        shishua_step(&g);
    return g.output[index / 4 % 4][index % 4];
}

static void print_end(uint64_t word, const char *end)
{
    printf("    [%" PRIu64 ", %" PRIu64 "]%s\n", word, hydra_bits(hydra_normal(word)), end);
}

static void print_row(uint64_t seed, uint64_t unit, uint64_t first, const char *end)
{
    printf("    [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", [", seed, unit, first);
    for (uint64_t i = 0; i < KEPT; i++)
        printf("%" PRIu64 "%s", word_at(seed, unit, first + i), i < KEPT - 1 ? ", " : "], [");
    for (uint64_t i = 0; i < KEPT; i++)
        printf("%" PRIu64 "%s", hydra_bits(hydra_normal(word_at(seed, unit, first + i))),
               i < KEPT - 1 ? ", " : "]]");
    printf("%s\n", end);
}

int main(void)
{
    printf("{\n  \"columns\": [\"seed\", \"unit\", \"first\", \"words\", \"normals' bits\"],\n");
    printf("  \"draws\": [\n");
    print_row(0, 0, 0, ",");
    print_row(1, 0, 12, ",");
    print_row(1, 1, 28, ",");
    print_row(7, 3, 1000, ",");
    print_row(UINT64_MAX, 0, 250, ",");
    print_row(0, UINT64_MAX, 508, ",");
    print_row(UINT64_C(9876543210987654321), UINT64_C(1) << 53, 65528, "");
    printf("  ],\n  \"ends\": [\n");
    for (int shift = 12; shift < 63; shift += 3) /* words ever nearer to the middle */
        print_end(UINT64_C(1) << shift, ",");
    print_end(0, ",");
    print_end(UINT64_MAX, ",");
    print_end(UINT64_C(1) << 63, "");
    printf("  ]\n}\n");
    return 0;
}
