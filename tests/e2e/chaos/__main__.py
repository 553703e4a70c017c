"""`python -m tests.e2e.chaos`: faults against a fleet of real processes, as long as you want.

Any violation ends with code 1, the seed, and the command that plays the same faults again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.chaos import nemesis, plant, report
from tests.e2e.chaos.crew import ROOT
from tests.e2e.chaos.faults import FAULTS, Fault
from tests.e2e.chaos.report import Outcome
from tests.e2e.chaos.schedule import schedule
from tests.e2e.conftest import servers

FSYNCS = ("always", "everysec")


def main() -> int:
    given = _arguments()
    if given.list:
        for fault in FAULTS.values():
            print(f"{fault.name:<16}{fault.rows:<9}{fault.promise}")
        return 0
    faults = _faults(given.only)
    seeds = [given.seed] if given.seed is not None else range(1, given.seeds + 1)
    seconds = given.seconds or given.minutes * 60 / len(seeds)
    outcomes = []
    for seed in seeds:
        print(f"\nseed {seed}, {seconds:.0f} s", flush=True)
        found = _run(seed, faults, seconds, given)
        outcomes.append(found)
        for text in found.violations:
            print(f"VIOLATION {text}", flush=True)
        if found.violations:
            print(f"logs: {found.folder}\nagain: {_again(seed, seconds, given)}", flush=True)
            if given.plant:
                break
    whole = report.summary(outcomes)
    print("\n" + "\n".join(report.lines(whole)), flush=True)
    if given.json:
        Path(given.json).write_text(json.dumps(whole, indent=1) + "\n")
    return _verdict(whole["violations"], given.plant)


def _run(seed: int, faults: Sequence[Fault], seconds: float, given: argparse.Namespace) -> Outcome:
    found = servers()
    name = sorted(found)[seed % len(found)]
    strikes = schedule(faults, seed, seconds)
    with tempfile.TemporaryDirectory(prefix="chaos-tree-") as folder:
        tree = plant.planted(given.plant, Path(folder)) if given.plant else ROOT
        return nemesis.run(
            seed,
            strikes,
            binary=found[name],
            fsync=FSYNCS[seed // len(found) % len(FSYNCS)],
            say=lambda text: print(text, flush=True),
            tree=tree,
            until_found=bool(given.plant),
        )


def _verdict(violations: int, planted: str) -> int:
    if planted:
        print(f"the planted bug {planted!r} was {'found' if violations else 'NOT found'}")
        return 0 if violations else 1
    return 1 if violations else 0


def _again(seed: int, seconds: float, given: argparse.Namespace) -> str:
    words = [f"python -m tests.e2e.chaos --seed {seed} --seconds {seconds:g}"]
    words += [f"--plant {given.plant}"] if given.plant else []
    words += [f"--only {given.only}"] if given.only else []
    return " ".join(words)


def _faults(only: str) -> list[Fault]:
    if not only:
        return list(FAULTS.values())
    unknown = set(only.split(",")) - set(FAULTS)
    if unknown:
        raise SystemExit(f"no fault {', '.join(sorted(unknown))}; --list shows them")
    return [FAULTS[name] for name in only.split(",")]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many fleets, one after another")
    parser.add_argument("--minutes", type=float, default=30, help="of faults, over all seeds")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--seconds", type=float, help="of faults for each seed")
    parser.add_argument("--only", default="", help="these faults, by name, with commas")
    parser.add_argument("--plant", choices=sorted(plant.BUGS), help="with this bug, to be found")
    parser.add_argument("--json", default="", metavar="FILE", help="also write the report here")
    parser.add_argument("--list", action="store_true", help="name the faults and stop")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
