# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The pi kernel compiled: counts hits with the widest vectors this processor has.

The work is in native/pi_count.h; this file picks the instruction set, drops the GIL, walks over the
blocks and lets signals through. `hydra.kernels.reference.pi` has the same functions in NumPy.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t

include "isa.pxi"

cdef extern from "clock.h" nogil:
    int64_t HYDRA_SIGNAL_CHECK_MS
    int64_t hydra_clock_ms()

cdef extern from "pi_dispatch.h" nogil:
    enum:
        PI_BLOCK_POINTS
        PI_STEP_POINTS
    const double *pi_step_operations
    uint64_t pi_block_hits(int isa, uint64_t seed, uint64_t block, uint32_t points)
    uint64_t pi_philox_block_hits(int isa, uint64_t seed, uint64_t block, uint32_t points)

cdef extern from "probe.h" nogil:
    double probe_operations_s(int isa)

ctypedef uint64_t (*block_hits)(int, uint64_t, uint64_t, uint32_t) noexcept nogil


def count_hits(
    uint64_t seed, uint64_t first_block, uint64_t points, str generator="shishua"
) -> int:
    """Hits among `points` points of the stream from the start of `first_block` on.

    Runs without the GIL. In the main thread, a signal's handler runs within about 30 ms, and what
    it raises ends the count.
    """
    return _count(_hits_of(generator), selected, seed, first_block, points)


def count_hits_as(
    str isa, uint64_t seed, uint64_t first_block, uint64_t points, str generator="shishua"
) -> int:
    """`count_hits` on a named instruction set."""
    return _count(_hits_of(generator), _isa_of(isa), seed, first_block, points)


def bound_points_s(str isa="") -> float:
    """Points a second that one core's vector units could count at most, on a named set or here.

    It is the measured rate of independent additions, by the counted operations of a point; so what
    only some units can do, memory and branches are left out. 0 where nobody counted operations.
    """
    cdef int number = _isa_of(isa) if isa else selected
    if not pi_step_operations[number]:
        return 0.0
    return PI_STEP_POINTS * probe_operations_s(number) / pi_step_operations[number]


cdef block_hits _hits_of(str generator) except NULL:
    if generator == "shishua":
        return pi_block_hits
    if generator == "philox":
        return pi_philox_block_hits
    raise ValueError(f"no generator {generator[:64]!r}")


cdef uint64_t _count(
    block_hits hits_of_block, int isa, uint64_t seed, uint64_t block, uint64_t points
) except? 0:
    cdef uint64_t hits = 0
    cdef uint32_t now_points
    cdef int64_t check_ms
    with nogil:
        check_ms = hydra_clock_ms() + HYDRA_SIGNAL_CHECK_MS
        while points > 0:
            now_points = <uint32_t>min(points, <uint64_t>PI_BLOCK_POINTS)
            hits += hits_of_block(isa, seed, block, now_points)
            block += 1
            points -= now_points
            if hydra_clock_ms() >= check_ms:
                with gil:
                    PyErr_CheckSignals()
                check_ms = hydra_clock_ms() + HYDRA_SIGNAL_CHECK_MS
    return hits
