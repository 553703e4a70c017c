/* Prints what each instruction set of the machine it runs on computes, for test_compilers.py:
 * a line for each with the hash of a stream's normals, hits by both generators, an option's sums.
 */
#include <inttypes.h>
#include <stdio.h>

#include "option.h"
#include "pi_dispatch.h"
#include "streams_dispatch.h"

enum { NORMALS = 20000, UNIT_DRAWS = 3000, POINTS = 200001 };

int main(void)
{
    static double normals[NORMALS];
    const option_contract contract = {0.4, 1.0, 0.9, 0, 1};
    for (int isa = 0; isa < HYDRA_ISAS; isa++) {
        uint64_t hash = 0, sums[OPTION_LIMBS] = {0};
        if (!hydra_isa_supported(isa))
            continue;
        hydra_fill_as(isa, HYDRA_FILL_NORMALS, 5, 6, normals, NORMALS);
        for (int i = 0; i < NORMALS; i++)
            hash = hash * 31 + hydra_bits(normals[i]);
        option_unit(isa, &contract, 3, 4, UNIT_DRAWS, sums);
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64, hash, pi_block_hits(isa, 1, 2, POINTS),
               pi_philox_block_hits(isa, 1, 2, POINTS));
        for (int i = 0; i < OPTION_LIMBS; i++)
            printf(" %" PRIu64, sums[i]);
        printf("\n");
    }
    return 0;
}
