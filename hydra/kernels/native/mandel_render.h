/* The mandelbrot kernel's walk over the samples of a tile. Included by mandel_dispatch.h once for
 * each instruction set; mandel_point.h says what the counts must be.
 *
 * (P) Problem. An iteration is six operations that wait for each other, and the obvious loop tests
 *     for escape after each; vectors of neighbours idle until the last of them has escaped.
 *
 * (L) Lanes. MANDEL_LANES orbits run side by side in MANDEL_CHAINS vectors, enough to hide the
 *     latency. A lane whose orbit has ended takes the next sample, so all stay busy to the end.
 *
 * (T) Bursts without tests. From bailout 4 on, an orbit beyond the bailout never comes back: c is
 *     not larger than the bailout (else it escaped at once; a Julia constant has |c| < 3), so
 *     |z'| >= |z|^2 - |c| >= |z| * (|z| - 1) >= 3 |z|, far above rounding. So 16 iterations run
 *     untested, then one compare finds all that have escaped, also at infinity or NaN, which cost
 *     nothing here. Below bailout 4 every iteration is watched.
 *
 * (Q) Queue. An escaped lane leaves its z from the start of the burst in a queue; when the queue is
 *     long, those 16 iterations are done again, counted exactly, at full width.
 *
 * (F) First 16 iterations. Most points of a wide view end there, so all are counted exactly first;
 *     only the survivors, packed together, go to the lanes.
 *
 * (C) Checks that change no count. Points of the main cardioid and of the disc left of it do not
 *     escape (a margin of 1e-12 stays clear of rounding). An orbit that comes back to exactly an
 *     earlier z repeats for ever, as the arithmetic is deterministic: z is kept at doubling
 *     intervals and compared at every sweep. Sweeps become rare where they find nothing.
 *
 * (M) Mixed. Six operations an iteration where 2xy + c is fused, four of them on the units that
 *     multiply; seven where it is added twice, three of them there. Where all units do both, fewer
 *     is better. Zen adds on two units and multiplies on two others: fusing in every third vector
 *     loads both alike, 10 operations each for three vectors. The bits are the same.
 *
 * (B) Bound, in iterations a cycle on 512-bit vectors: 2.67 on two units for anything, 2.4 on Zen 4
 *     (2.0 if all is fused). Bursts alone reach 2.53 and 2.15.
 *
 * (R) Rejected. Testing every iteration with vectors of neighbours: half the speed. Border tracing:
 *     wrong pixels. Fusing all that can be: 1.3 times faster, but for the same bits a processor
 *     without it would have to imitate it, 15 times slower. Bursts of 8 or 32, 7 or 8 chains, and
 *     refilling lanes by compressed vectors: slower.
 *
 * Needs MANDEL_ISA and MANDEL_VECTOR_BYTES, inside that set's target region.
 */

#define MANDEL_JOIN2(name, isa) name##_##isa
#define MANDEL_JOIN(name, isa) MANDEL_JOIN2(name, isa)
#define MANDEL_(name) MANDEL_JOIN(name, MANDEL_ISA)

#include "mandel_lanes.h"
#include "mandel_colour.h"
#include "mandel_differ.h"

/* Give a lane the next survivor, or nobody. */
MANDEL_INLINE int MANDEL_(mandel_fill)(ORBITS *orbits, int lane, const mandel_list *from, int *next,
                                       int64_t burst)
{
    int some = *next < from->many, at = some ? (*next)++ : MANDEL_SAMPLES;
    orbits->x[lane] = from->x[at];
    orbits->y[lane] = from->y[at];
    orbits->cx[lane] = from->cx[at];
    orbits->cy[lane] = from->cy[at];
    orbits->sample[lane] = some ? from->sample[at] : MANDEL_NOBODY;
    orbits->begun[lane] = burst - 1; /* the first 16 iterations are done */
    orbits->kept_x[lane] = orbits->kept_y[lane] = MANDEL_NO_PLACE;
    orbits->keep_at[lane] = burst + MANDEL_KEEP_FIRST;
    return some;
}

/* Count the queue's last iterations and hand the results in. */
static __attribute__((noinline)) void MANDEL_(mandel_flush)(const mandel_view *view,
                                                            mandel_work *work)
{
    mandel_list *queue = &work->queue;
    for (int at = queue->many; at % MANDEL_GROUP; at++)
        queue->x[at] = queue->y[at] = queue->cx[at] = queue->cy[at] = 0.0;
    for (int at = 0; at < queue->many; at += MANDEL_GROUP)
        MANDEL_(mandel_exact)(queue, at, view->bailout_square);
    for (int at = 0; at < queue->many; at++) {
        uint32_t count = queue->base[at] + queue->count[at];
        if (queue->count[at] && count <= view->iterations) {
            work->counts[queue->sample[at]] = count;
            work->squares[queue->sample[at]] = queue->square[at];
        }
    }
    queue->many = 0;
}

MANDEL_INLINE void MANDEL_(mandel_push)(mandel_list *queue, const ORBITS *orbits, int lane,
                                        double x, double y, int64_t base)
{
    int at = queue->many++;
    queue->x[at] = x;
    queue->y[at] = y;
    queue->cx[at] = orbits->cx[lane];
    queue->cy[at] = orbits->cy[lane];
    queue->base[at] = (uint32_t)base;
    queue->sample[at] = orbits->sample[lane];
}

/* End orbits that are at the limit or in a cycle, and keep z where it is time; how many ended.
 * Lanes that find no successor are taken off *active.
 */
static __attribute__((noinline)) int MANDEL_(mandel_sweep)(const mandel_view *view,
                                                           mandel_work *work, ORBITS *orbits,
                                                           int *next, int *active, int64_t burst)
{
    const int64_t whole = view->iterations / MANDEL_BURST;
    int64_t some = 0;
    int ended = 0;
    for (int lane = 0; lane < MANDEL_LANES; lane++)
        some |= (burst - orbits->begun[lane] >= whole) |
                ((orbits->x[lane] == orbits->kept_x[lane]) &
                 (orbits->y[lane] == orbits->kept_y[lane]));
    for (int lane = 0; some && lane < MANDEL_LANES; lane++) {
        int64_t done = (burst - orbits->begun[lane]) * MANDEL_BURST;
        int cycle = orbits->x[lane] == orbits->kept_x[lane] &&
                    orbits->y[lane] == orbits->kept_y[lane];
        if (orbits->sample[lane] == MANDEL_NOBODY || (done < whole * MANDEL_BURST && !cycle))
            continue;
        if (!cycle && done < view->iterations)
            MANDEL_(mandel_push)(&work->queue, orbits, lane, orbits->x[lane], orbits->y[lane],
                                 done);
        *active -= !MANDEL_(mandel_fill)(orbits, lane, &work->survivors, next, burst);
        ended++;
    }
    if (work->checks & MANDEL_CHECK_CYCLES) {
        for (int lane = 0; lane < MANDEL_LANES; lane++) {
            int keep = burst >= orbits->keep_at[lane];
            orbits->kept_x[lane] = keep ? orbits->x[lane] : orbits->kept_x[lane];
            orbits->kept_y[lane] = keep ? orbits->y[lane] : orbits->kept_y[lane];
            orbits->keep_at[lane] = keep ? 2 * burst - orbits->begun[lane] : orbits->keep_at[lane];
        }
    }
    return ended;
}

/* The survivors of the first 16 iterations, to their ends. */
static int MANDEL_(mandel_run)(const mandel_view *view, mandel_work *work)
{
    uint64_t (*const run_burst)(ORBITS *, int64_t *, int64_t, double) =
        view->bailout_square < MANDEL_NO_RETURN_SQUARE ? MANDEL_(mandel_burst_watched)
        : work->adds_apart                             ? MANDEL_(mandel_burst_mixed)
                                                       : MANDEL_(mandel_burst_fused);
    mandel_list *queue = &work->queue;
    ORBITS orbits;
    int next = 0, active = 0, sweeps = 0;
    int64_t burst = 0, pause = MANDEL_SWEEP_MIN, sweep_at = pause;
    work->survivors.x[MANDEL_SAMPLES] = work->survivors.y[MANDEL_SAMPLES] = 0.0;
    work->survivors.cx[MANDEL_SAMPLES] = work->survivors.cy[MANDEL_SAMPLES] = 0.0;
    queue->many = 0;
    for (int lane = 0; lane < MANDEL_LANES; lane++)
        active += MANDEL_(mandel_fill)(&orbits, lane, &work->survivors, &next, burst);
    while (active) {
        uint64_t escaped = run_burst(&orbits, &burst, sweep_at, view->bailout_square);
        for (; escaped; escaped &= escaped - 1) {
            int lane = __builtin_ctzll(escaped);
            MANDEL_(mandel_push)(queue, &orbits, lane, orbits.before_x[lane], orbits.before_y[lane],
                                 (burst - 1 - orbits.begun[lane]) * MANDEL_BURST);
            active -= !MANDEL_(mandel_fill)(&orbits, lane, &work->survivors, &next, burst);
        }
        if (burst >= sweep_at) {
            int ended = MANDEL_(mandel_sweep)(view, work, &orbits, &next, &active, burst);
            pause = ended ? MANDEL_SWEEP_MIN : pause < MANDEL_SWEEP_MAX ? 2 * pause : pause;
            sweep_at = burst + pause;
            if (++sweeps % MANDEL_POLL_SWEEPS == 0 && mandel_give_up(work))
                return -1;
        }
        if (queue->many > MANDEL_QUEUE)
            MANDEL_(mandel_flush)(view, work);
    }
    MANDEL_(mandel_flush)(view, work);
    return 0;
}

/* Counts and squares of `width` x `height` samples at work->xs, work->ys. */
static int MANDEL_(mandel_samples)(const mandel_view *view, mandel_work *work, int width,
                                   int height)
{
    mandel_list *list = &work->survivors;
    memset(work->counts, 0, sizeof work->counts);
    memset(work->squares, 0, sizeof work->squares);
    list->many = 0;
    for (int row = 0; row < height;) {
        int first = list->many;
        for (; row < height && list->many - first < MANDEL_FIRST; row++)
            mandel_gather(view, work, width, row);
        int stop = list->many;
        for (int at = stop; (at - first) % MANDEL_GROUP; at++)
            list->x[at] = list->y[at] = list->cx[at] = list->cy[at] = 0.0;
        for (int at = first; at < stop; at += MANDEL_GROUP)
            MANDEL_(mandel_exact)(list, at, view->bailout_square);
        mandel_pack(view, work, first, stop);
    }
    return view->iterations > MANDEL_BURST ? MANDEL_(mandel_run)(view, work) : 0;
}

#include "mandel_survey.h"

#undef MANDEL_JOIN2
#undef MANDEL_JOIN
#undef MANDEL_
#undef MANDEL_WIDTH
#undef MANDEL_LANES
#undef MANDEL_GROUP
#undef MANDEL_INLINE
#undef REALS
#undef BITS
#undef SET
#undef ORBITS
#undef MANDEL_ISA
#undef MANDEL_VECTOR_BYTES
#undef MANDEL_CHAINS
#undef MANDEL_ABREAST
