/* The clock by which kernels remember to look for signals. */
#ifndef HYDRA_CLOCK_H
#define HYDRA_CLOCK_H

#include <stdint.h>
#include <time.h>

/* How long a signal may wait. The GIL is taken this often: another thread may keep it for 5 ms. */
#define HYDRA_SIGNAL_CHECK_MS 25

/* Milliseconds on a clock that only rises. */
static inline int64_t hydra_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
