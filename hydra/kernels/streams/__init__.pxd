# Addressed random streams for compiled kernels; see native/streams.h and native/strict.h.
#
# Compile with the options that hydra.kernels.streams.build_options() gives. Nothing here needs the
# GIL, and nothing of it is linked: the functions are inlined into the kernel that uses them.

from libc.stdint cimport uint32_t, uint64_t

cdef extern from "streams.h" nogil:
    ctypedef struct Stream "hydra_stream":
        pass
    # Go to the beginning of the stream of (seed, unit).
    void start "hydra_stream_start"(Stream *stream, uint64_t seed, uint64_t unit)
    # 64 random bits; [0, 1) by 53 bits; standard normal; a whole number of [0, n), n >= 1. Each
    # takes one word of the stream: the i-th equals element i of words(), uniforms(), normals().
    uint64_t next_word "hydra_stream_word"(Stream *stream)
    double next_uniform "hydra_stream_uniform"(Stream *stream)
    double next_normal "hydra_stream_normal"(Stream *stream)
    uint32_t next_below "hydra_stream_below"(Stream *stream, uint32_t n)
    # Functions with the same bits everywhere, instead of those of libc.math. For exp |x| <= 700, for
    # log a positive, finite, normal x.
    double strict_exp "hydra_exp"(double x)
    double strict_log "hydra_log"(double x)
