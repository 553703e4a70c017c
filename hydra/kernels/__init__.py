"""What a chunk computes: the kernel contract, and the discovery of kernels.

A kernel is a module: any file of the folder `builtin` whose name does not start with `_`, or a
module that an installed package names under the entry point group `hydra.kernels`. Nothing else
names it. The web form, the command line, the API's checks and the contract tests are drawn from
what it declares (see `contract`), which everybody reads from one `Kernel` object. What lies beside
`builtin` is for kernels to build on, such as `streams`.
"""

from hydra.kernels.contract import UNITS, Estimate, Kernel, Tile, add_sums, join_pieces
from hydra.kernels.discovery import broken, find, load
from hydra.kernels.limbs import Limbs, fixed
from hydra.kernels.params import Param, parse_params

__all__ = [
    "UNITS",
    "Estimate",
    "Kernel",
    "Limbs",
    "Param",
    "Tile",
    "add_sums",
    "broken",
    "find",
    "fixed",
    "join_pieces",
    "load",
    "parse_params",
]
