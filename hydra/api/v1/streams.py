"""Who watches which job: one thread looks, and tells every viewer.

The thread lives while somebody watches. Each viewer has a cursor into the story; only the thread
moves it, so a viewer sees every entry after its first cursor once and in order. The job is read
before its story: when it reads as final, the story read after it is whole.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import defaultdict
from collections.abc import Iterator

from hydra import model
from hydra.api.v1.shapes import Entry, Job, is_final
from hydra.errors import HydraError, Missing, Unavailable
from hydra.http.reply import encoded
from hydra.services import Hydra

LOG = logging.getLogger(__name__)

SEATS_KEPT = 16
"""Threads that streams and long polls leave free for everything else."""

EVENTS_MAX = 1_000
"""Events that wait for one viewer; one that lags further is cut off and comes back by itself."""

STORY_BATCH = 500
LOOK_S = 0.25
LOOK_YOUNG_S = 0.05
YOUNG_S = 5.0
OUTAGE_S = 1.0
COMMENT_S = 15.0
RETRY_MS = 2_000


class Viewer:
    """One open stream: where it is in the story, and what waits to be sent."""

    def __init__(self, job: str, after: str) -> None:
        self.job = job
        self.after = after
        self.shown = b""
        self.arrived = 0
        self.over = False
        self._waiting: queue.Queue[str] = queue.Queue(EVENTS_MAX)

    def tell(self, event: str, data: bytes, entry: str = "") -> None:
        """Queue an event; a viewer with a full queue is over."""
        head = f"id: {entry}\n" if entry else ""
        self._put(f"{head}event: {event}\ndata: {data.decode()}\n\n")

    def end(self) -> None:
        """Send what is queued, then close."""
        self._put("")

    def _put(self, text: str) -> None:
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self.over = True

    def lines(self) -> Iterator[str]:
        """The stream's text as it comes, with a comment when it is silent."""
        yield f"retry: {RETRY_MS}\n\n"
        while not self.over:
            try:
                text = self._waiting.get(timeout=COMMENT_S)
            except queue.Empty:
                # Finds viewers that are gone, and keeps proxies from closing a quiet stream.
                yield ": quiet\n\n"
                continue
            if not text:
                return
            yield text


class Streams:
    """All viewers of this process, their thread, and the seats they share with long polls."""

    def __init__(self, h: Hydra) -> None:
        self._h = h
        self.seats = max(1, h.settings.web_threads - SEATS_KEPT)
        self.closed = False
        self._free = threading.BoundedSemaphore(self.seats)
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._viewers: set[Viewer] = set()
        self._thread: threading.Thread | None = None

    def take_seat(self) -> bool:
        """One of the threads that may be held; whether there was one."""
        return not self.closed and self._free.acquire(blocking=False)

    def give_seat(self) -> None:
        """Give it back."""
        self._free.release()

    def open(self, job: str, after: str) -> Viewer:
        """Watch a job from the story's entry `after` on.

        Raises Unavailable if all seats are taken.
        """
        if not self.take_seat():
            raise Unavailable(f"all {self.seats} live streams are in use; ask for the job instead")
        viewer = Viewer(job, after)
        with self._lock:
            self._viewers.add(viewer)
            if self.closed:
                viewer.end()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="streams", daemon=True)
                self._thread.start()
        self._wake.set()
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer is gone."""
        with self._lock:
            self._viewers.discard(viewer)
        self.give_seat()

    def close(self) -> None:
        """End every stream and long poll now, and let no new one begin."""
        if self.closed:  # a second signal may come while the first one is here
            return
        self.closed = True
        with self._lock:
            for viewer in self._viewers:
                viewer.end()
            self._viewers.clear()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.clear()
            watched: defaultdict[str, list[Viewer]] = defaultdict(list)
            with self._lock:
                self._viewers = {viewer for viewer in self._viewers if not viewer.over}
                if not self._viewers:
                    self._thread = None
                    return
                for viewer in self._viewers:
                    watched[viewer.job].append(viewer)
            pause_s = min(self._look(job, viewers) for job, viewers in watched.items())
            self._wake.wait(pause_s)

    def _look(self, job: str, viewers: list[Viewer]) -> float:
        """Tell a job's viewers what is new; how long until the next look."""
        try:
            return self._tell(job, viewers)
        except Missing:
            self._end(viewers)
        except HydraError as error:
            LOG.warning("streams-wait job=%s code=%s: %s", job, error.code, error.sentence)
            return OUTAGE_S
        except Exception:
            LOG.exception("streams-error job=%s", job)
            self._end(viewers)
        return LOOK_S

    def _tell(self, job_id: str, viewers: list[Viewer]) -> float:
        job = self._h.store.views.job(job_id)
        groups: defaultdict[str, list[Viewer]] = defaultdict(list)
        for viewer in viewers:
            groups[viewer.after].append(viewer)
        for after, group in groups.items():
            self._tell_story(job_id, after, group)
        data = encoded(Job.whole(self._h, job))
        if is_final(job):
            for viewer in viewers:
                viewer.tell("end", data)
            self._end(viewers)
            return LOOK_S
        # Each unit of a picture is one tile. The event has no id: a stream that reconnects goes on
        # in the story where it was, and gets the number again.
        arrived = job.done_units if job.spec.piece_bytes_max else 0
        for viewer in viewers:
            if viewer.arrived != arrived:
                viewer.arrived = arrived
                viewer.tell("tiles", encoded({"arrived": arrived}))
            if viewer.shown != data:
                viewer.shown = data
                viewer.tell("progress", data)
        return self._pause_s(job)

    def _tell_story(self, job_id: str, after: str, group: list[Viewer]) -> None:
        while True:
            entries = self._h.store.views.story(job_id, after, STORY_BATCH)
            for entry in entries:
                data, after = encoded(Entry.of(entry)), entry.id
                for viewer in group:
                    viewer.after = after
                    viewer.tell("story", data, after)
            if len(entries) < STORY_BATCH:
                return

    def _pause_s(self, job: model.Job) -> float:
        age_s = self._h.clock.wall_s() - job.created_ms / 1000
        return LOOK_YOUNG_S if abs(age_s) < YOUNG_S else LOOK_S

    def _end(self, viewers: list[Viewer]) -> None:
        with self._lock:
            self._viewers.difference_update(viewers)
        for viewer in viewers:
            viewer.end()
