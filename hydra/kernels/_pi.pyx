# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The pi kernel compiled: counts hits with the widest vectors this processor has.

The work is in native/pi_count.h; this file picks the instruction set, drops the GIL, walks over the
blocks and lets signals through. `_pi_reference` has the same functions in NumPy.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint32_t, uint64_t

from hydra.errors import BadSetting

cdef extern from "pi_dispatch.h" nogil:
    enum:
        HYDRA_ISAS
        PI_BLOCK_POINTS
    const char *hydra_isa_names[]
    bint hydra_isa_supported(int isa)
    int hydra_isa_of(const char *name)
    int hydra_isa_best()
    uint64_t pi_block_hits(int isa, uint64_t seed, uint64_t block, uint32_t points)
    int64_t pi_clock_ms()

# How long a signal may wait. The GIL is taken this often: another thread may keep it for 5 ms.
cdef int64_t SIGNAL_CHECK_MS = 25

cdef int selected = hydra_isa_best()


def isas() -> tuple[str, ...]:
    """The instruction sets that this processor runs, narrowest first."""
    return tuple(
        hydra_isa_names[isa].decode() for isa in range(HYDRA_ISAS) if hydra_isa_supported(isa)
    )


def select(str name) -> str:
    """Use the named instruction set from now on, or the widest if empty; returns its name.

    Raises BadSetting if this processor does not run it.
    """
    global selected
    selected = _isa_of(name) if name else hydra_isa_best()
    return hydra_isa_names[selected].decode()


def count_hits(uint64_t seed, uint64_t first_block, uint64_t points) -> int:
    """Hits among `points` points of the stream from the start of `first_block` on.

    Runs without the GIL. In the main thread, a signal's handler runs within about 30 ms, and what
    it raises ends the count.
    """
    return _count(selected, seed, first_block, points)


def count_hits_as(str isa, uint64_t seed, uint64_t first_block, uint64_t points) -> int:
    """`count_hits` on a named instruction set."""
    return _count(_isa_of(isa), seed, first_block, points)


cdef int _isa_of(str name) except -1:
    isa = hydra_isa_of(name.encode("utf-8", "replace"))
    if isa < 0 or not hydra_isa_supported(isa):
        raise BadSetting(
            f"HYDRA_ISA must be one of {', '.join(isas())} on this processor, not {name[:64]!r}",
            field="HYDRA_ISA",
        )
    return isa


cdef uint64_t _count(int isa, uint64_t seed, uint64_t block, uint64_t points) except? 0:
    cdef uint64_t hits = 0
    cdef uint32_t now_points
    cdef int64_t check_ms
    with nogil:
        check_ms = pi_clock_ms() + SIGNAL_CHECK_MS
        while points > 0:
            now_points = <uint32_t>min(points, <uint64_t>PI_BLOCK_POINTS)
            hits += pi_block_hits(isa, seed, block, now_points)
            block += 1
            points -= now_points
            if pi_clock_ms() >= check_ms:
                with gil:
                    PyErr_CheckSignals()
                check_ms = pi_clock_ms() + SIGNAL_CHECK_MS
    return hits
