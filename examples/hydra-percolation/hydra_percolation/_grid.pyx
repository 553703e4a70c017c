# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Random grids and their clusters, compiled. Runs without the GIL."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc

from hydra.kernels.streams cimport Stream, next_uniform, start


def count(uint64_t seed, uint64_t first_trial, int trials, int side, double probability) -> tuple:
    """How many of the grids span, all their open sites, and the sizes of their largest clusters.

    Trial n draws its grid, row by row, from the stream of (seed, n). Raises MemoryError.
    """
    cdef int64_t spanning = 0, open_sites = 0, largest = 0
    cdef int32_t sites = side * side
    cdef int32_t *parents = <int32_t *>malloc(sites * sizeof(int32_t))
    cdef int32_t *sizes = <int32_t *>malloc(sites * sizeof(int32_t))
    cdef char *wet = <char *>malloc(sites)
    cdef int trial
    try:
        if not parents or not sizes or not wet:
            raise MemoryError
        with nogil:
            for trial in range(trials):
                open_sites += _fill(
                    seed, first_trial + <uint64_t>trial, side, probability, parents, sizes
                )
                spanning += _spans(side, parents, wet)
                largest += _largest(sites, sizes)
    finally:
        free(parents)
        free(sizes)
        free(wet)
    return spanning, open_sites, largest


cdef int32_t _root(int32_t *parents, int32_t site) noexcept nogil:
    while parents[site] != site:
        parents[site] = parents[parents[site]]  # halve the path for whoever comes next
        site = parents[site]
    return site


cdef void _join(int32_t *parents, int32_t *sizes, int32_t a, int32_t b) noexcept nogil:
    a, b = _root(parents, a), _root(parents, b)
    if a == b:
        return
    if sizes[a] < sizes[b]:
        a, b = b, a
    parents[b] = a
    sizes[a] += sizes[b]
    sizes[b] = 0


cdef int32_t _fill(
    uint64_t seed, uint64_t trial, int side, double probability, int32_t *parents, int32_t *sizes
) noexcept nogil:
    """A new grid with its clusters joined; how many sites are open. A closed one has parent -1."""
    cdef Stream stream
    cdef int32_t site, open_sites = 0
    start(&stream, seed, trial)
    for site in range(side * side):
        if next_uniform(&stream) >= probability:
            parents[site] = -1
            sizes[site] = 0
            continue
        open_sites += 1
        parents[site] = site
        sizes[site] = 1
        if site % side and parents[site - 1] >= 0:
            _join(parents, sizes, site, site - 1)
        if site >= side and parents[site - side] >= 0:
            _join(parents, sizes, site, site - side)
    return open_sites


cdef bint _spans(int side, int32_t *parents, char *wet) noexcept nogil:
    """Whether a cluster reaches from the first row to the last."""
    cdef int32_t site, sites = side * side
    for site in range(sites):
        wet[site] = 0
    for site in range(side):
        if parents[site] >= 0:
            wet[_root(parents, site)] = 1
    for site in range(sites - side, sites):
        if parents[site] >= 0 and wet[_root(parents, site)]:
            return True
    return False


cdef int32_t _largest(int32_t sites, int32_t *sizes) noexcept nogil:
    cdef int32_t site, largest = 0
    for site in range(sites):
        largest = max(largest, sizes[site])
    return largest
