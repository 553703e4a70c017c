# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The option kernel compiled: sums payoffs with the widest vectors this processor has.

The work is in native/option.h; `_option_reference` has the same function in NumPy.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t

include "isa.pxi"

cdef extern from "clock.h" nogil:
    int64_t HYDRA_SIGNAL_CHECK_MS
    int64_t hydra_clock_ms()

cdef extern from "option.h" nogil:
    enum:
        OPTION_LIMBS
    ctypedef struct option_contract:
        double spread
        double spot
        double strike
        int put
        int mirrored
    void option_unit(
        int isa, const option_contract *contract, uint64_t seed, uint64_t unit, int draws,
        uint64_t *totals,
    )


def sum_payoffs(
    tuple contract, uint64_t seed, uint64_t first_unit, uint64_t draws, int unit_draws, str isa=""
) -> list[int]:
    """The digits of the sums of `draws` draws from the start of `first_unit` on, unit by unit.

    `contract` is (spread, spot, strike, put, mirrored), as in native/option.h. Runs without the
    GIL; in the main thread a signal's handler runs within about 30 ms.
    """
    cdef option_contract c
    cdef uint64_t totals[OPTION_LIMBS]
    cdef uint64_t now_draws
    cdef int on = _isa_of(isa) if isa else selected
    cdef int64_t check_ms
    c.spread, c.spot, c.strike, c.put, c.mirrored = contract
    for i in range(OPTION_LIMBS):
        totals[i] = 0
    with nogil:
        check_ms = hydra_clock_ms() + HYDRA_SIGNAL_CHECK_MS
        while draws > 0:
            now_draws = min(draws, <uint64_t>unit_draws)
            option_unit(on, &c, seed, first_unit, <int>now_draws, totals)
            first_unit += 1
            draws -= now_draws
            if hydra_clock_ms() >= check_ms:
                with gil:
                    PyErr_CheckSignals()
                check_ms = hydra_clock_ms() + HYDRA_SIGNAL_CHECK_MS
    return [totals[i] for i in range(OPTION_LIMBS)]
