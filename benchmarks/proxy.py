"""A link between two programs of this machine, each way as slow and as narrow as one asks.

A proxy in a process of its own: `python -m benchmarks.proxy --help`. What it is sent arrives in its
order, `delay` later, however much is on the way; with a rate, all connections share so many bytes a
second each way, and who sends more has to wait. Connecting itself is not delayed.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.bed import ROOT, clean_env

READ_BYTES = 16 << 10
BURST_BYTES = 16 << 10
"""What a way that was idle takes at once."""

ROOM_BYTES = 64 << 10
"""What waits in the proxy's socket before a way with a rate: a router's queue is not longer."""

Sent = tuple[float, bytes]
"""When it is to arrive, and what; nothing is the end."""


class Way:
    """One direction; all connections share its rate."""

    def __init__(self, delay_s: float, bytes_s: float) -> None:
        self.delay_s = delay_s
        self.bytes_s = bytes_s
        self.carried_bytes = 0
        self._free_s = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All that comes, then its end."""
        under_way: asyncio.Queue[Sent] = asyncio.Queue()
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(reader, under_way))
            both.create_task(self._give(under_way, writer))

    async def _take(self, reader: asyncio.StreamReader, under_way: asyncio.Queue[Sent]) -> None:
        clock = asyncio.get_running_loop().time
        data = b"begin"
        while data:
            data = await reader.read(READ_BYTES)
            left_s = self._left_s(clock(), len(data))
            under_way.put_nowait((left_s + self.delay_s, data))
            if left_s > clock():
                await asyncio.sleep(left_s - clock())

    def _left_s(self, now_s: float, count: int) -> float:
        """When so many bytes have left: a token bucket."""
        self.carried_bytes += count
        if not self.bytes_s:
            return now_s
        full_s = now_s - BURST_BYTES / self.bytes_s
        self._free_s = max(self._free_s, full_s) + count / self.bytes_s
        return max(now_s, self._free_s)

    async def _give(self, under_way: asyncio.Queue[Sent], writer: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due_s, data = await under_way.get()
            if due_s > clock():
                await asyncio.sleep(due_s - clock())
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()


class Proxy:
    """Joins every connection to one of its own with `to`, up there and down again."""

    def __init__(self, to: tuple[str, int], delay_s: float = 0.0, bytes_s: float = 0.0) -> None:
        self._to = to
        self._bytes_s = bytes_s
        self.up = Way(delay_s, bytes_s)
        self.down = Way(delay_s, bytes_s)

    async def serve(self, bind: str = "127.0.0.1") -> asyncio.Server:
        """Listen on a free port of that address."""
        listener = socket.socket()
        if self._bytes_s:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)
        listener.bind((bind, 0))
        return await asyncio.start_server(self._join, sock=listener)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = None
        try:
            far_reader, far = await asyncio.open_connection(*self._to)
            async with asyncio.TaskGroup() as both:
                both.create_task(self.up.carry(reader, far))
                both.create_task(self.down.carry(far_reader, writer))
        except* OSError:
            # One side is gone, so the other must not wait for it.
            for each in filter(None, (writer, far)):
                each.transport.abort()
        finally:
            for each in filter(None, (writer, far)):
                each.close()


@dataclass(frozen=True)
class Link:
    """A proxy that runs beside us."""

    url: str
    """Where one reaches through it what it was told to lead to."""
    _process: subprocess.Popen[str]

    def carried_bytes(self) -> tuple[int, int]:
        """What it has taken so far, up and down."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        up, down = map(int, self._process.stdout.readline().split())
        return up, down


@contextmanager
def linked(
    url: str, delay_s: float = 0.0, bytes_s: float = 0.0, bind: str = "127.0.0.1"
) -> Iterator[Link]:
    """A link to a server, by its address and with another host and port."""
    at = urlsplit(url)
    command = [sys.executable, "-m", "benchmarks.proxy", f"{at.hostname}:{at.port}"]
    command += [f"--delay-s={delay_s}", f"--bytes-s={bytes_s}", f"--bind={bind}"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=clean_env(),
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            yield Link(at._replace(netloc=f"{bind}:{port}").geturl(), process)
        finally:
            process.kill()


async def _run(given: argparse.Namespace) -> None:
    host, _, port = given.to.rpartition(":")
    proxy = Proxy((host, int(port)), given.delay_s, given.bytes_s)
    server = await proxy.serve(given.bind)
    print(server.sockets[0].getsockname()[1], flush=True)
    asked = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(asked), sys.stdin
    )
    while await asked.readline():  # its end is the end of who started us
        print(proxy.up.carried_bytes, proxy.down.carried_bytes, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy", description=__doc__)
    parser.add_argument("to", help="HOST:PORT that it leads to")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--delay-s", type=float, default=0.0, help="each way")
    parser.add_argument("--bytes-s", type=float, default=0.0, help="each way; 0 is without limit")
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
