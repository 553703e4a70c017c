# The instruction set of a compiled kernel: included by each .pyx, so each has its own choice.

from hydra.errors import BadSetting

cdef extern from "isa.h" nogil:
    enum:
        HYDRA_ISAS
    const char *hydra_isa_names[]
    bint hydra_isa_supported(int isa)
    int hydra_isa_of(const char *name)
    int hydra_isa_best()

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


cdef int _isa_of(str name) except -1:
    isa = hydra_isa_of(name.encode("utf-8", "replace"))
    if isa < 0 or not hydra_isa_supported(isa):
        raise BadSetting(
            f"HYDRA_ISA must be one of {', '.join(isas())} on this processor, not {name[:64]!r}",
            field="HYDRA_ISA",
        )
    return isa
