"""Beat: renew what a session holds, and learn whether it is to give way to another job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hydra.errors import NoSuchJob
from hydra.model import LeaseId, Session
from hydra.model.messages import Standing
from hydra.services import Hydra


def beat(h: Hydra, session: Session, held: Sequence[LeaseId]) -> Standing:
    """What is left of the leases; of all sessions that might give way to a job, one is to."""
    standing = h.store.verbs.beat(session, held)
    if standing.turn and _can_serve(h, standing.turn) and h.store.verbs.turn(standing.turn):
        return replace(standing, gives_way=True)
    return standing


def _can_serve(h: Hydra, job: str) -> bool:
    """Whether this process has the job's kernel; a session remembers that only once it claims."""
    try:
        spec = h.store.views.spec(job)
    except NoSuchJob:
        return False
    return h.runs(spec.kernel, spec.version)
