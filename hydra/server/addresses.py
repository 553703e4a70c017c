"""Which addresses are this machine only, and under which one others reach it."""

from __future__ import annotations

import ipaddress
import re
import socket

from hydra.errors import BadSetting

_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def parse_bind(text: str, field: str) -> str:
    """The address to listen on, or BadSetting: an IP address or a host name, nothing else."""
    bare = text.strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        if _HOST_NAME.fullmatch(bare):
            return bare
    raise BadSetting(f"{field} must be an address such as 0.0.0.0, not {text!r}", field=field)


def is_loopback(bind: str) -> bool:
    """Whether only this machine can reach what listens on `bind`."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


def host_for(bind: str) -> str:
    """The name that a person elsewhere types to reach what listens on `bind`, ready for a URL."""
    try:
        address = ipaddress.ip_address(bind)
    except ValueError:
        return bind
    if address.is_unspecified:
        return _outward(address.version) or socket.gethostname()
    return f"[{bind}]" if address.version == 6 else bind


def _outward(version: int) -> str:
    # Connecting a UDP socket sends nothing; it only makes the kernel choose the address with which
    # this machine would speak to the world (the targets are reserved for documentation).
    family, target = (
        (socket.AF_INET, "192.0.2.1") if version == 4 else (socket.AF_INET6, "2001:db8::1")
    )
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((target, 9))
            host = str(probe.getsockname()[0])
    except OSError:
        return ""
    return f"[{host}]" if version == 6 else host
