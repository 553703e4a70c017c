"""Reduce: turn what was added up into the answer, once; running it twice is harmless."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from hydra.kernels import Kernel
from hydra.model import Session
from hydra.model.messages import Reduction
from hydra.services import Hydra


def reduce(h: Hydra, session: Session, job_id: str) -> bool:
    """Make the job's answer if all units are in and nobody else makes it; whether it was made here.

    If this process dies on the way, the reduction's lease runs out and another worker takes it.
    """
    spec = h.store.views.job(job_id).spec
    if not h.runs(spec.kernel, spec.version):
        return False
    reduction = h.store.verbs.reduce(session, job_id)
    if reduction is None:
        return False
    try:
        answer, files = _finished(h.kernels()[reduction.kernel], reduction)
    except MemoryError:  # a fresh process may do better: the reduction's lease runs out
        raise
    except Exception as error:  # a kernel's own bug: finish is pure, so trying again cannot help
        reason = f"finish raised {type(error).__name__}: {error}"
        h.store.verbs.fail(job_id, reduction.token, reason)
        return True
    h.store.verbs.finish(job_id, reduction.token, answer, files)
    return True


def _finished(kernel: Kernel, reduction: Reduction) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The kernel's answer and its files; whatever it raises, the kernel is wrong."""
    answer = kernel.finish(reduction.params, reduction.whole)
    files = {name: value for name, value in answer.items() if isinstance(value, bytes)}
    if files:
        said = {name: value for name, value in answer.items() if name not in files}
        answer = {**said, "files": {name: _label(content) for name, content in files.items()}}
    json.dumps(answer, allow_nan=False)  # raises here, and not in the store
    return answer, files


def _label(content: bytes) -> dict[str, str | int]:
    """What an answer says of a file that goes with it."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def reduce_waiting(h: Hydra, session: Session, job_ids: Sequence[str]) -> bool:
    """Reduce the first of the jobs that can be; whether one was."""
    return any(reduce(h, session, job_id) for job_id in job_ids)
