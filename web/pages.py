"""The pages: a form, the latest jobs, one job. They work without JavaScript; live.js adds life."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from hydra.api.body import job_id
from hydra.api.reply import on_http_error, on_hydra_error
from hydra.api.shapes import BASE, estimate, is_final, iso, kernel_of
from hydra.errors import BadParam, HydraError
from hydra.kernels import Kernel, find, unit_holds
from hydra.model import JobState
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit

LATEST = 20
"""Jobs on the front page."""

Typed = dict[str, str]


def pages(h: Hydra) -> Blueprint:
    """The pages as a blueprint; their errors are pages, too."""
    door = Blueprint("pages", __name__)
    views = Pages(h)
    door.add_url_rule("/", view_func=views.front)
    door.add_url_rule("/", view_func=views.submit, methods=["POST"])
    door.add_url_rule("/jobs/<job>", view_func=views.job)
    door.add_url_rule("/jobs/<job>/cancel", view_func=views.cancel, methods=["POST"])
    door.errorhandler(HydraError)(show_hydra_error)
    door.errorhandler(HTTPException)(show_http_error)
    # Addresses that nothing serves: people get a page, programs a problem.
    door.app_errorhandler(NotFound)(show_missing)
    for words in (grouped, iso, percent, readable):
        door.add_app_template_filter(words)
    return door


class Pages:
    """The views over one Hydra."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def front(self) -> Response:
        """The form and the latest jobs."""
        return self._front({}, {}, 200)

    def submit(self) -> AnyResponse:
        """Open the job of the form, and show it; what is wrong is said next to its field."""
        chosen = request.form.get("_kernel", "pi")
        kernel = find(self._h.kernels(), chosen)
        typed = {name: request.form[name] for name in kernel.PARAMS if name in request.form}
        errors = _errors(kernel, typed)
        status = 400
        if not errors:
            # The same form sent twice opens one job; going back and changing it opens another.
            words = "\n".join([request.form.get("_key", ""), chosen, *map(repr, typed.items())])
            key = "page " + hashlib.sha256(words.encode()).hexdigest()
            try:
                job = submit(self._h, chosen, typed, key=key if "_key" in request.form else "")
                return redirect(url_for("pages.job", job=job.id), 303)
            except HydraError as error:
                errors, status = {error.field or "": error.sentence}, error.status
        return self._front({chosen: typed}, {chosen: errors}, status)

    def job(self, job: str) -> Response:
        """One job with its story."""
        found = self._h.store.job(job_id(job))
        done = found.state is JobState.DONE
        return page(
            "job.html",
            job=found,
            final=is_final(found),
            answer=self._h.store.answer(found.id) if done else None,
            estimate=estimate(self._h, found),
            unit_holds=unit_holds(kernel_of(self._h, found)),
            story=self._h.store.story(found.id),
            events=f"{BASE}/jobs/{found.id}/events",
        )

    def cancel(self, job: str) -> AnyResponse:
        """End the job, and show it."""
        found = cancel(self._h, job_id(job), "cancelled on its page")
        return redirect(url_for("pages.job", job=found.id), 303)

    def _front(
        self, typed: dict[str, Typed], errors: dict[str, dict[str, str]], status: int
    ) -> Response:
        jobs = self._h.store.jobs(LATEST)
        return page(
            "front.html",
            status,
            kernels=self._h.kernels(),
            typed=typed,
            errors=errors,
            key=self._h.clock.new_id(),
            jobs=[(job, estimate(self._h, job)) for job in jobs],
            live_workers=self._h.store.live_workers(),
        )

def _errors(kernel: Kernel, typed: Typed) -> dict[str, str]:
    """What is wrong with each field."""
    found = {}
    for name, text in typed.items():
        try:
            kernel.PARAMS[name].parse(name, text)
        except BadParam as error:
            found[name] = error.sentence
    return found


def page(template: str, status: int = 200, **values: Any) -> Response:
    """A page of HTML, never cached: it shows how things stand now."""
    response = Response(render_template(template, **values), status, mimetype="text/html")
    response.headers["Cache-Control"] = "no-store"
    return response


def show_hydra_error(error: HydraError) -> AnyResponse:
    """A page for an error of the tree, with the headers of its problem."""
    return _as_page(on_hydra_error(error))


def show_http_error(error: HTTPException) -> AnyResponse:
    """A page for what Flask or Werkzeug raised."""
    return _as_page(on_http_error(error))


def show_missing(error: HTTPException) -> AnyResponse:
    """A page where a browser asked for one, else the problem."""
    wants_page = request.accept_mimetypes.best_match(["application/json", "text/html"])
    if wants_page == "text/html" and not request.path.startswith("/api/"):
        return show_http_error(error)
    return on_http_error(error)


def _as_page(problem: AnyResponse) -> AnyResponse:
    if not isinstance(problem, Response) or problem.status_code < 400:
        return problem
    shown = page("error.html", problem.status_code, sentence=problem.get_json()["detail"])
    for name in ("Retry-After", "WWW-Authenticate", "Allow"):
        if name in problem.headers:
            shown.headers[name] = problem.headers[name]
    return shown


def grouped(number: float | str) -> str:
    """A whole number with its digits in threes; anything else as it is."""
    if isinstance(number, int):
        return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    return str(number)


def percent(part: float) -> str:
    """A share in percent, never rounded up to the whole."""
    return f"{int(part * 1000) / 10:.1f}\N{NARROW NO-BREAK SPACE}%"


def readable(ms: int | None) -> str:
    """A time for people, in UTC; live.js turns it into theirs."""
    return (iso(ms) or "").replace("T", " ")[:19] + " UTC"
