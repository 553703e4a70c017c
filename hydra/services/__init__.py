"""Use cases: one verb, one file. Each looks, asks policy, and commits through the store.

A service is a function whose first argument is the `Hydra` bundle. It knows ports, never the
adapters behind them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hydra.clock import Clock
from hydra.kernels import Kernel
from hydra.model import Job, Params
from hydra.model.costs import Costs
from hydra.ports import Store, TaskQueue
from hydra.settings import Settings


@dataclass(frozen=True, slots=True)
class Hydra:
    """Everything a service may touch, wired once."""

    store: Store
    queue: TaskQueue
    clock: Clock
    settings: Settings
    kernels: Callable[[], Mapping[str, Kernel]]
    """Loads the kernels on first call: a process that only reads never pays for them."""

    def runs(self, kernel: str, version: str) -> bool:
        """Whether this process has the kernel in that version: editions never meet in one sum."""
        found = self.kernels().get(kernel)
        return found is not None and found.version == version

    def versions(self) -> frozenset[str]:
        """The versions of the kernels that this process has."""
        return frozenset(kernel.version for kernel in self.kernels().values())

    def kernel_of(self, job: Job) -> Kernel | None:
        """The job's kernel, if this process has it in the job's version."""
        runs = self.runs(job.spec.kernel, job.spec.version)
        return self.kernels()[job.spec.kernel] if runs else None

    def costs(self, kernel: str, params: Params) -> Costs:
        """What a job's units cost; the kernel has to be here."""
        return self.kernels()[kernel].costs(params)
