/* How much work the parts of a picture are, told from samples spread over it. Included by
 * mandel_render.h, once for each instruction set.
 *
 * Work is counted in bursts of MANDEL_BURST iterations, up to the burst that ends a sample: it has
 * escaped, or is back at exactly the z that it had when the stage began, or is at the limit. Stages
 * double, so a cycle of any length is found (Brent's method). Samples that the shape check knows
 * are no work. The budget is kept in bursts, not in time, and nothing hangs on which samples run
 * side by side, so every machine finds the same numbers.
 *
 * Where pictures are expensive, some samples take a thousand times as long as others; to follow all
 * of them as far as the budget goes would tell only that they take longer than that. So all are
 * followed for a quarter of the budget. The rest is shared among the stages up to the limit: each
 * goes on with every second sample, or fourth, and so on, which then stand for two or four. It ends
 * early where they would become too few for the parts.
 */

/* Up to `bursts` more of each scout, which stands for `weight`; those that have not ended, packed
 * together: how many.
 */
static int MANDEL_(mandel_stage)(const mandel_view *view, mandel_scout *scouts, int many,
                                 int64_t bursts, int64_t weight, int64_t *work)
{
    int left = 0;
    for (int at = 0; at < many; at += MANDEL_LANES) {
        const int some = many - at < MANDEL_LANES ? many - at : MANDEL_LANES;
        int64_t going[MANDEL_LANES] = {0}, done[MANDEL_LANES] = {0}, any = 1, burst = 0;
        ORBITS orbits = {0};
        for (int lane = 0; lane < some; lane++) {
            orbits.x[lane] = orbits.kept_x[lane] = scouts[at + lane].x;
            orbits.y[lane] = orbits.kept_y[lane] = scouts[at + lane].y;
            orbits.cx[lane] = scouts[at + lane].cx;
            orbits.cy[lane] = scouts[at + lane].cy;
            going[lane] = 1;
        }
        while (any && burst < bursts) {
            MANDEL_(mandel_burst_fused)(&orbits, &burst, burst + 1, view->bailout_square);
            any = 0;
            for (int lane = 0; lane < MANDEL_LANES; lane++) {
                double x = orbits.x[lane], y = orbits.y[lane];
                done[lane] += going[lane];
                going[lane] &= (x * x + y * y <= view->bailout_square) &
                               !((x == orbits.kept_x[lane]) & (y == orbits.kept_y[lane]));
                any |= going[lane];
            }
        }
        for (int lane = 0; lane < some; lane++) {
            const mandel_scout *scout = &scouts[at + lane];
            work[scout->part] += weight * done[lane];
            if (going[lane])
                scouts[left++] = (mandel_scout){orbits.x[lane], orbits.y[lane], scout->cx,
                                                scout->cy, scout->part};
        }
    }
    return left;
}

/* How many stages of doubling length are `bursts`. */
static inline int MANDEL_(mandel_stages)(int64_t bursts, int64_t stage)
{
    int stages = 0;
    for (; bursts > 0; bursts -= stage, stage *= 2)
        stages++;
    return stages;
}

/* Adds the bursts of each part's scouts to its work, as many as all samples of it would be; follows
 * them for at most `budget` bursts. Returns how far that would have been had all been followed.
 */
static int64_t MANDEL_(mandel_survey)(const mandel_view *view, mandel_scout *scouts, int many,
                                      int parts, int64_t budget, int64_t *work)
{
    const int64_t limit = (view->iterations + MANDEL_BURST - 1) / MANDEL_BURST;
    int64_t early = budget / MANDEL_EARLY, all = budget, weight = 1, reached = 0, told = 0;
    int stages = 0;
    for (int64_t stage = MANDEL_STAGE; many && reached < limit; stage *= 2) {
        const int64_t bursts = stage < limit - reached ? stage : limit - reached;
        if (!stages && bursts * many <= early) {
            early -= bursts * many;
        } else {
            stages = stages ? stages : MANDEL_(mandel_stages)(limit - reached, stage);
            const int64_t most = budget / stages-- / bursts;
            int step = 1, kept = 0;
            if (most * MANDEL_PARTS_MAX < parts)
                break;
            while ((many + step - 1) / step > most)
                step *= 2;
            for (int at = 0; at < many; at += step)
                scouts[kept++] = scouts[at];
            many = kept;
            weight *= step;
        }
        const int64_t affordable = all > 0 ? all / (many * weight) : 0;
        told += bursts < affordable ? bursts : affordable;
        all -= bursts * many * weight;
        budget -= bursts * many;
        reached += bursts;
        many = MANDEL_(mandel_stage)(view, scouts, many, bursts, weight, work);
    }
    return told;
}
