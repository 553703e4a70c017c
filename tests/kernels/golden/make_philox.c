/* Makes philox.json, the known answers of the pi kernel's second generator.
 *
 *     cc -O2 -I ../../../hydra/kernels/native make_philox.c -o /tmp/make_philox
 *     /tmp/make_philox > philox.json
 *
 * It uses the scalar definition alone: no vectors, and the exact test for every point.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pi_philox.h"

static void print_vector(uint64_t key, uint32_t a, uint32_t b, uint32_t c, uint32_t d,
                         const char *end)
{
    uint32_t words[4] = {a, b, c, d};
    philox4x32(key, words);
    printf("    [%" PRIu64 ", [%" PRIu32 ", %" PRIu32 ", %" PRIu32 ", %" PRIu32 "], \"", key, a, b,
           c, d);
    for (int i = 0; i < 4; i++)
        printf("%08" PRIx32 "%s", words[i], i < 3 ? " " : "\"]");
    printf("%s\n", end);
}

static void print_hits(uint64_t seed, uint64_t block, uint64_t points, const char *end)
{
    uint64_t outside = 0, left = points;
    for (uint64_t b = block; left > 0; b++) {
        uint32_t now = left < PI_BLOCK_POINTS ? (uint32_t)left : PI_BLOCK_POINTS;
        outside += pi_philox_scalar_outside(seed, b, 0, now);
        left -= now;
    }
    printf("    [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]%s\n", seed, block, points,
           points - outside, end);
}

int main(void)
{
    const uint64_t unit = PI_BLOCK_POINTS, last_block = UINT64_C(1000000000000000000) / unit - 1;

    printf("{\n  \"vectors\": [\n");
    print_vector(0, 0, 0, 0, 0, ",");
    print_vector(UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, ",");
    print_vector(UINT64_C(0x299F31D0A4093822), 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, "");
    printf("  ],\n  \"columns\": [\"seed\", \"first block\", \"points\", \"hits\"],\n");
    printf("  \"hits\": [\n");
    print_hits(1, 0, 2000000, ",");
    print_hits(7, 0, 1, ",");
    print_hits(7, 0, 255, ",");
    print_hits(7, 0, 256, ",");
    print_hits(7, 0, 1000, ",");
    print_hits(7, 3, unit + 1, ",");
    print_hits(0, 0, 2 * unit, ",");
    print_hits(UINT64_MAX, last_block, unit, ",");
    print_hits(UINT64_C(9876543210987654321), last_block - 1, unit + 77777, "");
    printf("  ]\n}\n");
    return 0;
}
