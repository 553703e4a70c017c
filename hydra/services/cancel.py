"""Cancel: end a job now; its workers learn of it at a heartbeat, which the bell brings."""

from __future__ import annotations

from hydra.model import Job
from hydra.services import Hydra


def cancel(h: Hydra, job_id: str, reason: str = "") -> Job:
    """End the job; one that has ended already is returned as it is. Raises NoSuchJob."""
    return h.store.verbs.cancel(job_id, reason)
