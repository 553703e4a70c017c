/* The pi kernel's counting loop: points of a block outside the quarter disc, in vectors. Included
 * by pi_dispatch.h once for each instruction set; pi_block.h says what the count must be.
 *
 * (P) Problem. Exact 48-bit coordinates want 96 random bits and a 128-bit compare for each point;
 *     the generator, at about 10 cycles for 2048 bits, would be nearly all of the cost.
 *
 * (I) Idea: lazy low bits. Let hx = X^2 >> 16 and hy = Y^2 >> 16 of the top 16-bit words: one
 *     multiply each on a whole vector of points. If S = hx + hy >= 65536, the carry, the point is
 *     outside whatever its low bits; if S <= 65531 it is inside whatever they are (both hold for
 *     all 2^32 word pairs). Only S in 65532..65535, one point in 20 867, needs the exact test with
 *     its 64 low bits from a hash. So a point costs 32 random bits and the count stays exact.
 *
 * (E) Events. A step with an undecided point only stores its output in a short list, resolved
 *     after the block: a call inside the loop would spill every vector register (7 % of the time;
 *     the list takes 1-2 %).
 *
 * (B) Bound. Operations per 64 points, generator and test: 19 + 13 on 512 bits, 38 + 26 on 256,
 *     92 + 66 on 128 (a turn by 32 bits across two registers is 2). On Intel's two 512-bit units
 *     that is 16.0 cycles, on three 256-bit ones 21.3, on three 128-bit ones 52.7; Zen 4 has two,
 *     four and four. probe.h measures how many of them a processor does in a second.
 *
 * (R) Rejected. Counter-based generators (Philox): five times the work per bit. xoshiro+: weak low
 *     bits, which Y would use. A masked subtraction instead of popcounts with AVX-512: one path
 *     less, but 6 % slower on Zen 4; with AVX2 a tally in lanes: 10 % slower. Compiler-vectorised
 *     plain C: 55-67 % of this, and only with one compiler. 32-bit words or doubles for a
 *     coordinate: twice the generator's work or more.
 *
 * Needs PI_ISA and PI_VECTOR_BYTES, as described in pi_lanes.h, inside that set's target region.
 */

#define PI_JOIN2(name, isa) name##_##isa
#define PI_JOIN(name, isa) PI_JOIN2(name, isa)
#define PI_(name) PI_JOIN(name, PI_ISA)

#include "pi_lanes.h"

typedef struct {
    ROW state[SHISHUA_ROWS];
    ROW counter;
} PI_(pi_generator);

/* shishua_step, on one instance or on both side by side. */
PI_INLINE void PI_(pi_step)(PI_(pi_generator) *g, ROW output[SHISHUA_ROWS])
{
    ROW shifted[SHISHUA_ROWS], turned[SHISHUA_ROWS], gain;
    memcpy(&gain, pi_counter_gain, sizeof gain);
    for (int part = 0; part < PI_PARTS; part++) {
        g->state[1].part[part] += g->counter.part[part];
        g->state[3].part[part] += g->counter.part[part];
        g->counter.part[part] += gain.part[part];
    }
    for (int row = 0; row < SHISHUA_ROWS; row++) {
        turned[row] = row % 2 ? PI_(pi_turn3)(g->state[row]) : PI_(pi_turn5)(g->state[row]);
        for (int part = 0; part < PI_PARTS; part++) {
            shifted[row].part[part] = g->state[row].part[part] >> (row % 2 ? 3 : 1);
            g->state[row].part[part] = turned[row].part[part] + shifted[row].part[part];
        }
    }
    for (int part = 0; part < PI_PARTS; part++) {
        output[0].part[part] = shifted[0].part[part] ^ turned[1].part[part];
        output[1].part[part] = shifted[2].part[part] ^ turned[3].part[part];
        output[2].part[part] = g->state[0].part[part] ^ g->state[3].part[part];
        output[3].part[part] = g->state[2].part[part] ^ g->state[1].part[part];
    }
}

/* shishua_seed, for the instance or instances from `instance` on. */
PI_INLINE void PI_(pi_start)(PI_(pi_generator) *g, uint64_t seed, uint64_t block,
                             unsigned instance)
{
    uint64_t rows[SHISHUA_ROWS][PI_TOGETHER][SHISHUA_LANES];
    ROW output[SHISHUA_ROWS];
    for (unsigned n = 0; n < PI_TOGETHER; n++) {
        uint64_t words[4], state[SHISHUA_ROWS][SHISHUA_LANES];
        pi_seed_words(seed, block, instance + n, words);
        shishua_lay_seed(state, words);
        for (int row = 0; row < SHISHUA_ROWS; row++)
            memcpy(rows[row][n], state[row], sizeof state[row]);
    }
    memcpy(g->state, rows, sizeof g->state);
    memset(&g->counter, 0, sizeof g->counter);
    for (int round = 0; round < SHISHUA_SEED_ROUNDS; round++) {
        PI_(pi_step)(g, output);
        for (int row = 0; row < SHISHUA_ROWS; row++)
            g->state[row] = output[SHISHUA_ROWS - 1 - row];
    }
}

/* A step in which at least one point is undecided. */
typedef struct {
    ROW output[SHISHUA_ROWS];
    uint32_t step;
} PI_(pi_event);

/* The undecided lanes of one part of one pair: all ones where undecided. */
PI_INLINE V16 PI_(pi_undecided)(V64 x_words, V64 y_words)
{
    V16 x2 = PI_(pi_high_square)((V16)x_words);
    V16 sum = x2 + PI_(pi_high_square)((V16)y_words);
    return (V16)((sum >= PI_UNDECIDED_FROM) & (sum >= x2)); /* the second: no carry */
}

/* One undecided point: what the exact test adds to the count, less what the tally has already. */
static int PI_(pi_correction)(const PI_(pi_event) *event, int pair, unsigned word, uint64_t seed,
                              uint64_t block, unsigned instance)
{
    uint16_t x, y;
    memcpy(&x, (const char *)&event->output[2 * pair] + word * sizeof x, sizeof x);
    memcpy(&y, (const char *)&event->output[2 * pair + 1] + word * sizeof y, sizeof y);
    uint32_t stream = (instance + word / PI_LANES) * PI_PAIRS + (unsigned)pair;
    uint32_t index = event->step * PI_STEP_POINTS + stream * PI_LANES + word % PI_LANES;
    uint32_t sum = ((uint32_t)x * x >> 16) + ((uint32_t)y * y >> 16);
    return (int)pi_outside(seed, block, index, x, y) - (sum >= PI_COUNTED_FROM);
}

static __attribute__((noinline)) int PI_(pi_resolve)(const PI_(pi_event) *events, int many,
                                                     uint64_t seed, uint64_t block,
                                                     unsigned instance)
{
    int correction = 0;
    for (const PI_(pi_event) *event = events; event < events + many; event++) {
        for (int pair = 0; pair < PI_PAIRS; pair++) {
            uint64_t quads[PI_ROW_BYTES / 8]; /* four points each: nearly all are zero */
            for (int part = 0; part < PI_PARTS; part++) {
                V16 undecided = PI_(pi_undecided)(event->output[2 * pair].part[part],
                                                  event->output[2 * pair + 1].part[part]);
                memcpy((char *)quads + part * PI_VECTOR_BYTES, &undecided, sizeof undecided);
            }
            for (unsigned quad = 0; quad < PI_ROW_BYTES / 8; quad++)
                for (unsigned word = 4 * quad; quads[quad] != 0; quads[quad] >>= 16, word++)
                    if (quads[quad] & 1)
                        correction +=
                            PI_(pi_correction)(event, pair, word, seed, block, instance);
        }
    }
    return correction;
}

/* Points outside in the first `steps` steps of the instance, or instances, from `instance` on. */
PI_INLINE int64_t PI_(pi_count)(uint64_t seed, uint64_t block, unsigned instance, uint32_t steps)
{
    PI_(pi_generator) g;
    PI_(pi_event) events[PI_EVENTS];
    TALLY tally = {0};
    int many = 0;
    int64_t outside = 0;

    PI_(pi_start)(&g, seed, block, instance);
    for (uint32_t step = 0; step < steps; step++) {
        ROW output[SHISHUA_ROWS];
        PI_(pi_step)(&g, output);
        if (__builtin_expect(PI_(pi_judge)(output, &tally), 0)) {
            memcpy(events[many].output, output, sizeof output);
            events[many].step = step;
            if (++many == PI_EVENTS) {
                outside += PI_(pi_resolve)(events, many, seed, block, instance);
                many = 0;
            }
        }
    }
    outside += PI_(pi_total)(&tally);
    return outside + PI_(pi_resolve)(events, many, seed, block, instance);
}

/* Points outside in the first `steps` steps of a block. */
static uint32_t PI_(pi_outside_in_steps)(uint64_t seed, uint64_t block, uint32_t steps)
{
    int64_t outside = 0;
    for (unsigned instance = 0; instance < PI_INSTANCES; instance += PI_TOGETHER)
        outside += PI_(pi_count)(seed, block, instance, steps);
    return (uint32_t)outside;
}

#undef PI_JOIN2
#undef PI_JOIN
#undef PI_
#undef PI_PARTS
#undef PI_TOGETHER
#undef PI_ROW_BYTES
#undef PI_INLINE
#undef PI_COUNTED_FROM
#undef V64
#undef V16
#undef ROW
#undef TALLY
#undef PI_ISA
#undef PI_VECTOR_BYTES
