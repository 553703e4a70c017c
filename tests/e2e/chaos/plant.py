"""Bugs planted on purpose into a copy of the product, to see that the harness finds them.

The copy is what the fleet runs; nothing in the product knows of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.chaos.crew import ROOT

_FENCE = """\
if not lease or lease.session ~= a.session or lease.start < a.start then
  return answer('stale', 0, 0)
end
"""
_NO_FENCE = """\
if not lease then
  lease = {start = a.start, stop = a.stop, slice_units = 1, rate_units_s = 0, at_ms = now_ms,
    deadline_ms = now_ms, beat_ms = 1000, losses = 0, many = false, loser = '',
    session = a.session, worker = a.worker, tau_ms = 1000, lent_ms = wall_ms, first = a.start,
    cut = false, busy_ms = 0, unit_charge_s = 0, queued = false, begins_ms = 0}
end
"""

_REPOOL = """\
  free_put(k, {start = lease.start, stop = lease.stop, losses = losses, many = many, loser = loser})
"""

BUGS = {
    "fence": ("complete.lua", _FENCE, _NO_FENCE),
    "repool": (
        "_prelude.lua",
        _REPOOL,
        _REPOOL.replace("losses = losses", "losses = losses + 1") + _REPOOL,
    ),
}
"""Name -> script, what stands there, what is put in its place.

fence: a hand-in is counted though its lease is no more. repool: a lost span goes back twice.
"""


def planted(bug: str, folder: Path) -> Path:
    """A tree in `folder` whose Hydra has the bug."""
    shutil.copytree(ROOT / "hydra", folder / "hydra", ignore=shutil.ignore_patterns("__pycache__"))
    script, right, wrong = BUGS[bug]
    path = folder / "hydra" / "store" / "lua" / script
    text = path.read_text()
    assert text.count(right) == 1, f"{script} has changed: plant {bug} again"
    path.write_text(text.replace(right, wrong))
    return folder
