"""A site for browsers: the real application and server, a real worker, a picture that can wait."""

from __future__ import annotations

import importlib.util
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from hydra.kernels import load
from hydra.model import Params, Pieces, Span
from hydra.model.messages import Hint
from hydra.services import Hydra
from hydra.services.reap import reap
from hydra.settings import Settings
from hydra.web import create_app
from hydra.wiring import in_memory
from hydra.work.local import LocalPort, session_here
from hydra.work.worker import Worker
from tests import drawing

CHROMIUM = os.environ.get("HYDRA_TEST_CHROMIUM") or next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    "",
)

if not CHROMIUM or importlib.util.find_spec("playwright") is None:
    missing = "a browser: install chromium, and playwright from the test extra"
    if os.environ.get("CI"):
        raise RuntimeError(f"CI must have {missing}")
    pytest.skip(f"there must be {missing}", allow_module_level=True)

from playwright.sync_api import (  # noqa: E402
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

__all__ = [
    "CHROMIUM",
    "FLAGS",
    "PICTURE",
    "WAIT_MS",
    "Site",
    "Tab",
    "answer",
    "begin",
    "expect",
    "state",
    "sync_playwright",
]

PICTURE = {"columns": "128", "rows": "96"}
"""A picture of 48 tiles."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 15_000
expect.set_options(timeout=WAIT_MS)
TILE_S = 0.06
"""Time to draw one while some are held: five last longer than a beat, so they are handed in. Else a
sixth of it: by a rate without bound the first slice would have them all."""
AXE = Path(__file__).parent / "vendor" / "axe.min.js"

WATCH = """
document.addEventListener("securitypolicyviolation",
  (event) => console.error("CSP: " + event.violatedDirective + " " + event.blockedURI));
"""


class Site:
    """A scheduler on a real port, which can be stopped and started, and one worker."""

    def __init__(self, **settings: Any) -> None:
        self.held_from = 0
        self.opened = threading.Event()
        self.opened.set()
        kernels = {**load(), "drawing": drawing.kernel(self._draw)}
        self.h: Hydra = in_memory(
            Settings.read({}, shift_seconds=1.0, beat_seconds=0.2, slice_seconds=0.05, **settings),
            load=lambda: kernels,
        )
        self.port = 0
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._work, self._reap)]
        for thread in self._threads:
            thread.start()
        self.start()

    def _draw(self, params: Params, span: Span) -> Pieces:
        for unit in range(*span):
            if unit >= self.held_from:
                self.opened.wait(30)
            self._ended.wait(TILE_S / 6 if self.opened.is_set() else TILE_S)
        return {unit: bytes([unit % 256]) for unit in range(*span)}

    def hold(self, unit: int) -> None:
        """Let no tile from this one on be drawn until `release`."""
        self.held_from = unit
        self.opened.clear()

    def release(self) -> None:
        """Draw on."""
        self.opened.set()

    def _work(self) -> None:
        while not self._ended.is_set():
            Worker(
                LocalPort(self.h),
                self.h.kernels(),
                self.h.clock,
                self.h.settings,
                session_here(self.h),
                stopping=self._ended.is_set,
            ).shift(Hint())

    def _reap(self) -> None:
        while not self._ended.wait(0.5):
            reap(self.h)

    def start(self) -> None:
        """Start the scheduler, on the same port if it ran before."""
        self.app = create_app(self.h)
        self._server = make_server("127.0.0.1", self.port, self.app, threaded=True)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._serving = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._serving.start()

    def stop(self) -> None:
        """Stop the scheduler; jobs and workers live on."""
        self.app.close_streams()
        self._server.shutdown()
        self._serving.join()
        self._server.server_close()

    def close(self) -> None:
        """End everything."""
        self.release()
        self._ended.set()
        self.stop()
        for thread in self._threads:
            thread.join()

    def done_units(self, job: str) -> int:
        """How much of a job is in."""
        return self.h.store.views.job(job).done_units


class Tab:
    """One open page, which remembers what its console said and which tiles it fetched."""

    def __init__(self, context: BrowserContext, site: Site) -> None:
        self.site = site
        self.said: list[str] = []
        self.tiles: list[str] = []
        self.page: Page = context.new_page()
        self.page.add_init_script(WATCH)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("response", self._answered)

    def _heard(self, message: ConsoleMessage) -> None:
        # The readback is `painted`'s, not the page's.
        if message.type in ("error", "warning") and "readback" not in message.text:
            self.said.append(message.text)

    def _answered(self, response: Any) -> None:
        if "/tiles?" in response.url:
            self.tiles.append(response.url.partition("?")[2])

    def go(self, path: str) -> Page:
        """Open a path; an open stream never lets a page come to rest, so only its load counts."""
        self.page.goto(self.site.url + path, wait_until="load")
        return self.page

    @property
    def job(self) -> str:
        """The job whose page is open."""
        return self.page.url.rpartition("/")[2]

    def painted(self) -> list[int]:
        """The tiles that the canvas shows, each looked at in its first pixel."""
        side = drawing.TILE
        found: list[int] = self.page.evaluate(
            """(side) => {
              const canvas = document.querySelector("canvas");
              const across = Math.ceil(canvas.width / side);
              const paper = canvas.getContext("2d");
              return Array.from({length: across * Math.ceil(canvas.height / side)}, (_, n) => n)
                .filter((n) => paper.getImageData(
                  (n % across) * side, Math.floor(n / across) * side, 1, 1).data[3] === 255);
            }""",
            side,
        )
        return found

    def faults(self) -> list[str]:
        """What axe-core finds wrong with the page."""
        self.page.evaluate(AXE.read_text())
        found: list[str] = self.page.evaluate(
            """async () => (await axe.run()).violations.map(
              (v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", "))"""
        )
        return found


def begin(tab: Tab, kernel: str, **typed: str) -> str:
    """Fill a kernel's form and start; the job's id."""
    page = tab.go(f"/new/{kernel}")
    for name, text in typed.items():
        page.fill(f"#in-{name}", text)
    page.get_by_role("button", name="Start").click()
    page.wait_for_url("**/jobs/*")
    return tab.job


def state(page: Page) -> Any:
    """Where a job's page says how it stands."""
    return page.locator('[data-show="state"]')


def answer(site: Site, job: str) -> dict[str, Any]:
    """A done job's answer."""
    return dict(site.h.store.views.answer(job))
