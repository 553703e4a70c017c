"""The Python client: submit jobs to a scheduler over HTTP, follow them, get their answers.

::

    with hydra.Client() as client:
        print(client.submit("pi", samples=10**12).result())

Every request may be repeated without harm (a submit carries an Idempotency-Key), so what a weak
network loses is sent again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import urllib3

from hydra.client.address import find_token, find_url, parse_url
from hydra.clock import Clock, SystemClock
from hydra.errors import Invalid, JobCancelled, JobFailed, Unavailable, from_problem
from hydra.model import FINAL
from hydra.model.limits import BASE, JOBS_PAGE_MAX, WAIT_S_MAX

CONNECT_S = 5.0
READ_S = 40.0
"""Longer than the longest `wait`."""

RETRIES = urllib3.Retry(
    total=3,
    connect=1,  # nobody listens: say so soon
    backoff_factor=0.2,
    status_forcelist=(429, 502, 503, 504),
    allowed_methods=None,  # POSTs too: ours are safe to repeat
    raise_on_status=False,
)

OUTAGE_S = 60.0
"""How long a wait goes on while the scheduler does not answer."""

PAUSE_S = 0.1
WATCH_S = 0.25


class Client:
    """A scheduler's API. Safe to share between threads.

    Without `url`: HYDRA_URL, then what `hydra up` left in the state folder, then
    http://127.0.0.1:8080. Without `token`: HYDRA_TOKEN, then for this machine the state folder's.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, clock: Clock | None = None
    ) -> None:
        self.clock = clock or SystemClock()
        self.url = parse_url(url or find_url())
        token = token if token is not None else find_token(self.url)
        self._headers = {"Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        timeout = urllib3.Timeout(connect=CONNECT_S, read=READ_S)
        self._http = urllib3.PoolManager(timeout=timeout, retries=RETRIES, maxsize=8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.clear()

    def submit(self, kernel: str, /, priority: float = 1.0, **params: Any) -> Handle:
        """Open a job.

        `priority`, 0.01 to 100, is its share of the fleet beside other jobs: 2 gets twice that of
        1.

        Raises NoSuchKernel, BadParam, TooLarge or TooMany.
        """
        return self.open(kernel, params, priority)

    def open(self, kernel: str, params: Mapping[str, Any], priority: float = 1.0) -> Handle:
        """As submit, for parameters of any name."""
        body = {"kernel": kernel, "params": dict(params), "priority": priority}
        key = {"Idempotency-Key": self.clock.new_id()}
        return Handle(self, self._call("POST", "/jobs", body, key))

    def job(self, job: str) -> Handle:
        """A job by its id; raises NoSuchJob."""
        return Handle(self, self._job(job))

    def jobs(self, limit: int = 50) -> list[Handle]:
        """The latest jobs, newest first."""
        found: list[Handle] = []
        cursor = ""
        while len(found) < limit:
            query = {"limit": str(min(limit - len(found), JOBS_PAGE_MAX)), "cursor": cursor}
            page = self._call("GET", f"/jobs?{urlencode(query)}")
            found += [Handle(self, shape) for shape in page["jobs"]]
            cursor = page.get("cursor", "")
            if not cursor:
                break
        return found

    def cancel(self, job: str, reason: str = "") -> Handle:
        """End a job by its id; one that has ended stays as it is."""
        return Handle(self, self._call("POST", f"/jobs/{_safe(job)}/cancel", {"reason": reason}))

    def workers(self) -> list[dict[str, Any]]:
        """The workers seen lately."""
        return list(self.fleet()["workers"])

    def fleet(self) -> dict[str, Any]:
        """The workers seen lately, and how many there are besides."""
        return self._call("GET", "/workers")

    def kernels(self) -> list[dict[str, Any]]:
        """The kernels of the scheduler with their parameters."""
        return list(self._call("GET", "/kernels")["kernels"])

    def _job(self, job: str, wait_s: float = 0.0) -> dict[str, Any]:
        query = f"?wait={wait_s:.3f}" if wait_s > 0 else ""
        return self._call("GET", f"/jobs/{_safe(job)}{query}")

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        sent = {**self._headers, **(headers or {})}
        content = None
        if body is not None:
            try:
                content = json.dumps(body, allow_nan=False).encode()
            except (TypeError, ValueError) as error:
                raise Invalid(f"the parameters do not fit into JSON: {error}") from None
            sent["Content-Type"] = "application/json"
        address = f"{self.url}{BASE}{path}"
        try:
            reply = self._http.request(method, address, body=content, headers=sent)
        except urllib3.exceptions.HTTPError:
            why = f"no scheduler answers at {self.url}; start one with: hydra up"
            raise Unavailable(why) from None
        return self._read(reply.status, reply.data)

    def _read(self, status: int, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Unavailable(f"what answers at {self.url} is no scheduler of Hydra")
        if status >= 400:
            raise from_problem(status, found)
        return found


class Handle:
    """One job as last seen; methods that ask the scheduler say so."""

    def __init__(self, client: Client, shape: dict[str, Any]) -> None:
        self._client = client
        self.shape = shape
        """The job as the API gave it last."""

    def __repr__(self) -> str:
        return f"<job {self.id} {self.shape['kernel']} {self.state}>"

    @property
    def id(self) -> str:
        """The job's id."""
        return str(self.shape["id"])

    @property
    def state(self) -> str:
        """Running, reducing, done, failed or cancelled, as last seen."""
        return str(self.shape["state"])

    @property
    def is_final(self) -> bool:
        """Whether it was done, failed or cancelled when last seen."""
        return self.state in FINAL

    def refresh(self, wait_s: float = 0.0) -> Self:
        """Ask the scheduler; with `wait_s`, until the job is final, but no longer than that."""
        self.shape = self._client._job(self.id, min(wait_s, WAIT_S_MAX))
        return self

    def progress(self) -> float:
        """Ask the scheduler for the share that is done, 0 to 1."""
        return float(self.refresh().shape["progress"])

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait for the answer, at most `timeout` seconds.

        Raises JobFailed or JobCancelled with the reason, TimeoutError.
        """
        for _ in self.watch(timeout, WAIT_S_MAX):
            pass
        if self.state != "done":
            why = f": {self.shape['reason']}" if self.shape["reason"] else ""
            error, words = _ENDED[self.state]
            raise error(f"job {self.id} {words}{why}")
        if "answer" not in self.shape:  # as it came from a list
            self.refresh()
        return dict(self.shape["answer"])

    def watch(
        self, timeout: float | None = None, every_s: float = WATCH_S
    ) -> Iterator[dict[str, Any]]:
        """The job about each `every_s` seconds until it is final, the last time then.

        Raises TimeoutError.
        """
        clock = self._client.clock
        start_s = heard_s = clock.monotonic_s()
        while True:
            yield self.shape
            if self.is_final:
                return
            asked_s = clock.monotonic_s()
            left_s = every_s if timeout is None else timeout - (asked_s - start_s)
            if left_s <= 0:
                raise TimeoutError(f"job {self.id} is not done after {timeout:g} s")
            try:
                self.refresh(min(left_s, every_s))
                heard_s = clock.monotonic_s()
            except Unavailable:
                if clock.monotonic_s() - heard_s > OUTAGE_S:
                    raise
            # A busy scheduler does not hold the request; then the pause is ours.
            if not self.is_final and clock.monotonic_s() - asked_s < min(left_s, PAUSE_S):
                clock.sleep_s(min(left_s, PAUSE_S))

    def cancel(self, reason: str = "") -> Self:
        """End the job; one that has ended stays as it is."""
        self.shape = self._client.cancel(self.id, reason).shape
        return self

    def story(self, after: str = "") -> list[dict[str, Any]]:
        """What happened to the job and why, oldest first, after the entry `after`."""
        query = urlencode({"after": after})
        return list(self._client._call("GET", f"/jobs/{self.id}/story?{query}")["story"])

    def profile(self) -> dict[str, Any]:
        """Who worked when and how fast, and how near that is to the bound."""
        return self._client._call("GET", f"/jobs/{self.id}/profile")


_ENDED = {"failed": (JobFailed, "failed"), "cancelled": (JobCancelled, "was cancelled")}


def as_completed(handles: Iterable[Handle], timeout: float | None = None) -> Iterator[Handle]:
    """Each job as it ends, whichever way it ends.

    Raises TimeoutError if some have not after `timeout` seconds.
    """
    pending = list({handle.id: handle for handle in handles}.values())
    if not pending:
        return
    clock = pending[0]._client.clock
    start_s = clock.monotonic_s()
    while pending:
        ended = [handle for handle in pending if handle.is_final or handle.refresh().is_final]
        yield from ended
        pending = [handle for handle in pending if not handle.is_final]
        spent_s = clock.monotonic_s() - start_s
        if pending and timeout is not None and spent_s >= timeout:
            raise TimeoutError(f"{len(pending)} jobs are not done after {timeout:g} s")
        if pending and not ended:
            asked_s = clock.monotonic_s()
            pending[0].refresh(WATCH_S)
            if not pending[0].is_final and clock.monotonic_s() - asked_s < PAUSE_S:
                clock.sleep_s(PAUSE_S)


def _safe(job: str) -> str:
    if not job.isalnum() or not job.isascii():
        raise Invalid(f"{job!r} is not the id of a job", field="job")
    return job
