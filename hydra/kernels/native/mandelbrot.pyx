# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The mandelbrot kernel compiled: tiles as blobs, with the widest vectors this processor has.

The work is in native/mandel_*.h; this file picks the instruction set, drops the GIL, and lets
signals through. `hydra.kernels.reference.mandelbrot` has the same functions in NumPy.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from hydra.errors import BadWire

include "isa.pxi"

cdef extern from "isa.h" nogil:
    bint hydra_adds_apart()

cdef extern from "clock.h" nogil:
    int64_t HYDRA_SIGNAL_CHECK_MS
    int64_t hydra_clock_ms()

cdef extern from "mandel_tile.h" nogil:
    enum:
        MANDEL_TILE
        MANDEL_SAMPLES
        MANDEL_CHECK_SHAPE
        MANDEL_CHECK_CYCLES
    ctypedef struct mandel_view:
        double centre_x, centre_y, half_pixel, julia_x, julia_y
        double bailout_square, log_scale, density
        uint32_t columns, rows, iterations
        int julia, antialias
    ctypedef struct mandel_box:
        uint32_t column, row
        int width, height
    ctypedef struct mandel_palette:
        pass
    ctypedef struct mandel_work:
        uint32_t counts[1]
        double squares[1]
        mandel_palette palette
        int checks
        int adds_apart
        int (*poll)() except -1
        int64_t poll_ms
    ctypedef struct mandel_scout:
        double x, y, cx, cy
        uint32_t part
    ctypedef int64_t mandel_survey_function(const mandel_view *view, mandel_scout *scouts,
                                            int many, int parts, int64_t budget,
                                            int64_t *work)
    ctypedef struct mandel_functions_of:
        mandel_survey_function *survey
    mandel_functions_of mandel_functions[HYDRA_ISAS]
    int mandel_stays(double x, double y)
    double mandel_x(const mandel_view *view, uint32_t column, double a)
    double mandel_y(const mandel_view *view, uint32_t row, double b)
    double mandel_log2_base(double value)
    void mandel_paint(mandel_palette *palette, const uint8_t (*stops)[3], int many,
                      const uint16_t *linear)
    int mandel_count_box(int isa, const mandel_view *view, mandel_work *work,
                         const mandel_box *box, double a, double b) except -1
    int mandel_tile(int isa, const mandel_view *view, mandel_work *work,
                    const mandel_box *box) except -1

cdef extern from "mandel_blob.h" nogil:
    enum:
        MANDEL_BLOB_MAX
        MANDEL_BLOB_SLACK
    int mandel_blob_write(int isa, mandel_work *work, int width, int height, uint8_t *blob)
    int mandel_blob_read(const uint8_t *blob, size_t bytes, uint32_t *counts, uint8_t (*rgb)[3])

BLOB_BYTES_MAX = MANDEL_BLOB_MAX

cdef int CHECKS = MANDEL_CHECK_SHAPE | MANDEL_CHECK_CYCLES


def render(view, boxes) -> list[bytes]:
    """The blob of each box, given as (column, row, width, height) of at most 64 x 64 pixels.

    Runs without the GIL. In the main thread, a signal's handler runs within about 30 ms, and what
    it raises ends the work.
    """
    return _render(selected, view, boxes)


def render_as(str isa, view, boxes) -> list[bytes]:
    """`render` on a named instruction set."""
    return _render(_isa_of(isa), view, boxes)


def survey(view, boxes, int across, int64_t budget) -> tuple[list[int], int]:
    """How much work boxes are, told from across x across samples of each; see mandel_survey.h.

    Returns the bursts that all samples of each box would take, and how many bursts they could be
    followed if at most `budget` were done in all, as many as are done here.
    """
    return _survey(selected, view, boxes, across, budget)


def survey_as(str isa, view, boxes, int across, int64_t budget) -> tuple[list[int], int]:
    """`survey` on a named instruction set."""
    return _survey(_isa_of(isa), view, boxes, across, budget)


def samples_as(
    str isa, int checks, view, boxes, double a, double b
) -> list[tuple[bytes, bytes]]:
    """Counts (uint32) and squares (float64) of the sample at (a, b) of each pixel, box by box.

    `checks` adds up: 1 leaves out the cardioid and the disc, 2 leaves off at cycles.
    """
    cdef mandel_view seen
    cdef mandel_box box
    cdef mandel_work *work = _start(view, &seen, checks)
    cdef int number, pixels
    found = []
    try:
        number = _isa_of(isa)
        for each in boxes:
            box = _box(each)
            with nogil:
                mandel_count_box(number, &seen, work, &box, a, b)
            pixels = box.width * box.height
            found.append((
                PyBytes_FromStringAndSize(<char *>work.counts, 4 * pixels),
                PyBytes_FromStringAndSize(<char *>work.squares, 8 * pixels),
            ))
    finally:
        free(work)
    return found


def unpack(bytes blob) -> tuple[int, int, bytes, bytes]:
    """Width and height of a tile, its counts (uint32) and its colours (RGB), row by row.

    Raises BadWire if the bytes are no blob of this kernel.
    """
    cdef uint8_t *at = <uint8_t *>PyBytes_AS_STRING(blob)
    cdef uint32_t counts[64 * 64]
    cdef uint8_t rgb[64 * 64][3]
    cdef size_t many = len(blob)
    cdef int verdict
    with nogil:
        verdict = mandel_blob_read(at, many, counts, rgb)
    if verdict < 0:
        raise BadWire("these bytes are no tile of the mandelbrot kernel")
    return (
        at[1],
        at[2],
        PyBytes_FromStringAndSize(<char *>counts, 4 * at[1] * at[2]),
        PyBytes_FromStringAndSize(<char *>rgb, 3 * at[1] * at[2]),
    )


cdef list _render(int isa, view, boxes):
    cdef mandel_view seen
    cdef mandel_box box
    cdef bytes stops = view.stops, linear = view.linear
    cdef mandel_work *work = _start(view, &seen, CHECKS)
    cdef uint8_t blob[MANDEL_BLOB_MAX + MANDEL_BLOB_SLACK]
    cdef int many
    blobs = []
    try:
        mandel_paint(&work.palette, <const uint8_t (*)[3]>PyBytes_AS_STRING(stops),
                     <int>(len(stops) // 3), <const uint16_t *>PyBytes_AS_STRING(linear))
        for each in boxes:
            box = _box(each)
            with nogil:
                mandel_tile(isa, &seen, work, &box)
                many = mandel_blob_write(isa, work, box.width, box.height, blob)
            blobs.append(PyBytes_FromStringAndSize(<char *>blob, many))
    finally:
        free(work)
    return blobs


cdef mandel_work *_start(view, mandel_view *seen, int checks) except NULL:
    """A work without a palette, and the view as the C side knows it; to be freed."""
    cdef mandel_work *work = <mandel_work *>malloc(sizeof(mandel_work))
    if work == NULL:
        raise MemoryError
    try:
        seen[0] = _view(view)
    except BaseException:
        free(work)
        raise
    work.checks = checks
    work.adds_apart = hydra_adds_apart()
    work.poll = _poll
    work.poll_ms = hydra_clock_ms() + HYDRA_SIGNAL_CHECK_MS
    return work


cdef mandel_view _view(view) except *:
    cdef mandel_view seen
    seen.centre_x, seen.centre_y = view.centre_x, view.centre_y
    seen.half_pixel = view.half_pixel
    seen.julia, seen.julia_x, seen.julia_y = view.julia, view.julia_x, view.julia_y
    seen.bailout_square = view.bailout * view.bailout
    seen.log_scale = 1.0 / mandel_log2_base(seen.bailout_square)
    seen.density = view.density
    seen.columns, seen.rows = view.columns, view.rows
    seen.iterations, seen.antialias = view.iterations, view.antialias
    return seen


cdef tuple _survey(int isa, view, boxes, int across, int64_t budget):
    cdef mandel_view seen = _view(view)
    cdef int parts = len(boxes), part, place, many = 0
    cdef mandel_scout *scouts = <mandel_scout *>malloc(parts * across**2 * sizeof(mandel_scout))
    cdef int64_t *work = <int64_t *>calloc(parts, sizeof(int64_t))
    cdef int64_t reached
    cdef mandel_box box
    cdef double x, y
    try:
        if scouts == NULL or work == NULL:
            raise MemoryError
        for part in range(parts):
            box = _box(boxes[part])
            for place in range(across**2):
                x = mandel_x(&seen, box.column + (2 * (place % across) + 1) * box.width
                             // (2 * across), 0.0)
                y = mandel_y(&seen, box.row + (2 * (place // across) + 1) * box.height
                             // (2 * across), 0.0)
                if seen.julia:
                    scouts[many] = mandel_scout(x, y, seen.julia_x, seen.julia_y, part)
                elif not mandel_stays(x, y):
                    scouts[many] = mandel_scout(0.0, 0.0, x, y, part)
                else:
                    continue
                many += 1
        with nogil:
            reached = mandel_functions[isa].survey(&seen, scouts, many, parts, budget,
                                                   work)
        return [work[part] for part in range(parts)], reached
    finally:
        free(scouts)
        free(work)


cdef mandel_box _box(box) except *:
    column, row, width, height = box
    if not (1 <= width <= MANDEL_TILE and 1 <= height <= MANDEL_TILE):
        raise ValueError(f"a box is at most {MANDEL_TILE} pixels wide and high")
    return mandel_box(column, row, width, height)


cdef int _poll() except -1 with gil:
    """Asked by the C side every 25 ms; what a signal's handler raises goes up through it."""
    PyErr_CheckSignals()
    return 0
