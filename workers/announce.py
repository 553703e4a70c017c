"""What a scheduler says at its start: where it is, how to log in, and how others join."""

from __future__ import annotations

import dataclasses
from urllib.parse import quote, urlsplit

from hydra.server.addresses import host_for, is_loopback, parse_bind
from hydra.server.process import TcpEndpoint
from hydra.server.running import PORT
from hydra.server.state_folder import keep_secret, open_folder
from hydra.settings import Settings


def with_token(settings: Settings) -> Settings:
    """The settings with a token, made and kept in the state folder, if others can reach us."""
    if settings.token or is_loopback(parse_bind(settings.bind, "HYDRA_BIND")):
        return settings
    token = keep_secret(open_folder(settings.state_dir), "token")
    return dataclasses.replace(settings, token=token)


def url_of(settings: Settings) -> str:
    """The address on which the scheduler listens, as one types it."""
    return f"http://{host_for(settings.bind)}:{settings.port}"


def where(settings: Settings) -> str:
    """The line that says where the page is, with the log-in if one is needed."""
    login = f"/login?token={quote(settings.token)}" if settings.token else ""
    return f"Hydra is at {settings.public_url.rstrip('/') or url_of(settings)}{login}"


def joining(line: str) -> str:
    """The line for other machines, introduced."""
    return f"Another machine joins with: {line}"


def lines(settings: Settings) -> list[str]:
    """All there is to say for a scheduler whose Redis is somebody else's."""
    said = [where(settings)]
    if settings.redis_bind:
        bind = parse_bind(settings.redis_bind, "HYDRA_REDIS_BIND")
        password = urlsplit(settings.redis_url).password or ""
        endpoint = TcpEndpoint(settings.redis_port or PORT, bind, password)
        if endpoint.join_line:
            said.append(joining(endpoint.join_line))
    return said
