"""A TCP proxy of ours: one door for each process, through which it alone reaches Redis.

What happens at a door is set from outside, at any moment, and holds for connections old and new:
a way can be shut (what comes is held and delivered late, long after its sender gave up), slow,
severed, refusing, or double (a script call is sent again, later, by a connection of its own, as a
network that repeats would; TCP itself would not let the same connection carry it twice).
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

REQUESTS, REPLIES = "requests", "replies"
BOTH = frozenset({REQUESTS, REPLIES})

LOOK_S = 0.02
READ_BYTES = 1 << 16

HEARD_MAX = 400
"""Script calls that each door remembers, to be said again when all is over."""

AGAIN_S_MAX = 4.0
"""A repeated call comes up to this much later: within a lease, and beyond it."""


class Door:
    """The way of one process to Redis. Set the attributes; they hold at once."""

    def __init__(self, upstream: Path, seed: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.listener.setblocking(False)
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}"
        self.shut: frozenset[str] = frozenset()
        """Ways on which nothing passes now."""
        self.delay_s = 0.0
        """Whatever passes waits for up to this."""
        self.refuses = False
        """A new connection is closed at once."""
        self.twice = False
        """Script calls come a second time."""
        self.lingers = False
        """Redis does not learn that the process has closed its side."""
        self.heard: deque[bytes] = deque(maxlen=HEARD_MAX)
        self._upstream = str(upstream)
        self._chance = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.WriteTransport] = set()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, _ = await loop.sock_accept(self.listener)
            if self.refuses:
                client.close()
            else:
                self._begin(self._connect(client))

    def sever(self) -> None:
        """Cut every connection; what is held is lost. Called in the loop's thread."""
        for transport in list(self._transports):
            transport.abort()

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            writer.close()
            return
        ends = {writer.transport, server_writer.transport}
        self._transports |= ends
        await asyncio.gather(
            self._pump(REQUESTS, reader, server_writer), self._pump(REPLIES, server_reader, writer)
        )
        self._transports -= ends

    async def _pump(
        self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await reader.read(READ_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self._chance.uniform(0, self.delay_s))
                while way in self.shut:
                    await asyncio.sleep(LOOK_S)
                if way == REQUESTS:
                    self._note(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # one side has gone: the other learns it below
        while self.lingers and way == REQUESTS:
            await asyncio.sleep(LOOK_S)
        writer.close()

    def _note(self, data: bytes) -> None:
        """Remember a whole script call, and repeat it if that is how things are now."""
        if b"EVALSHA" in data[:32] and is_whole(data):
            self.heard.append(data)
            if self.twice:
                self._begin(self._again(data, self._chance.uniform(0, AGAIN_S_MAX)))

    async def _again(self, data: bytes, after_s: float) -> None:
        await asyncio.sleep(after_s)
        try:
            reader, writer = await asyncio.open_unix_connection(self._upstream)
            writer.write(data)
            await asyncio.wait_for(reader.read(READ_BYTES), 5)
            writer.close()
        except (OSError, TimeoutError):
            pass  # it is lost, as a first one may be


class Doors:
    """All doors, served by one thread."""

    def __init__(self, upstream: Path) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="doors", daemon=True)
        self._thread.start()
        self._all: list[Door] = []

    def open(self) -> Door:
        door = Door(self._upstream, len(self._all))
        self._all.append(door)
        asyncio.run_coroutine_threadsafe(door.serve(), self._loop)
        return door

    def sever(self, door: Door) -> None:
        self._soon(door.sever)

    def _soon(self, call: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(call)

    def close(self) -> None:
        for door in self._all:
            self._soon(door.sever)
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(10)
        self._soon(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for door in self._all:
            door.listener.close()


def is_whole(data: bytes) -> bool:
    """Whether these bytes are one command, and all of it."""
    head, _, rest = data.partition(b"\r\n")
    for _ in range(int(head[1:])):
        length, _, rest = rest.partition(b"\r\n")
        if len(rest) < int(length[1:] or 0) + 2:
            return False
        rest = rest[int(length[1:]) + 2 :]
    return not rest


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
