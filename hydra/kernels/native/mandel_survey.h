/* How much work the parts of a picture are, told from samples spread over it. Included by
 * mandel_render.h, once for each instruction set.
 *
 * Work is counted in bursts of MANDEL_BURST iterations, up to the burst that ends a sample: it has
 * escaped, or is back at exactly the z that it had when the stage began, or is at the limit. Stages
 * double, so a cycle of any length is found (Brent's method). Samples that the shape check knows
 * are no work. The budget is kept in bursts, not in time, and nothing hangs on which samples run
 * side by side, so every machine finds the same numbers.
 */

/* Up to `bursts` more of each scout; those that have not ended, packed together: how many. */
static int MANDEL_(mandel_stage)(const mandel_view *view, mandel_scout *scouts, int many,
                                 int64_t bursts, int64_t *work)
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
            work[scout->part] += done[lane];
            if (going[lane])
                scouts[left++] = (mandel_scout){orbits.x[lane], orbits.y[lane], scout->cx,
                                                scout->cy, scout->part};
        }
    }
    return left;
}

/* Adds the bursts of each part's scouts to its work, at most `budget` in all; returns how many the
 * longest were followed.
 */
static int64_t MANDEL_(mandel_survey)(const mandel_view *view, mandel_scout *scouts, int many,
                                      int64_t budget, int64_t *work)
{
    const int64_t limit = (view->iterations + MANDEL_BURST - 1) / MANDEL_BURST;
    int64_t reached = 0;
    for (int64_t stage = MANDEL_STAGE; many && reached < limit; stage *= 2) {
        int64_t bursts = stage < limit - reached ? stage : limit - reached;
        if (bursts * many > budget)
            bursts = budget / many;
        if (!bursts)
            break;
        budget -= bursts * many;
        reached += bursts;
        many = MANDEL_(mandel_stage)(view, scouts, many, bursts, work);
    }
    return reached;
}
