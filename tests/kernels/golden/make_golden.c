/* Makes pi.json, the known answers that every edition of the pi kernel is tested against.
 *
 *     cc -O2 -I ../../../hydra/kernels/native make_golden.c -o /tmp/make_golden
 *     /tmp/make_golden > pi.json
 *
 * It uses the scalar definition alone: no vectors, no dispatch, and the exact test for every point
 * rather than for the undecided ones.
 */
#include <inttypes.h>
#include <stdio.h>

#include "pi_block.h"

enum { STREAM_BYTES = 512 };

static void print_stream(const char *name, const uint64_t seed[4], const char *end)
{
    shishua_scalar g;
    shishua_seed(&g, seed);
    printf("  \"%s\": \"", name);
    for (int done = 0; done < STREAM_BYTES; done += (int)sizeof g.output) {
        const unsigned char *byte = (const unsigned char *)g.output;
        for (size_t i = 0; i < sizeof g.output; i++)
            printf("%02x", byte[i]);
        shishua_step(&g);
    }
    printf("\"%s\n", end);
}

static void print_hits(uint64_t seed, uint64_t block, uint64_t points, const char *end)
{
    uint64_t outside = 0, left = points;
    for (uint64_t b = block; left > 0; b++) {
        uint32_t now = left < PI_BLOCK_POINTS ? (uint32_t)left : PI_BLOCK_POINTS;
        outside += pi_scalar_outside(seed, b, 0, now);
        left -= now;
    }
    printf("    [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64 "]%s\n", seed, block, points,
           points - outside, end);
}

int main(void)
{
    static const uint64_t seed_zero[4] = {0, 0, 0, 0};
    static const uint64_t seed_pi[4] = {0x243f6a8885a308d3, 0x13198a2e03707344, 0xa409382229f31d00,
                                        0x82efa98ec4e6c894};
    const uint64_t unit = PI_BLOCK_POINTS, last_block = UINT64_C(1000000000000000000) / unit - 1;

    printf("{\n");
    print_stream("stream_of_seed_zero", seed_zero, ",");
    print_stream("stream_of_seed_pi", seed_pi, ",");
    printf("  \"columns\": [\"seed\", \"first block\", \"points\", \"hits\"],\n  \"hits\": [\n");
    print_hits(1, 0, 2000000, ",");
    print_hits(1, 3, 2 * unit, ",");
    print_hits(7, 3, 4 * unit, ",");
    print_hits(7, 0, 1, ",");
    print_hits(7, 0, 63, ",");
    print_hits(7, 0, 64, ",");
    print_hits(7, 0, 1000, ",");
    print_hits(7, 0, unit - 1, ",");
    print_hits(7, 0, unit + 1, ",");
    print_hits(0, 0, 4 * unit, ",");
    print_hits(0, 1, 4 * unit - 32, ",");
    print_hits(UINT64_MAX, 0, 4 * unit, ",");
    print_hits(UINT64_MAX, last_block, unit, ",");
    print_hits(UINT64_C(9876543210987654321), last_block - 3, 3 * unit + 77777, "");
    printf("  ]\n}\n");
    return 0;
}
