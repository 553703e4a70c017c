"""The same application and client as for the core's routes."""

from tests.http.conftest import app, http

__all__ = ["app", "http"]
