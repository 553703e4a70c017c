"""What one server bears: calls a second from many sessions, and one call's round trip.

No kernel runs. Each client is a process with a session on one endless job: it calls `complete` for
its one-unit span and claims the next one, in turn.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import redis

from benchmarks.bed import Bed, fdatasync_ms, redis_bed
from benchmarks.report import Rows
from hydra.clock import SystemClock
from hydra.kernels import load
from hydra.model import JobSpec, Rest, Session, Span
from hydra.model.messages import Ask, HandIn
from hydra.ports import Store
from hydra.server.connection import connect
from hydra.store.redis import redis_store

CLIENTS = 64
RUN_S = 3.0
ONE_CLIENT_CALLS = 300
JOB_UNITS = 10**12
ASK = Ask(units=1, tau_s=2.0, beat_s=1.0, slice_units=1, why="2 s, the target, at 1 units/s")


def measure(rows: Rows, rounds: int, only: str) -> None:
    """Both ways of writing the log, in turn."""
    disk_ms = fdatasync_ms()
    rows.note(f"fdatasync of 1 KB here takes {disk_ms:.2f} ms (median); `always` waits for it")
    load: dict[str, list[dict[str, Any]]] = {}
    trip: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for _ in range(rounds or 3):
        for fsync in ("always", "everysec"):
            if only not in fsync:
                continue
            with redis_bed(fsync) as bed:
                for kind, url in (("TCP loopback", bed.tcp_url), ("unix socket", bed.unix_url)):
                    for call, steps in (("chunk and claim", _calls), ("unit", _units)):
                        trip.setdefault((call, fsync, kind), []).append(_one_client(url, steps))
                load.setdefault(fsync, []).append(_many_clients(bed))
    for fsync, runs in load.items():
        rows.add(
            f"{CLIENTS} clients, `complete` and the next claim, TCP loopback",
            appendfsync=fsync,
            **_medians(runs),
        )
    for (call, fsync, kind), runs in sorted(trip.items()):
        rows.add(
            "1 client, `complete`: a chunk and the next claim, or a unit of a long one",
            call=call,
            appendfsync=fsync,
            transport=kind,
            **_medians(runs),
        )


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]} | {
        "runs": len(runs)
    }


def _open_job(store: Store) -> str:
    spec = JobSpec(
        kernel="pi",
        version=load()["pi"].version,
        params={"samples": 10**18, "seed": 1},
        total_units=JOB_UNITS,
        sum_bounds={"hits": (0, 1)},
    )
    return store.verbs.submit(SystemClock().new_id(), spec).id


def _calls(store: Store, job: str, name: str) -> Iterator[None]:
    """One `complete` and the next claim at each step."""
    session = Session(SystemClock().new_id(), name, name)
    store.verbs.enlist(session)
    grant = store.verbs.claim(session, 1, job, ASK)
    seq = 1
    while grant:
        seq += 1
        done = HandIn(
            job=job, token=grant.token, span=grant.span, partial={"hits": 1}, rest=Rest.RETURN
        )
        store.verbs.complete(session, seq, done)
        grant = store.verbs.claim(session, seq, job, ASK, in_turn=True)
        yield


def _units(store: Store, job: str, name: str) -> Iterator[None]:
    """One hand-in of a unit that goes on at each step."""
    session = Session(SystemClock().new_id(), name, name)
    store.verbs.enlist(session)
    grant = store.verbs.claim(session, 1, job, replace(ASK, units=10**6))
    assert grant is not None
    for done in range(10**6 - 1):
        at = grant.span.start + done
        beat = HandIn(
            job=job, token=grant.token, span=Span(at, at + 1), partial={"hits": 1}, rest=Rest.KEEP
        )
        store.verbs.complete(session, done + 2, beat)
        yield


@contextmanager
def _store(url: str) -> Iterator[Store]:
    with connect(url) as client:
        yield redis_store(client, SystemClock().new_id)


def _one_client(url: str, steps: Callable[[Store, str, str], Iterator[None]]) -> dict[str, Any]:
    took_ms = []
    with _store(url) as store, connect(url) as client:
        job = _open_job(store)
        calls = steps(store, job, "alone")
        for _ in range(50):
            next(calls)
        before, cpu_s = _server_cpu_s(client), time.process_time()
        for _ in range(ONE_CLIENT_CALLS):
            begun_s = time.perf_counter()
            next(calls)
            took_ms.append((time.perf_counter() - begun_s) * 1e3)
        cpu_s = time.process_time() - cpu_s
        server_s = _server_cpu_s(client) - before
        floor = [_ping_ms(client) for _ in range(ONE_CLIENT_CALLS)]
        store.verbs.cancel(job)  # the next one would have to let it have its turn
    return {
        "median_ms": statistics.median(took_ms),
        "p99_ms": statistics.quantiles(took_ms, n=100)[-1],
        "client_cpu_us": cpu_s / ONE_CLIENT_CALLS * 1e6,
        "server_cpu_us": server_s / ONE_CLIENT_CALLS * 1e6,
        "ping_median_ms": statistics.median(floor),
    }


def _ping_ms(client: redis.Redis) -> float:
    begun_s = time.perf_counter()
    client.ping()
    return (time.perf_counter() - begun_s) * 1e3


def _many_clients(bed: Bed) -> dict[str, Any]:
    with _store(bed.tcp_url) as store:
        job = _open_job(store)
    context = multiprocessing.get_context("spawn")
    begin, counts = context.Barrier(CLIENTS + 1), context.Queue()
    clients = [
        context.Process(target=_client, args=(bed.tcp_url, job, number, begin, counts))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    with connect(bed.tcp_url) as client:
        begin.wait()
        before = _server_cpu_s(client)
        told = [counts.get(timeout=60) for _ in clients]
        server_s = _server_cpu_s(client) - before
        script = client.info("commandstats")["cmdstat_evalsha"]
    for process in clients:
        process.join()
    calls = sum(count for count, _ in told)
    return {
        "calls_s": calls / RUN_S,
        "claims_and_completes_s": 2 * calls / RUN_S,
        "server_cpu_us": server_s / calls * 1e6,
        "calls_s_of_one_busy_server": calls / server_s,
        "script_us": float(script["usec_per_call"]),
        "client_cpu_us": sum(cpu_s for _, cpu_s in told) / calls * 1e6,
    }


def _client(url: str, job: str, number: int, begin: Any, counts: Any) -> None:
    """Call for RUN_S, then tell how many calls there were and what they cost here."""
    with _store(url) as store:
        calls = _calls(store, job, f"client-{number}")
        next(calls)
        begin.wait()
        cpu_s = time.process_time()
        ends_s, count = time.perf_counter() + RUN_S, 0
        while time.perf_counter() < ends_s:
            next(calls)
            count += 1
        counts.put((count, time.process_time() - cpu_s))


def _server_cpu_s(client: redis.Redis) -> float:
    info: dict[str, Any] = client.info("cpu")  # type: ignore[assignment]
    return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])
