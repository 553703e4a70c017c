"""The pages: a form, the latest jobs, one job. They work without JavaScript; live.js adds life."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Flask, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from hydra.api.body import REASON_BY_PAGE, idempotency_text, job_id
from hydra.api.reply import on_http_error, on_hydra_error
from hydra.api.shapes import iso
from hydra.errors import BadParam, HydraError
from hydra.kernels import find
from hydra.model import FINAL, Job, JobState
from hydra.services import Hydra
from hydra.services.cancel import cancel
from hydra.services.submit import submit
