"""A slow link to a server: a TCP proxy that passes so many bits a second each way, no more."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

READ_BYTES = 8 << 10
"""What it takes at once; with the buffers of its sockets, all that it holds of a connection."""


@dataclass(slots=True)
class Way:
    """One direction: all connections share its rate."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, data: bytes, bits_per_s: float) -> None:
        """Wait until so much may pass."""
        async with self.turn:
            await asyncio.sleep(len(data) * 8 / bits_per_s if bits_per_s else 0)


class SlowLink:
    """Listens on a port of its own; `bits_per_s` may be changed at any time, 0 is no bound."""

    def __init__(self, port: int, bits_per_s: float) -> None:
        self.bits_per_s = bits_per_s
        self._far_port = port
        self._up, self._down = Way(), Way()
        self._loop = asyncio.new_event_loop()
        self._near = socket.socket()
        self._near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES)
        self._near.bind(("127.0.0.1", 0))
        self.port: int = self._near.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _run(self) -> None:
        self._done = asyncio.Event()
        server = await asyncio.start_server(self._connected, sock=self._near, limit=READ_BYTES)
        async with server:
            await self._done.wait()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):  # else asyncio tells of them
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self._far_port, limit=READ_BYTES
            )
            await asyncio.gather(
                self._pass(reader, far_writer, self._up), self._pass(far_reader, writer, self._down)
            )
        writer.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way
    ) -> None:
        writer.transport.set_write_buffer_limits(READ_BYTES)
        try:
            while data := await reader.read(READ_BYTES):
                await way.take(data, self.bits_per_s)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection."""
        self._loop.call_soon_threadsafe(lambda: self._done.set())
        self._thread.join()
        self._loop.close()


@contextlib.contextmanager
def slow_link(port: int, bits_per_s: float) -> Iterator[SlowLink]:
    """A link to the server on that port of this machine."""
    link = SlowLink(port, bits_per_s)
    link.start()
    try:
        yield link
    finally:
        link.stop()
