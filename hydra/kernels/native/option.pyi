"""Signatures of the compiled option kernel; `option.pyx` documents them."""

def isas() -> tuple[str, ...]: ...
def select(name: str) -> str: ...
def sum_payoffs(
    contract: tuple[float, float, float, bool, bool],
    seed: int,
    first_unit: int,
    draws: int,
    unit_draws: int,
    isa: str = "",
) -> list[int]: ...
