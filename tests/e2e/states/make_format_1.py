"""Made the state folder of Hydra 0.1 that test_formats opens; it runs with that version alone.

Two jobs have a part done, a part lost and a part lent; one is done, and one was cancelled.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from hydra.messages import HandIn, Hint

from hydra import wiring
from hydra.adapters import redis_server
from hydra.kernels import load
from hydra.model import Rest, Session, Span
from hydra.services.claim import claim
from hydra.services.submit import submit
from hydra.settings import Settings

settings = Settings.read({}, state_dir=sys.argv[1])
server = redis_server.start(settings)
settings = replace(settings, redis_url=server.url)
h = wiring.live(settings)
kernels = load()


def worker(name):
    session = Session(f"session-of-{name}", name, f"host-of-{name}", 1)
    h.store.enlist(session)
    return session


def part(session, seq, units, rest, note="", job=""):
    grant = claim(h, session, seq, Hint(job, units))
    spec, (start, stop) = grant.spec, grant.span
    kernel = kernels[spec.kernel]
    span = Span(start, max(start, stop - 1) if rest is not Rest.RETURN else stop)
    partial = kernel.run(spec.params, span) if span.units else {}
    h.store.complete(
        session, seq + 1, HandIn(grant.job, grant.token, span, partial, rest, note, 0.1)
    )
    return grant


a, b, c = worker("a"), worker("b"), worker("c")
done = submit(h, "pi", {"samples": 10**6, "seed": 3}, key="done").id
for seq in range(1, 40, 2):
    if h.store.job(done).state == "running":
        part(a, seq, 4, Rest.RETURN)
wiring.LocalPort(h).reduce(a)
assert h.store.job(done).state == "done"
gone = submit(h, "pi", {"samples": 10**12, "seed": 4}).id
h.store.cancel(gone, "not wanted any more")
for name, params in (
    ("pi", {"samples": 20 * 2**18 - 7, "seed": 5}),
    ("mandelbrot", {"columns": 192, "rows": 192, "iterations": 500}),
):
    job = submit(h, name, params, key=name).id
    part(b, 101 if name == "pi" else 201, 3, Rest.LOST, "MemoryError", job)
    part(c, 301 if name == "pi" else 401, 4, Rest.KEEP, "", job)
    h.store.expire(job, "nothing")
    # c goes on with the next job in a session of its own: its lease stays open
    c = Session(f"session-of-c-{name}", "c", "host-of-c", 1)
    h.store.enlist(c)
    found = h.store.job(job)
    print(
        name,
        job,
        found.state,
        found.done_units,
        found.spec.total_units,
        found.leases,
        len(h.store.dump(job).free),
    )
h.store.tick()
server.stop()
