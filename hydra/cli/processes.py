"""Commands that start processes: `up`, `worker`, `scheduler`, `reaper`; and two that start none.

`redis-conf` prepares a server that something else starts; `doctor` checks everything.

What a command needs is imported inside it, so that `hydra --help` is quick and a worker does not
load the web.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import signal
import sys
import threading
from typing import Any

import click

from hydra.errors import BadSetting, Conflict
from hydra.settings import Settings

CORES_MAX = 1024
_PORT = click.IntRange(0, 65_535)


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _with_redis(settings: Settings, fsync: str = "") -> Settings:
    """The settings with an address of Redis: the given one, or that of this machine's `up`.

    `fsync` is what was promised of its log. Raises StoreDown or StoreUnsafe if that Redis cannot
    be used: better one line now than a process that starts and never works.
    """
    from hydra.server.connection import connect, require_safe
    from hydra.server.running import running_server

    if not settings.redis_url:
        running = running_server(settings)
        if running is None:
            raise BadSetting(
                f"set REDIS_URL, or start hydra up: no server runs for {settings.state_dir}",
                field="REDIS_URL",
            )
        settings = dataclasses.replace(settings, redis_url=running.url)
    with connect(settings.redis_url) as client:
        require_safe(client, fsync)
    return settings


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")


@click.command()
@click.option("--workers", type=click.IntRange(0, CORES_MAX), help="How many; else one a core.")
@click.option("--port", type=_PORT, help="Port of the web page and the API; 0 takes a free one.")
@click.option("--bind", help="Address to listen on; 0.0.0.0 for all. Makes a token off loopback.")
@click.option("--redis-port", type=_PORT, help="Open Redis on this TCP port, too.")
@click.option("--redis-bind", help="Let other machines join: address of the TCP port.")
def up(
    workers: int | None,
    port: int | None,
    bind: str | None,
    redis_port: int | None,
    redis_bind: str | None,
) -> None:
    """Start everything on this machine: Redis, scheduler, reaper and workers. Ctrl-C stops it."""
    from hydra.workers.up import Up, cores_usable

    settings = Settings.read(port=port, bind=bind, redis_port=redis_port, redis_bind=redis_bind)
    count = cores_usable() if workers is None else workers
    try:
        Up(settings, count, say=_say).run()
    except Conflict as conflict:
        click.echo(f"hydra: {conflict.sentence}", err=True)
        raise SystemExit(1) from None


@click.command()
@click.option("--cores", type=click.IntRange(1, CORES_MAX), default=1, help="One process for each.")
@click.option("--url", "redis_url", help="Redis of the scheduler; REDIS_URL if not given.")
def worker(cores: int, redis_url: str | None) -> None:
    """Work for the scheduler whose Redis is at REDIS_URL."""
    settings = _with_redis(Settings.read(redis_url=redis_url))
    if cores > 1:
        from hydra.workers.up import run_workers

        run_workers(settings, cores, _say)
    else:
        from hydra.workers import rq_worker

        _log_to_stderr()
        rq_worker.main(settings)


@click.command()
@click.option("--bind", help="Address to listen on.")
@click.option("--port", type=_PORT, help="Port to listen on.")
@click.option("--descriptor", type=click.IntRange(0), hidden=True)
def scheduler(bind: str | None, port: int | None, descriptor: int | None) -> None:
    """Serve the web page and the API. Off loopback it makes a token and prints the log-in link."""
    from hydra.workers import announce
    from hydra.workers import scheduler as process

    _log_to_stderr()
    settings = Settings.read(bind=bind, port=port)
    settings = announce.with_token(_with_redis(settings, settings.fsync))

    def say_where(port_open: int) -> None:
        for line in announce.lines(dataclasses.replace(settings, port=port_open)):
            _say(line)

    def make_app() -> Any:
        from hydra.web import create_app
        from hydra.wiring import live

        return create_app(live(settings))

    # With a descriptor this is a part of `hydra up`, which prints these lines.
    on_ready = say_where if descriptor is None else None
    process.run(settings, make_app, descriptor=descriptor, on_ready=on_ready)


@click.command()
def reaper() -> None:
    """End late leases and keep the queue filled, about once a second."""
    from hydra.clock import SystemClock
    from hydra.server.connection import connect
    from hydra.server.renewal import Renewal
    from hydra.services.reap import reap
    from hydra.wiring import live
    from hydra.workers.reaper import run

    _log_to_stderr()
    settings = Settings.read()
    settings = _with_redis(settings, settings.fsync)
    stop = threading.Event()
    # Setting an event takes its lock, which the interrupted wait may hold: so from a thread.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set).start())
    h = live(settings)
    renewal = Renewal(connect(settings.redis_url))

    def pass_once() -> float:
        renewal.look()
        reap(h)
        return h.store.views.due_s()

    run(pass_once, settings.reap_seconds, SystemClock(), stop)


@click.command("redis-conf")
@click.option("--dir", "data", required=True, help="Folder in which the server keeps its data.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address it listens on.")
@click.option("--port", type=_PORT, default=6379, show_default=True, help="Port it listens on.")
def redis_conf(data: str, bind: str, port: int) -> None:
    """Write a redis.conf with a password, for a server that others start, such as a container.

    It is in the state folder; the password is next to it, in redis-password.
    """
    from pathlib import Path

    from hydra.server.addresses import parse_bind
    from hydra.server.process import TcpEndpoint, configuration
    from hydra.server.state_folder import keep_secret, open_folder, write_whole

    settings = Settings.read()
    folder = open_folder(settings.state_dir)
    endpoint = TcpEndpoint(port, parse_bind(bind, "--bind"), keep_secret(folder, "redis-password"))
    write_whole(folder / "redis.conf", configuration(Path(data), endpoint, settings.fsync))


@click.command()
@click.option("--invariants", is_flag=True, help="Audit the open jobs of the running system.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of lines.")
def doctor(invariants: bool, as_json: bool) -> None:
    """Look at everything Hydra needs here; exit code 1 if anything is bad."""
    from hydra.cli.findings import Grade, examine, examine_accounts

    settings = Settings.read()
    findings = examine_accounts(_with_redis(settings)) if invariants else examine(settings)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            click.echo(f"{finding.grade.value:<8} {finding.subject:<14} {finding.text}")
    if any(finding.grade is Grade.BAD for finding in findings):
        raise SystemExit(1)


COMMANDS = [up, worker, scheduler, reaper, redis_conf, doctor]
