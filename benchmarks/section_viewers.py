"""Many viewers of one job, and the bytes that one viewer of a picture is sent.

Viewers are plain sockets read by one selector thread each process, so that the readers cost little
beside the server. The delay of an event is from the moment that the store wrote a story's entry to
the moment that a viewer has read it; server and viewers share a clock here.
"""

from __future__ import annotations

import http.client
import json
import selectors
import socket
import statistics
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.report import Rows
from benchmarks.section_latency import fleet

VIEWERS = 200
WATCH_S = 10.0
ROUNDS = 3
SAMPLES = 10**12
"""More points than the fleet throws while it is watched."""

COLUMNS = 2048
WEB_THREADS = VIEWERS + 32


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Throughput beside viewers, their delays, the memory they take; a picture's bytes."""
    with fleet(HYDRA_WEB_THREADS=str(WEB_THREADS)) as (url, folder):
        seen: dict[int, list[Seen]] = {0: [], 1: [], VIEWERS: []}
        for _ in range(rounds or ROUNDS):
            for viewers, runs in seen.items():
                runs.append(_watched(url, folder, viewers))
        alone_s = statistics.median(run.units_s for run in seen[0])
        for viewers, runs in seen.items():
            delays_ms = [delay for run in runs for delay in run.delays_ms]
            rows.add(
                "Viewers of one pi job, on two workers",
                viewers=viewers,
                delay_ms=statistics.median(delays_ms) if delays_ms else "",
                delay_p99_ms=_p99(delays_ms) if delays_ms else "",
                scheduler_mb=max(run.scheduler_mb for run in runs),
                rate_of_alone=statistics.median(run.units_s for run in runs) / alone_s,
                events=len(delays_ms),
                runs=len(runs),
            )
        rows.add("A picture of 2048 x 2048, one viewer from start to end", **_picture(url))


@dataclass
class Seen:
    """What came of watching a job."""

    units_s: float
    scheduler_mb: float
    delays_ms: list[float] = field(default_factory=list)


def _watched(url: str, folder: Path, viewers: int) -> Seen:
    """Run a long job for WATCH_S with so many viewers, then cancel it."""
    job = _call(url, "POST", "/api/v1/jobs", {"kernel": "pi", "params": {"samples": SAMPLES}})
    links = job["links"]
    with selectors.DefaultSelector() as readers:
        for _ in range(viewers):
            readers.register(_stream(url, links["events"]), selectors.EVENT_READ, bytearray())
        _delays(readers, 2.0)  # the beginning, with its replay, does not count
        before, since_s = _call(url, "GET", links["self"]), time.monotonic()
        delays_ms = _delays(readers, WATCH_S)
        after = _call(url, "GET", links["self"])
        units_s = (after["done_units"] - before["done_units"]) / (time.monotonic() - since_s)
        megabytes = _scheduler_mb(folder)
        for key in list(readers.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    _call(url, "POST", links["cancel"], {})
    return Seen(units_s, megabytes, delays_ms)


def _delays(readers: selectors.BaseSelector, seconds: float) -> list[float]:
    """Read every stream for so long; the delay of each story entry."""
    found: list[float] = []
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        if not readers.get_map():
            time.sleep(left_s)
        for key, _ in readers.select(left_s):
            key.data.extend(key.fileobj.recv(65536))  # type: ignore[union-attr]
            now_ms = time.time() * 1000
            *whole, rest = bytes(key.data).split(b"\n\n")
            key.data[:] = rest
            found += [now_ms - at for event in whole if (at := _written_ms(event)) is not None]
    return found


def _written_ms(event: bytes) -> float | None:
    """When the store wrote the story's entry in this event; None for other events."""
    if b"event: story" not in event:
        return None
    data = event.partition(b"data: ")[2].split(b"\n")[0]
    return datetime.fromisoformat(json.loads(data)["at"]).timestamp() * 1000


def _stream(url: str, path: str) -> socket.socket:
    at = urlsplit(url)
    stream = socket.create_connection((at.hostname or "", at.port or 80), timeout=10)
    request = f"GET {path} HTTP/1.1\r\nHost: {at.netloc}\r\nAccept: text/event-stream\r\n\r\n"
    stream.sendall(request.encode())
    return stream


def _picture(url: str) -> dict[str, Any]:
    """Follow a picture as the page does: a stream of events, and the tiles that are new."""
    params = {"columns": COLUMNS, "rows": COLUMNS, "iterations": 20_000, "antialias": 3}
    job = _call(url, "POST", "/api/v1/jobs", {"kernel": "mandelbrot", "params": params})
    sent = {"events": 0, "tiles": 0}
    arrived, state = 0, "running"
    stream = _stream(url, job["links"]["events"])
    began_s = time.monotonic()
    while state not in ("done", "failed", "cancelled"):
        sent["events"] += len(stream.recv(1 << 20))
        status, headers, body = _ask(url, "GET", f"{job['links']['self']}/tiles?after={arrived}")
        if status == 200:
            sent["tiles"] += len(body)
            arrived = int(headers["X-Hydra-Arrived"])
        state = _call(url, "GET", job["links"]["self"])["state"]
    stream.close()
    files = _call(url, "GET", job["links"]["result"])["answer"]["files"]
    picture = files["image.png"]["bytes"]
    return {
        "took_s": time.monotonic() - began_s,
        "events_kb": sent["events"] / 1e3,
        "tiles_kb": sent["tiles"] / 1e3,
        "tiles_seen": arrived,
        "image_png_kb": picture / 1e3,
        "all_kb": (sum(sent.values()) + picture) / 1e3,
    }


def _call(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    status, _, content = _ask(url, method, path, body)
    if status >= 400:
        raise RuntimeError(f"{method} {path}: {status} {content[:200]!r}")
    return dict(json.loads(content))


def _ask(
    url: str, method: str, path: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, str], bytes]:
    at = urlsplit(url)
    asked = http.client.HTTPConnection(at.hostname or "", at.port, timeout=30)
    try:
        text = None if body is None else json.dumps(body)
        asked.request(method, path, text, {"Content-Type": "application/json"} if text else {})
        reply = asked.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        asked.close()


def _scheduler_mb(folder: Path) -> float:
    """Resident memory of the processes that serve this folder's scheduler, largest of them."""
    found = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            environ = (process / "environ").read_bytes()
            if b"scheduler" in words and str(folder).encode() in environ:
                resident = (process / "statm").read_text().split()[1]
                found = max(found, int(resident) * 4096 / 1e6)
        except OSError:
            continue  # it has just ended
    return found


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98] if len(values) > 1 else values[0]
