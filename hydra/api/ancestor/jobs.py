"""The ancestor's job endpoints: its paths and fields over our jobs, so that its clients work here.

The caller chooses a job's id. The same request again is the same job, another one under that id is
a conflict, and what runs is never overwritten. Documents like the ancestor's are given with 404,
too: its clients read the fields, not the status.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, Literal

from flask import Response
from msgspec import Meta

from hydra.api.v1.shapes import estimate, files_of, history_of
from hydra.errors import BadParam, KeyReused, Missing, TooLarge
from hydra.http import body
from hydra.http.names import Name, own_id
from hydra.http.reply import encoded, reply
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import Count, Wire, says
from hydra.kernels import find, parse_params
from hydra.model import FINAL, Job, JobState
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit

POINTS_MAX = 10**18
RESOLUTION = 256
"""What the ancestor draws if none is given."""

RESOLUTION_MAX = 8192

ITERATIONS = 300
REGION = {"centre_x": -0.5, "centre_y": 0.0, "width": 3.0}
"""Its one view: x from -2 to 1, y from -1.5 to 1.5."""

PIXELS_MAX = 2**20
"""Pixels that one history may list: each takes 35 bytes of JSON."""

ARRIVALS = 64

Status = Literal["in-progress", "finished", "error"]
Unread = Annotated[Any, says("not read here")]


class AncestorNewJob(Wire, frozen=True, tag_field="task_type"):
    """A request to open a job under an id of the caller's choice."""

    job_id: Name
    points: Unread = None
    resolution: Unread = None


class AncestorPi(AncestorNewJob, frozen=True, kw_only=True, tag="calculate_pi"):
    """A request for pi."""

    points: Annotated[
        Any, Meta(extra_json_schema={"type": "integer", "minimum": 1, "maximum": POINTS_MAX})
    ]


class AncestorPicture(AncestorNewJob, frozen=True, tag="calculate_mandelbrot"):
    """A request for the ancestor's one view of the Mandelbrot set."""

    resolution: Annotated[
        Any,
        Meta(
            description=f"0 or null stands for {RESOLUTION}",
            extra_json_schema={
                "type": ["integer", "null"],
                "minimum": 0,
                "maximum": RESOLUTION_MAX,
            },
        ),
    ] = 0


class AncestorJob(Wire, frozen=True):
    """A job, and its status."""

    job_id: str
    status: str


class AncestorStatus(Wire, frozen=True):
    """How a job stands."""

    status: Status
    result: str
    partial_result: str
    percent_complete: Annotated[float, Meta(ge=0, le=100)]


class AncestorSample(Wire, frozen=True):
    """The estimate of pi at one moment."""

    percent: float
    approx_pi: float


class AncestorPixel(Wire, frozen=True):
    """One pixel of a picture, by its number row by row."""

    index: Count
    color: str


class AncestorHistory(Wire, frozen=True):
    """The estimates of a job of pi over time, or the pixels of a picture so far."""

    samples: list[AncestorSample]
    pixels: list[AncestorPixel]


class AncestorRoutes(Routes):
    """The four endpoints about jobs."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    @route(
        "POST",
        "/api/create_job",
        AncestorJob,
        problems=(404, 409, 429),
        body=AncestorPi | AncestorPicture,
    )
    def create_job(self) -> Response:
        """Open a job under an id of the caller's choice."""
        given = body.read(AncestorPi, AncestorPicture)
        name = given.job_id
        kernel, params = self._request(given)
        job = submit(self._h, kernel, params, key=f"job {name}", job_id=own_id(name))
        asked = parse_params(find(self._h.kernels(), kernel), params)
        if (job.spec.kernel, dict(job.spec.params)) != (kernel, asked):
            raise KeyReused("another job has this job_id", field="/job_id")
        return reply(AncestorJob(job_id=name, status="created"))

    def _request(self, given: AncestorNewJob) -> tuple[str, dict[str, Any]]:
        """Kernel and parameters; what is wrong is named as the caller named it."""
        if isinstance(given, AncestorPi):
            bound = find(self._h.kernels(), "pi").params["samples"]
            return "pi", {"samples": _checked(bound, "points", given.points)}
        bound = find(self._h.kernels(), "mandelbrot").params["columns"]
        asked = given.resolution
        unsaid = asked is None or (asked == 0 and not isinstance(asked, bool))
        side = _checked(bound, "resolution", RESOLUTION if unsaid else asked)
        return "mandelbrot", {"columns": side, "rows": side, "iterations": ITERATIONS, **REGION}

    @route(
        "GET", "/api/job_status/<job_id>", AncestorStatus, Reply(AncestorStatus, 404, "no such job")
    )
    def job_status(self, job_id: Name) -> Response:
        """How such a job stands."""
        try:
            job = self._h.store.views.job(own_id(job_id))
        except Missing:
            return reply(_status("error", "", "job_id not found", 0.0), 404)
        return reply(self._standing(job))

    def _standing(self, job: Job) -> AncestorStatus:
        said = estimate(self._h, job)
        partial = f"{said.value:.6f}" if said else ""
        share = 100 * min(1.0, job.done_units / job.spec.total_units)
        if job.state is JobState.DONE:
            words = ("Mandelbrot complete", "Done") if self._canvas(job) else (partial, partial)
            return _status("finished", *words, 100.0)
        if job.state in FINAL:
            return _status("error", "", partial or job.reason, share)
        return _status("in-progress", "", partial, share)

    @route("POST", "/api/mark_job_error/<job_id>", AncestorJob)
    def mark_job_error(self, job_id: Name) -> Response:
        """End such a job; one that has ended stays as it is."""
        job = cancel(self._h, own_id(job_id), "marked as an error by its client")
        status = "finished" if job.state is JobState.DONE else "error"
        return reply(AncestorJob(job_id=job_id, status=status))

    @route(
        "GET",
        "/api/job_history/<job_id>",
        AncestorHistory,
        Reply(AncestorHistory, 404, "no such job"),
        problems=(413,),
    )
    def job_history(self, job_id: Name) -> Response:
        """Its estimates over time, and its pixels so far."""
        try:
            job = self._h.store.views.job(own_id(job_id))
        except Missing:
            return reply(AncestorHistory(samples=[], pixels=[]), 404)
        samples = [
            AncestorSample(
                percent=100 * min(1.0, sample.done_units / job.spec.total_units),
                approx_pi=sample.estimate.value,
            )
            for sample in history_of(self._h, job)
            if sample.estimate
        ]
        lines = _history(samples, self._pixels(job))
        response = Response(lines, mimetype="application/json")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _canvas(self, job: Job) -> tuple[int, int] | None:
        kernel = self._h.kernel_of(job)
        return kernel.canvas(job.spec.params) if kernel else None

    def _pixels(self, job: Job) -> Iterator[tuple[int, bytes]]:
        """Index and colour of each pixel there is; raises TooLarge before the first."""
        canvas = self._canvas(job)
        if canvas is None:
            return iter(())
        columns, rows = canvas
        if columns * rows > PIXELS_MAX:
            raise TooLarge(
                f"this picture has more than {PIXELS_MAX} pixels; its tiles and its image.png are "
                f"at /api/v1/jobs/{job.id}"
            )
        if job.state is JobState.DONE:
            from hydra.api.ancestor.png import pixels_of  # NumPy, which few requests need

            if "image.png" not in files_of(self._h.store.views.answer(job.id)):
                return iter(())
            return enumerate(pixels_of(self._h.store.views.file(job.id, "image.png")))
        return self._arrived(job, columns, rows)

    def _arrived(self, job: Job, columns: int, rows: int) -> Iterator[tuple[int, bytes]]:
        kernel, store, after = self._h.kernel_of(job), self._h.store, ""
        found: list[bytes | None] = [None] * (columns * rows)
        while kernel:
            arrivals = store.views.arrivals(job.id, after, ARRIVALS)
            if not arrivals.units:
                break
            after = arrivals.cursor(len(arrivals.units))
            for unit, blob in store.views.pieces(job.id, arrivals.units).items():
                tile = kernel.paint(job.spec.params, unit, blob)
                for place in range(tile.columns * tile.rows):
                    row, column = divmod(place, tile.columns)
                    index = (tile.y + row) * columns + tile.x + column
                    found[index] = tile.rgb[3 * place : 3 * place + 3]
        return ((index, colour) for index, colour in enumerate(found) if colour is not None)


def _status(status: Status, result: str, partial: str, percent: float) -> AncestorStatus:
    return AncestorStatus(
        status=status, result=result, partial_result=partial, percent_complete=percent
    )


def _checked(bound: Any, name: str, value: object) -> object:
    try:
        return bound.parse(name, value)
    except BadParam as error:
        raise BadParam(error.sentence, field=f"/{name}") from None


def _history(samples: list[AncestorSample], pixels: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """The document piece by piece: as one text it would take many times its size in memory."""
    yield b'{"samples":' + encoded(samples) + b',"pixels":['
    comma = b""
    drawn = (
        AncestorPixel(index=index, color="#" + colour.hex().upper()) for index, colour in pixels
    )
    while part := list(islice(drawn, RESOLUTION)):
        yield comma + encoded(part)[1:-1]
        comma = b","
    yield b"]}\n"
