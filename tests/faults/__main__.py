"""`python -m tests.faults`: run schedules by seed, and say how to run a failing one again."""

from __future__ import annotations

import argparse
import logging
import time
import traceback

from tests.faults.accounts import in_memory, in_redis
from tests.faults.schedule import Schedule


def main() -> int:
    """Exit code 1 if a schedule failed."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--seed", type=int, help="run this one")
    options.add_argument("--seeds", type=int, default=1000, help="how many")
    options.add_argument("--first", type=int, default=0, help="the first of them")
    options.add_argument("--redis", help="on the server at this address, which is emptied")
    options.add_argument("--trace", action="store_true", help="tell every event")
    given = options.parse_args()
    make_accounts = in_redis(given.redis) if given.redis else in_memory
    seeds = range(given.first, given.first + given.seeds)
    if given.seed is not None:
        seeds = range(given.seed, given.seed + 1)
    logging.disable()  # workers say much while everything fails
    failed, steps, began_s = 0, 0, time.monotonic()
    for seed in seeds:
        schedule = Schedule(seed, make_accounts, tell=given.trace)
        try:
            schedule.run()
        except Exception:
            failed += 1
            print(traceback.format_exc(limit=-6 if given.seed is not None else -1), end="")
            print(f"again: python -m tests.faults --seed {seed} --trace\n", flush=True)
        steps += schedule.witness.steps
        print("\n".join(schedule.loop.told or ()), end="\n" if given.trace else "")
    took_s = time.monotonic() - began_s
    print(
        f"{len(seeds)} schedules, {failed} failed, {steps} calls of the store, "
        f"{len(seeds) / took_s * 60:.0f} schedules a minute"
    )
    return failed > 0


if __name__ == "__main__":
    raise SystemExit(main())
