# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The streams compiled: fill an array from the stream of (seed, unit), without the GIL.

The work is in native/streams.h. `reference.py` has the same function in NumPy.
"""

from libc.stdint cimport int64_t, uint64_t

include "../native/isa.pxi"

cdef extern from "streams_dispatch.h" nogil:
    enum:
        HYDRA_FILL_WORDS
        HYDRA_FILL_UNIFORMS
        HYDRA_FILL_NORMALS
    void hydra_fill_as(
        int isa, int kind, uint64_t seed, uint64_t unit, void *out, int64_t count
    )

KINDS = {
    "words": HYDRA_FILL_WORDS, "uniforms": HYDRA_FILL_UNIFORMS, "normals": HYDRA_FILL_NORMALS,
}


def fill(str kind, out, uint64_t seed, uint64_t unit, str isa="") -> None:
    """Fill a contiguous array of 8-byte elements with the first of the stream's numbers.

    `kind` is words (uint64), uniforms or normals (float64); `isa` an instruction set, or that of
    `select`.
    """
    cdef unsigned char[::1] memory = out.view("u1")
    cdef int as_kind = KINDS[kind]
    cdef int on = _isa_of(isa) if isa else selected
    cdef int64_t count = memory.shape[0] // 8
    if count:
        with nogil:
            hydra_fill_as(on, as_kind, seed, unit, &memory[0], count)
