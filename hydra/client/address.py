"""Which scheduler a caller on this machine means, and the token that it wants."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from hydra.errors import BadSetting
from hydra.settings import DEFAULT_URL, Settings


def parse_url(text: str) -> str:
    """The address of a scheduler without a slash at its end; raises BadSetting if it is none."""
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return text.rstrip("/")
    except ValueError:  # a port or an IPv6 address that is none
        pass
    raise BadSetting(f"the address of a scheduler is http://HOST:PORT, not {text!r}", field="url")


def find_url() -> str:
    """HYDRA_URL, or where `hydra up` of this state folder listens, or the default."""
    if given := os.environ.get("HYDRA_URL"):
        return given
    return _up_url() or DEFAULT_URL


def _up_url() -> str:
    """Where `hydra up` listens on this machine, if it runs."""
    try:
        up = json.loads((Path(Settings.read().state_dir) / "up.json").read_text())
        os.kill(int(up["pid"]), 0)
        return str(up["url"])
    except PermissionError:  # it lives, under another user
        return str(up["url"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def find_token(url: str) -> str:
    """HYDRA_TOKEN, or for a scheduler of this machine the one in the state folder, or empty."""
    if given := os.environ.get("HYDRA_TOKEN"):
        return given
    # The state folder's token is for this machine's scheduler: no other may see it.
    host = urlsplit(url).hostname
    if host not in ("127.0.0.1", "localhost", "::1") and url != _up_url():
        return ""
    try:
        return (Path(Settings.read().state_dir) / "token").read_text().strip()
    except OSError:
        return ""
