"""The pages: forms, jobs, one job, workers. They work without JavaScript; live.js adds life."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from hydra.api.v1.jobs import Onward, cursor_read, cursor_write
from hydra.api.v1.shapes import (
    Sample,
    estimate,
    files_of,
    history_of,
    is_final,
    job_of,
)
from hydra.errors import BadParam, HydraError
from hydra.http import body
from hydra.http.reply import on_http_error, on_hydra_error
from hydra.kernels import UNITS, Estimate, find
from hydra.model import Job, JobState
from hydra.model.limits import BASE
from hydra.model.profile import END_WORDS
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.forecast import forecast
from hydra.services.profile import profile_of
from hydra.services.roster import roster
from hydra.services.submit import PRIORITY, submit
from hydra.web.forms import PRIORITY_FIELD, Form, key_of, prefilled, texts_of
from hydra.web.words import FILTERS, left, speed

LATEST = 8
"""Jobs on the front page."""

JOBS = 50
"""Jobs on a page of their list."""

ROWS = 32
"""Rows of the table beside a chart."""

ONLY_CHARS_MAX = 100
"""Longest filter of a story."""

Params = Sequence[tuple[str, object]]
"""Some parameters of a job with their values."""


def pages(h: Hydra) -> Blueprint:
    """The pages as a blueprint; their errors are pages, too."""
    blueprint = Blueprint("pages", __name__)
    views = Pages(h)
    blueprint.add_url_rule("/", view_func=views.front)
    blueprint.add_url_rule("/", view_func=views.submit, methods=["POST"])
    blueprint.add_url_rule("/new/<kernel>", view_func=views.new)
    blueprint.add_url_rule("/jobs", view_func=views.jobs)
    blueprint.add_url_rule("/jobs/<job>", view_func=views.job)
    blueprint.add_url_rule("/jobs/<job>/cancel", view_func=views.cancel, methods=["POST"])
    blueprint.add_url_rule("/workers", view_func=views.workers)
    blueprint.errorhandler(HydraError)(show_hydra_error)
    blueprint.errorhandler(HTTPException)(show_http_error)
    # Addresses that nothing serves: people get a page, programs a problem.
    blueprint.app_errorhandler(NotFound)(show_missing)
    for words in FILTERS:
        blueprint.add_app_template_filter(words)
    return blueprint


class Pages:
    """The views over one Hydra."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def front(self) -> Response:
        """A form and the latest jobs."""
        kernels = self._h.kernels()
        first = "pi" if "pi" in kernels else next(iter(kernels))
        return self._front(prefilled(first, kernels[first], request.args))

    def new(self, kernel: str) -> Response:
        """The form of one kernel, filled as the address asks."""
        return self._front(prefilled(kernel, find(self._h.kernels(), kernel), request.args))

    def submit(self) -> AnyResponse:
        """Open the job of the form, and show it; each error is shown next to its field."""
        chosen = request.form.get("_kernel")
        if chosen is None:
            raise BadParam("what was sent is no form of a kernel", field="_kernel")
        kernel = find(self._h.kernels(), chosen)
        typed = texts_of(kernel, request.form)
        params = {name: text for name, text in typed.items() if name in kernel.params}
        priority = typed.get(PRIORITY_FIELD, str(PRIORITY.default))
        drawn = request.form.get("_key")
        key = "" if drawn is None else key_of(drawn, chosen, typed)
        try:
            job = submit(self._h, chosen, params, priority=priority, key=key)
        except HydraError as error:
            errors = {e.field: e.sentence for e in error.errors} or {"": error.sentence}
            return self._front(Form(chosen, kernel, typed, errors), error.status)
        return redirect(url_for("pages.job", job=job.id), 303)

    def jobs(self) -> Response:
        """All jobs, newest first, a page at a time."""
        cursor = body.query(Onward).cursor
        found = list(self._h.store.views.jobs(JOBS + 1, cursor_read(cursor)))
        more = cursor_write(found[JOBS - 1].id) if len(found) > JOBS else ""
        return page("jobs.html", jobs=self._rows(found[:JOBS]), cursor=cursor, more=more)

    def workers(self) -> Response:
        """The workers seen lately, how fast they are and what they do."""
        h, here = self._h, roster(self._h)
        known = {kernel.version: (name, kernel) for name, kernel in h.kernels().items()}
        found = []
        for worker, presence in here.seen:
            rates = [
                (known[version][0], speed(known[version][1], rate))
                for version, rate in worker.rates.items()
                if version in known and rate > 0
            ]
            found.append((worker, presence, sorted(rates)))
        return page("workers.html", workers=found, here=here.here, fresh=here.fresh)

    def job(self, job: str) -> Response:
        """One job with its way, its answer and its story."""
        h, found = self._h, job_of(self._h, job)
        kernel = h.kernel_of(found)
        answer = h.store.views.answer(found.id) if found.state is JobState.DONE else {}
        files, only = files_of(answer), request.args.get("only", "")[:ONLY_CHARS_MAX]
        story = h.store.views.story(found.id)
        said = estimate(h, found)
        return page(
            "job.html",
            job=found,
            own=f"{BASE}/jobs/{found.id}",
            final=is_final(found),
            known=kernel is not None,
            answer={
                name: value
                for name, value in answer.items()
                if name != "files"
                and name not in found.spec.params
                and not (said and name == said.name)
            },
            files=files,
            picture=next((name for name in files if name.endswith(".png")), ""),
            canvas=kernel.canvas(found.spec.params) if kernel else None,
            previewed=kernel is not None and kernel.has_preview,
            estimate=said,
            estimates=kernel is not None and kernel.has_estimate,
            samples=thinned(history_of(h, found)),
            left=left(forecast(h, found)),
            unit_holds=kernel.unit_holds if kernel else UNITS,
            profile=profile_of(h, found, h.store.views.timeline(found.id)),
            ends=END_WORDS,
            story=[e for e in story if only.lower() in f"{e.verb} {e.text}".lower()],
            last=story[-1].id if story else "",
            verbs=sorted({entry.verb for entry in story}),
            only=only,
            only_max=ONLY_CHARS_MAX,
        )

    def cancel(self, job: str) -> AnyResponse:
        """End the job, and show it."""
        found = cancel(self._h, body.job_id(job), "cancelled on its page")
        return redirect(url_for("pages.job", job=found.id), 303)

    def _front(self, form: Form, status: int = 200) -> Response:
        return page(
            "front.html",
            status,
            form=form,
            kernels=self._h.kernels(),
            presets=form.kernel.presets,
            priority=PRIORITY,
            priority_field=PRIORITY_FIELD,
            key=self._h.clock.new_id(),
            jobs=self._rows(self._h.store.views.jobs(LATEST)),
            here=roster(self._h).here,
        )

    def _rows(self, jobs: Iterable[Job]) -> list[tuple[Job, Estimate | None, Params]]:
        """Each job with its estimate and what sets it apart from others of its kernel."""
        return [(job, estimate(self._h, job), self._params_shown(job)) for job in jobs]

    def _params_shown(self, job: Job) -> Params:
        kernel, params = self._h.kernel_of(job), list(job.spec.params.items())
        if kernel is None:
            return params
        own = [(name, value) for name, value in params if value != kernel.params[name].default]
        return own or params[:1]


def thinned(samples: list[Sample]) -> list[Sample]:
    """At most about ROWS of a job's samples that say something, the last one among them."""
    with_estimate = [sample for sample in samples if sample.estimate]
    step = -(-len(with_estimate) // ROWS) or 1
    return with_estimate[::-1][::step][::-1]


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
