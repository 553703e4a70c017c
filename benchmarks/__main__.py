"""`python -m benchmarks [section ...]`: measures, prints tables, writes JSON lines on request.

Nothing here passes or fails by time: machines differ and are shared. Compare figures of one run.
Peers come with `pip install -e '.[bench]'`; one that is missing is reported and left out.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys

from benchmarks import report

SECTIONS = {
    "kernels": "pi and mandelbrot by instruction set, against NumPy, numba and the goals",
    "slices": "what the loop around a kernel costs, and how soon a kernel lets go",
    "store": "calls a second that one server bears, and one call's round trip",
    "imbalance": "how evenly Mandelbrot loads unequal machines, beside rows and stripes",
    "product": "what part of the processors' time the kernel gets, from submit to answer",
    "latency": "10^9 points from `hydra pi` on a warm fleet, and where the time goes",
    "viewers": "200 viewers of one job, and the bytes of a picture that fills in",
    "chunk_cost": "time lost between two chunks, against RQ, celery, dask and others",
    "links": "pi and a picture by a worker behind a slow link or a narrow one, against the bound",
    "turns": "how long a small picture waits behind pi on two workers, and what pi loses",
    "recovery": "lost work after a kill of a worker and of Redis, beside RQ and celery",
    "fuzz": "wrong requests to every route: none taken, nothing left, memory constant",
}
"""In the order of the default run; each is the module benchmarks.section_<name>."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help="all if none is named")
    parser.add_argument("--list", action="store_true", help="name the sections and stop")
    parser.add_argument("--rounds", type=int, default=0, help="interleaved runs of each thing")
    parser.add_argument("--only", default="", help="rows whose name contains this word")
    parser.add_argument("--json", metavar="FILE", default="", help="also write JSON lines here")
    given = parser.parse_args()
    if given.list:
        for name, promise in SECTIONS.items():
            print(f"{name:<12}{promise}")
        return
    unknown = set(given.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    # By default SIGTERM would end this process alone, and leave its fleets behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    facts = report.machine_facts()
    print(report.line_of(facts))
    for name in given.sections or SECTIONS:
        section = importlib.import_module(f"benchmarks.section_{name}")
        rows = report.Rows(name, facts, given.json)
        print(f"\n== {name}: {SECTIONS[name]}", flush=True)
        section.measure(rows, given.rounds, given.only)
        rows.show()


if __name__ == "__main__":
    sys.exit(main())
