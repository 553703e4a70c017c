"""Forms carry a token that only our own pages know: a random cookie, given twice.

A page of another site can make a browser send our cookie, but cannot read it, so it cannot put
the same token into the form. The guard of the API refuses foreign origins as well; this also
holds where a browser tells none.
"""

from __future__ import annotations

import hmac
import re

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import Forbidden

from hydra.clock import Clock

COOKIE = "hydra-form"
FIELD = "_token"


def protect(door: Blueprint, clock: Clock) -> None:
    """Check every POST of the blueprint, and give its templates `form_token()`."""

    def form_token() -> str:
        """The token of this browser, drawn at its first form."""
        known = request.cookies.get(COOKIE, "")
        if not re.fullmatch("[0-9a-f]{32}", known):
            known = g.form_token = g.get("form_token") or clock.new_id()
        return str(known)

    def check() -> None:
        """Raise Forbidden unless form and cookie name the same token."""
        if request.method != "POST":
            return
        given, known = request.form.get(FIELD, ""), request.cookies.get(COOKIE, "")
        if not known or not hmac.compare_digest(given.encode(), known.encode()):
            raise Forbidden("the form's token is missing or old; load its page again")

    def keep(response: Response) -> Response:
        if "form_token" in g:
            response.set_cookie(COOKIE, g.form_token, httponly=True, samesite="Strict")
        return response

    door.before_request(check)
    door.after_request(keep)
    door.app_context_processor(lambda: {"form_token": form_token})
