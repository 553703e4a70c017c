"""Which tests stay together when several processes test, and what begins first.

xdist's own `loadgroup` writes a group into the name of each test; pytest 9.2 lets nobody do so, and
every test of a fleet then starts one. Here a path says it.
"""

from __future__ import annotations

import os

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

TOGETHER = (
    "tests/e2e/browser/",
    "tests/e2e/test_bench.py",
    "tests/e2e/test_chaos.py",
    "tests/e2e/test_example.py",
    "tests/e2e/test_faults.py",
    "tests/e2e/test_fleet.py",
    "tests/e2e/test_framing.py",
    "tests/e2e/test_packaging.py",
    "tests/kernels/test_compilers.py",
    "tests/unit/test_docs.py",
)
"""One process does all of such a place, one test after another: they share a fleet, a build or a
browser, or want the machine for themselves. All others go to whoever is free."""

FIRST = ("tests/e2e/test_chaos.py", "tests/e2e/test_packaging.py", "tests/e2e/test_bench.py")
"""What lasts longest."""

PROCESSES_MAX = 8


def processes(wanted: str) -> int:
    """How many test at once, by the marks that are wanted.

    One a core; and one more, since tests of real processes mostly wait.
    """
    return min((os.cpu_count() or 1) + ("not e2e" not in wanted), PROCESSES_MAX)


def turn(item: pytest.Item) -> int:
    """Its place in the order: what waits begins before what computes, which fills the gaps."""
    path = item.nodeid.partition("::")[0]
    if path in FIRST:
        return FIRST.index(path)
    return len(FIRST) + (not path.startswith("tests/e2e/"))


class Turns(LoadScopeScheduling):
    """Gives a place of TOGETHER to one process, and any other test to any.

    What xdist 3.8 does besides is mended here: it holds three tests ready for each process, so that
    the longest wait behind each other; it runs a test that has ended its process again and again;
    and the process that takes its place waits for ever for a second test, or is
    given one too early.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)

    def _reschedule(self, node: WorkerController) -> None:
        """One test runs and the next is known: what a process needs to go on."""
        if node not in self.registered_collections:
            return  # it takes another's place, and comes again once it knows the tests
        while self.workqueue and not node.shutting_down:
            if self._pending_of(self.assigned_work[node]) > 1:
                return
            self._assign_work_unit(node)
        node.shutdown()  # after what it has

    def remove_node(self, node: WorkerController) -> str | None:
        """The process has ended: the test that it ran has failed, the others are left to do."""
        work = self.assigned_work.pop(node)
        left = [(unit, test) for unit in work.values() for test, done in unit.items() if not done]
        if not left:
            return None
        unit, crashed = left[0]
        unit[crashed] = True
        self.workqueue.update({place: u for place, u in work.items() if not all(u.values())})
        for other in self.assigned_work:
            self._reschedule(other)
        return crashed
