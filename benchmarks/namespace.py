"""A network namespace of our own behind a narrow link: `tc tbf` at both ends of a veth pair.

Needs root and Linux. The link's queue holds 0.4 s, and what does not fit is dropped, as a router
does; unlike a proxy's bytes a second, these count the headers of packets too.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

NEAR, FAR = "198.18.77.1", "198.18.77.2"
"""From the block that is set aside for measuring networks (RFC 2544)."""

BURST, QUEUE = "16kb", "400ms"


@dataclass(frozen=True)
class Behind:
    """How to get behind the link, and what one sees from there."""

    prefix: tuple[str, ...]
    """Words before a command that make it run there."""
    address: str
    """Our side's address."""


@contextmanager
def narrow(bits_s: int) -> Iterator[Behind | None]:
    """A link of that rate each way, gone at the end; None where we may not make one."""
    name, near, far = f"hydra-bench-{os.getpid()}", f"hyb{os.getpid()}", f"hyp{os.getpid()}"
    shape = f"root tbf rate {bits_s}bit burst {BURST} latency {QUEUE}"
    steps = (
        f"ip link add {near} type veth peer name {far} netns {name}",
        f"ip addr add {NEAR}/30 dev {near}",
        f"ip link set {near} up",
        f"ip -n {name} addr add {FAR}/30 dev {far}",
        f"ip -n {name} link set {far} up",
        f"ip -n {name} link set lo up",
        f"tc qdisc add dev {near} {shape}",
        f"tc -n {name} qdisc add dev {far} {shape}",
    )
    made = _do("ip", "netns", "add", name)
    try:
        whole = made and all(_do(*words.split()) for words in steps)
        yield Behind(("ip", "netns", "exec", name), NEAR) if whole else None
    finally:
        if made:
            _do("ip", "link", "del", near)  # before the namespace: its processes may hold that
            _do("ip", "netns", "del", name)


def _do(*words: str) -> bool:
    try:
        return not subprocess.run(words, check=False, capture_output=True).returncode
    except FileNotFoundError:
        return False
