"""The ancestor's job endpoints: its paths and fields over our jobs, so that its clients work here.

The caller chooses a job's id. The same request again is the same job, another one under that id is
a conflict, and what runs is never overwritten. Documents like the ancestor's are given with 404,
too: its clients read the fields, not the status.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response

from hydra.api.ancestor.png import pixels_of
from hydra.api.v1.shapes import estimate, files_of, history_json, kernel_of
from hydra.errors import BadParam, KeyReused, Missing, TooLarge
from hydra.http import body
from hydra.http.reply import reply, text_of
from hydra.http.schema import NAME_CHARS_MAX
from hydra.kernels import canvas_of, find, paint, parse_params
from hydra.model import FINAL, Job, JobState
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit

RESOLUTION = 256
"""What the ancestor draws if none is given."""

ITERATIONS = 300
REGION = {"centre_x": -0.5, "centre_y": 0.0, "width": 3.0}
"""Its one view: x from -2 to 1, y from -1.5 to 1.5."""

PIXELS_MAX = 2**20
"""Pixels that one history may list: each takes 35 bytes of JSON."""

ARRIVALS = 64

_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_NAME = re.compile(rf"[\w.:-]{{1,{NAME_CHARS_MAX}}}", re.ASCII)


class AncestorRoutes:
    """The four endpoints about jobs."""

    def __init__(self, h: Hydra) -> None:
        self._h = h

    def install(self, door: Blueprint) -> None:
        """Put the routes on the blueprint."""
        create, error = "/api/create_job", "/api/mark_job_error/<job_id>"
        door.add_url_rule(create, view_func=self.create_job, methods=["POST"])
        door.add_url_rule("/api/job_status/<job_id>", view_func=self.job_status)
        door.add_url_rule(error, view_func=self.mark_job_error, methods=["POST"])
        door.add_url_rule("/api/job_history/<job_id>", view_func=self.job_history)

    def create_job(self) -> Response:
        """Open a job under the caller's id."""
        given = body.json_object(("job_id", "task_type", "points", "resolution"))
        name = body.text(given.get("job_id"), "/job_id", NAME_CHARS_MAX)
        if not _NAME.fullmatch(name) or not name.strip("."):
            raise BadParam("job_id must be letters, digits and . _ : - only", field="/job_id")
        kernel, params = self._request(given)
        job = submit(self._h, kernel, params, key=f"job {name}", job_id=own_id(name))
        asked = parse_params(find(self._h.kernels(), kernel), params)
        if (job.spec.kernel, dict(job.spec.params)) != (kernel, asked):
            raise KeyReused("another job has this job_id", field="/job_id")
        return reply({"job_id": name, "status": "created"})

    def _request(self, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Kernel and parameters; what is wrong is named as the caller named it."""
        task = given.get("task_type")
        points, resolution = given.get("points"), given.get("resolution", 0)
        if task == "calculate_pi":
            bound = find(self._h.kernels(), "pi").PARAMS["samples"]
            return "pi", {"samples": _checked(bound, "points", points)}
        if task == "calculate_mandelbrot":
            bound = find(self._h.kernels(), "mandelbrot").PARAMS["columns"]
            side = _checked(bound, "resolution", resolution or RESOLUTION)
            return "mandelbrot", {
                "columns": side,
                "rows": side,
                "iterations": ITERATIONS,
                **REGION,
            }
        raise BadParam("task_type must be calculate_pi or calculate_mandelbrot", field="/task_type")

    def job_status(self, job_id: str) -> Response:
        """How a job stands; percent is never beyond 100."""
        try:
            job = self._h.store.job(own_id(job_id))
        except Missing:
            return _status("error", "", "job_id not found", 0.0, 404)
        said = estimate(self._h, job)
        partial = f"{said.value:.6f}" if said else ""
        share = 100 * min(1.0, job.done_units / job.spec.total_units)
        if job.state is JobState.DONE:
            draws = canvas_of(kernel_of(self._h, job), job.spec.params) is not None
            words = ("Mandelbrot complete", "Done") if draws else (partial, partial)
            return _status("finished", *words, 100.0)
        if job.state in FINAL:
            return _status("error", "", partial or job.reason, share)
        return _status("in-progress", "", partial, share)

    def mark_job_error(self, job_id: str) -> Response:
        """End a job that has not ended."""
        job = cancel(self._h, own_id(job_id), "marked as an error by its client")
        status = "finished" if job.state is JobState.DONE else "error"
        return reply({"job_id": job_id, "status": status})

    def job_history(self, job_id: str) -> Response:
        """The way of a job of pi, or the pixels of a picture that are there."""
        try:
            job = self._h.store.job(own_id(job_id))
        except Missing:
            return reply({"samples": [], "pixels": []}, 404)
        samples = [
            {
                "percent": 100 * min(1.0, sample["done_units"] / job.spec.total_units),
                "approx_pi": sample["estimate"]["value"],
            }
            for sample in history_json(self._h, job)
            if sample["estimate"]
        ]
        lines = _history(samples, self._pixels(job))
        response = Response(lines, mimetype="application/json")
        response.headers["Cache-Control"] = "no-store"
        return response

    def _pixels(self, job: Job) -> Iterator[tuple[int, bytes]]:
        """Index and colour of each pixel there is; raises TooLarge before the first."""
        canvas = canvas_of(kernel_of(self._h, job), job.spec.params)
        if canvas is None:
            return iter(())
        columns, rows = canvas
        if columns * rows > PIXELS_MAX:
            raise TooLarge(
                f"this picture has more than {PIXELS_MAX} pixels; its tiles and its image.png are "
                f"at /api/v1/jobs/{job.id}"
            )
        if job.state is JobState.DONE:
            if "image.png" not in files_of(self._h.store.answer(job.id)):
                return iter(())
            return enumerate(pixels_of(self._h.store.file(job.id, "image.png")))
        return self._arrived(job, columns, rows)

    def _arrived(self, job: Job, columns: int, rows: int) -> Iterator[tuple[int, bytes]]:
        kernel, store, seen = kernel_of(self._h, job), self._h.store, 0
        found: list[bytes | None] = [None] * (columns * rows)
        while kernel and (units := store.arrivals(job.id, seen, ARRIVALS)):
            seen += len(units)
            for unit, blob in store.pieces(job.id, units).items():
                tile = paint(kernel, job.spec.params, unit, blob)
                for place in range(tile.columns * tile.rows):
                    row, column = divmod(place, tile.columns)
                    index = (tile.y + row) * columns + tile.x + column
                    found[index] = tile.rgb[3 * place : 3 * place + 3]
        return ((index, colour) for index, colour in enumerate(found) if colour is not None)


def own_id(name: str) -> str:
    """Our id of the job that the caller calls so: of a UUID its digits, else a digest."""
    if _UUID.fullmatch(name.lower()):
        return name.lower().replace("-", "")
    return hashlib.sha256(f"job {name}".encode("utf-8", "replace")).hexdigest()[:32]


def _checked(bound: Any, name: str, value: object) -> object:
    try:
        return bound.parse(name, value)
    except BadParam as error:
        raise BadParam(error.sentence, field=f"/{name}") from None


def _status(
    status: str, result: str, partial: str, percent: float, http_status: int = 200
) -> Response:
    found = {
        "status": status,
        "result": result,
        "partial_result": partial,
        "percent_complete": percent,
    }
    return reply(found, http_status)


def _history(samples: list[dict[str, float]], pixels: Iterator[tuple[int, bytes]]) -> Iterator[str]:
    """The document piece by piece: as one text it would take many times its size in memory."""
    yield '{"samples":' + text_of(samples) + ',"pixels":['
    part: list[str] = []
    comma = ""
    for index, colour in pixels:
        part.append(json.dumps({"index": index, "color": "#" + colour.hex().upper()}))
        if len(part) == RESOLUTION:
            yield comma + ",".join(part)
            part, comma = [], ","
    yield (comma if part else "") + ",".join(part) + "]}\n"
