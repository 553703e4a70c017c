"""A worker on a host: the loop, driven shift by shift."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hydra.clock import Clock
from hydra.kernels import Kernel
from hydra.model import Session
from hydra.model.messages import Hint
from hydra.model.pauses import Pause
from hydra.ports import Pacing, WorkPort
from hydra.work.lanes import Lanes, drive
from hydra.work.loop import Loop
from hydra.work.threads import ThreadLanes


class Worker:
    """Works shifts over a port; `stopping` ends a shift after the current slice, work handed in.

    `pausing` gives the reason to take no work now, or None. With a reason, the worker gives back
    what it holds after the current slice.
    """

    def __init__(
        self,
        port: WorkPort,
        kernels: Mapping[str, Kernel],
        clock: Clock,
        pacing: Pacing,
        session: Session,
        *,
        stopping: Callable[[], bool] = lambda: False,
        pausing: Callable[[], Pause | None] = lambda: None,
        interrupt: Callable[[], None] = lambda: None,
        give_up: Callable[[], None] = lambda: None,
        lanes: Callable[[Clock], Lanes] | None = None,
    ) -> None:
        """`interrupt`, called in any thread, has `break_off` called soon in the computing one.

        Without it, a slice that is no longer wanted runs to its end. `give_up` ends the process,
        for a kernel call that does not return; its leases have been given up by then. `lanes`
        drives what goes on beside the computing: ThreadLanes, unless said otherwise.
        """
        self.loop = Loop(
            port,
            kernels,
            clock,
            pacing,
            session,
            stopping=stopping,
            pausing=pausing,
            interrupt=interrupt,
            give_up=give_up,
        )
        self._clock = clock
        self._lanes = lanes or ThreadLanes

    def shift(self, hint: Hint) -> bool:
        """Work for one shift; whether there was work until its end.

        Raises Unavailable when the store stays silent for longer than `outage_seconds`.
        """
        lanes = self._lanes(self._clock)
        try:
            return drive(self.loop.shift(hint), lanes)
        finally:
            lanes.close()

    def break_off(self) -> None:
        """End the slice that this thread computes, if the store wants no more of its lease.

        For a signal's handler in the computing thread; what it raises stays inside `shift`.
        """
        self.loop.break_off()
