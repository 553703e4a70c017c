"""Who may come in: Host, same origin, credential, and the security headers on the way out.

Without a token the scheduler listens on loopback only, yet any web page open on this machine can
make its browser call us. Two checks keep such pages out: the Host must be one of ours (a name that
was rebound to 127.0.0.1 is not), and a request from another site may neither reach the API nor send
a form: browsers say where each is from, in Sec-Fetch-Site, Origin or Referer, and a page cannot
change that. So forms carry no token.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, redirect, request
from itsdangerous import BadSignature, Signer
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as AnyResponse

from hydra.errors import BadCredential
from hydra.http import body
from hydra.http.routes import Reply, Routes, route
from hydra.http.wire import Wire, says
from hydra.services import Hydra

COOKIE_S = 30 * 86_400
"""How long a login lasts."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` from our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Link(Wire, frozen=True):
    """What the printed link carries."""

    token: Annotated[str, says("the scheduler's token")] = ""


class Guard(Routes):
    """The checks before every request and the headers after it."""

    def __init__(self, h: Hydra) -> None:
        self._clock = h.clock
        self._token = h.settings.token.encode()
        bound = h.settings.bind.strip("[]").lower()
        self._hosts = frozenset({"localhost", "127.0.0.1", "::1", bound})
        self._signer = Signer(self._token, "hydra login", digest_method=hashlib.sha256)
        # Cookies do not know ports: two schedulers on one host must not log each other out.
        self._cookie = "hydra-" + hashlib.sha256(self._token).hexdigest()[:8]
        self._public: frozenset[str] = frozenset()

    def install(self, blueprint: Blueprint) -> None:
        """Stand before every route of the application, not only the API's."""
        blueprint.before_app_request(self.check)
        blueprint.after_app_request(self.add_headers)
        super().install(blueprint)

    def open_to_all(self, groups: Iterable[Routes]) -> None:
        """Ask for no credential where these groups' public routes are, nor for static files."""
        routes = [route for group in groups for route in group.declared()]
        self._public = frozenset(route.path for route in routes if route.public)

    def check(self) -> None:
        """Raise Forbidden or BadCredential unless the request may go on."""
        g.bearer = self._has_bearer()
        if not self._token:
            self._check_host()
        if not g.bearer:
            self._check_origin()
        open_path = request.path in self._public or request.endpoint == "static"
        if not open_path and not self.admits():
            raise BadCredential("this scheduler needs its token: a bearer token, or the login link")

    def admits(self) -> bool:
        """Whether the request carries a credential, where one is needed."""
        return not self._token or bool(g.bearer) or self._has_cookie()

    @route(
        "GET", "/login", Reply(None, 303, "to the page"), problems=(401,), query=Link, public=True
    )
    def login(self) -> AnyResponse:
        """Exchange the token for a cookie."""
        given = body.query(Link).token
        if not self._token:
            return redirect("/", 303)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._token):
            raise BadCredential("the link's token is not this scheduler's", field="token")
        until = int(self._clock.wall_s()) + COOKIE_S
        response = redirect("/", 303)
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(
            self._cookie,
            self._signer.sign(str(until)).decode(),
            max_age=COOKIE_S,
            httponly=True,
            samesite="Strict",
            secure=request.is_secure,
        )
        return response

    def add_headers(self, response: Response) -> Response:
        """Put the security headers on a response."""
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    def _has_bearer(self) -> bool:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if not self._token or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode("utf-8", "replace"), self._token)

    def _has_cookie(self) -> bool:
        try:
            until = self._signer.unsign(request.cookies.get(self._cookie, ""))
        except BadSignature:
            return False
        return self._clock.wall_s() < int(until)

    def _check_host(self) -> None:
        try:
            host = urlsplit("//" + request.host).hostname
        except ValueError:
            host = None
        if host not in self._hosts:
            raise Forbidden("the Host of this request is not this scheduler's")

    def _check_origin(self) -> None:
        changes = request.method not in ("GET", "HEAD", "OPTIONS")
        site = request.headers.get("Sec-Fetch-Site")
        if site is None:
            # Over plain HTTP browsers send no Sec-Fetch-Site, but with a form or a script always
            # Origin or Referer. A change with neither is not from a browser, so it uses nobody's
            # cookie.
            origin = request.headers.get("Origin", request.headers.get("Referer"))
            foreign = changes and origin is not None and not _same_host(origin, request.host)
        elif changes:
            foreign = site not in ("same-origin", "none")
        else:
            followed = request.headers.get("Sec-Fetch-Mode") == "navigate"
            foreign = site == "cross-site" and not followed and request.path.startswith("/api/")
        if foreign:
            raise Forbidden("another site may not do this")


def _same_host(origin: str, host: str) -> bool:
    # The scheme is left out: behind a proxy that ends TLS we see http where the browser saw https.
    try:
        found = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(found) and found.lower() == host.lower()
