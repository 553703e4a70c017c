"""Every error Hydra raises on purpose, as one tree.

::

    HydraError                carries `code` (a word) and a sentence for people
    +- Invalid        400     BadParam, BadSpan, BadWire, BadSetting, BadKernel
    +- Denied         401     BadCredential
    +- Missing        404     NoSuchJob, NoSuchKernel, NoSuchWorker, NoSuchFile
    +- Conflict       409     IllegalMove, KeyReused, NotFinished, JobFailed, JobCancelled
    +- OverLimit      413     TooLarge, TooMany (429)
    +- Unavailable    503     StoreDown, StoreUnsafe

The numbers are the HTTP status that the API gives the class; they are here as `status` so that API,
pages and command line agree. An ordinary outcome (no work, a stale lease) is a value, not an error.
A request with several wrong fields gets one error that holds a FieldError for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Self


class FieldError(NamedTuple):
    """One thing that was wrong: where, and a sentence for people."""

    field: str
    sentence: str


class HydraError(Exception):
    """Base of all; `code` is the class's word for machines, `errors` every field that was wrong."""

    code = "error"
    status = 500

    def __init__(
        self, sentence: str, *, field: str | None = None, errors: Sequence[FieldError] = ()
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        named = () if field is None else (FieldError(field, sentence),)
        self.errors = tuple(errors) or named

    @property
    def field(self) -> str | None:
        """The first field that was wrong, if any is known."""
        return self.errors[0].field if self.errors else None

    @classmethod
    def of(cls, errors: Sequence[FieldError]) -> Self:
        """One error for all of these; it speaks as the first."""
        return cls(errors[0].sentence, errors=errors)


class Invalid(HydraError):
    """The caller sent something that can never be right."""

    code, status = "invalid", 400


class BadParam(Invalid):
    """A parameter is missing, of the wrong type or out of its bounds."""

    code = "bad-param"


class BadSpan(Invalid):
    """A span is empty, reversed or outside the job."""

    code = "bad-span"


class BadWire(Invalid):
    """Bytes that do not decode to what was expected."""

    code = "bad-wire"


class BadSetting(Invalid):
    """A `HYDRA_*` variable or an option has a value that cannot be used."""

    code = "bad-setting"


class BadKernel(Invalid):
    """A kernel module declares something that cannot be, or lacks what it must declare."""

    code = "bad-kernel"


class Denied(HydraError):
    """The caller may not do this."""

    code, status = "denied", 401


class BadCredential(Denied):
    """No credential, or one that does not match."""

    code = "bad-credential"


class Missing(HydraError):
    """The thing named does not exist."""

    code, status = "missing", 404


class NoSuchJob(Missing):
    """No job has this id, or it was deleted after its time."""

    code = "no-such-job"


class NoSuchFile(Missing):
    """The job's answer has no file of this name."""

    code = "no-such-file"


class NoSuchKernel(Missing):
    """No kernel of this name is installed here."""

    code = "no-such-kernel"


class NoSuchWorker(Missing):
    """No worker of this name has been seen."""

    code = "no-such-worker"


class Conflict(HydraError):
    """The request is fine, but not in the present state."""

    code, status = "conflict", 409


class IllegalMove(Conflict):
    """The transition table has no such move from this state."""

    code = "illegal-move"


class KeyReused(Conflict):
    """An Idempotency-Key came again with another request."""

    code = "key-reused"


class NotFinished(Conflict):
    """The job has no answer yet, or ended without one."""

    code = "not-finished"


class JobFailed(NotFinished):
    """The job ended without an answer: a unit or the reduction could not be computed."""

    code = "job-failed"


class JobCancelled(NotFinished):
    """A person ended the job before it had an answer."""

    code = "job-cancelled"


class OverLimit(HydraError):
    """More than a named limit allows."""

    code, status = "over-limit", 413


class TooLarge(OverLimit):
    """One thing is larger than its limit."""

    code = "too-large"


class TooMany(OverLimit):
    """Too many at once; trying again later helps."""

    code, status = "too-many", 429


class Unavailable(HydraError):
    """Something Hydra needs does not answer."""

    code, status = "unavailable", 503


class StoreDown(Unavailable):
    """Redis does not answer, or refuses writes."""

    code = "store-down"


class StoreUnsafe(Unavailable):
    """Redis answers but is not safe for the accounts: too old, evicting, or not the same data."""

    code = "store-unsafe"


def from_problem(status: int, problem: Mapping[str, Any]) -> HydraError:
    """The error that a problem document (RFC 9457) of the API tells of, of the class it names."""
    detail = str(problem.get("detail") or problem.get("title") or f"the scheduler says {status}")
    errors = [
        FieldError(str(e.get("pointer") or e.get("parameter")), str(e.get("detail") or detail))
        for e in problem.get("errors", [])
    ]
    kind = _by_code(HydraError).get(str(problem.get("code")))
    if kind is None:
        by_status = {401: Denied, 403: Denied, 404: Missing}
        kind = by_status.get(status, Invalid if status < 500 else Unavailable)
    return kind(detail, errors=errors)


def _by_code(kind: type[HydraError]) -> dict[str, type[HydraError]]:
    found = {kind.code: kind}
    for child in kind.__subclasses__():
        found |= _by_code(child)
    return found
