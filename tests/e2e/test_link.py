"""The links that benchmarks put between worker and server: slow ones, but nothing gets lost."""

from __future__ import annotations

import random
import socket
import threading

import pytest

from benchmarks.proxy import linked

HOLD_S = 30.0
"""Better an error than a test that hangs."""


@pytest.fixture
def echo():
    """A server that waits for the end, then says how much it got and sends it back."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.settimeout(HOLD_S)
                    got = _all(peer)
                    peer.sendall(b"%d\n" % len(got) + got)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(HOLD_S)


def _all(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(65536), b""))


def _through(url: str) -> socket.socket:
    host, _, port = url.removeprefix("redis://").removesuffix("/0").partition(":")
    return socket.create_connection((host, int(port)), timeout=HOLD_S)


@pytest.mark.parametrize(
    ("count", "delay_s", "bytes_s"),
    [(0, 0.0, 0.0), (3_000_000, 0.0, 0.0), (300_000, 0.02, 0.0), (100_000, 0.01, 1e6)],
)
def test_bytes_pass_unharmed_and_one_side_may_end_first(echo, count, delay_s, bytes_s):
    sent = random.Random(7).randbytes(count)
    with linked(echo, delay_s, bytes_s) as link, _through(link.url) as near:
        near.sendall(sent)
        near.shutdown(socket.SHUT_WR)  # only now does the other end answer
        back = _all(near)
        carried = link.carried_bytes()
    assert back == b"%d\n" % count + sent
    assert carried == (count, len(back))


def test_connections_side_by_side_keep_their_bytes_apart(echo):
    with linked(echo, 0.01, 1e6) as link:
        peers = [_through(link.url) for _ in range(5)]
        for number, peer in enumerate(peers):
            peer.sendall(bytes([number]) * 1000)
            peer.shutdown(socket.SHUT_WR)
        for number, peer in enumerate(peers):
            with peer:
                assert _all(peer) == b"1000\n" + bytes([number]) * 1000


def test_nobody_listens_at_the_far_end_and_the_near_one_hears_of_it():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"redis://127.0.0.1:{gone.getsockname()[1]}/0"
    with linked(url) as link, _through(link.url) as near:
        try:
            heard = near.recv(1)
        except ConnectionError:
            heard = b""
        assert heard == b""
        with _through(link.url):
            pass  # it serves on
