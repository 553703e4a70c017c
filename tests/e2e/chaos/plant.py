"""Bugs planted on purpose into a copy of the product, to see that the harness finds them.

The copy is what the fleet runs; nothing in the product knows of it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.chaos.crew import ROOT

_FENCE = "if not l or l.session ~= who.session or l.start ~= from then return part('stale') end"
_NO_FENCE = """if not l then
  l = {start = from, stop = to, slice = 1, rate = 0, at = now, deadline = now, beat = 1000,
       losses = 0, many = '0', loser = '-', session = who.session, worker = who.worker, tau = 1000}
end"""

_REPOOL = "  free_put(k.free, {start = l.start, stop = l.stop, losses = losses,"
_TWICE = "  free_put(k.free, {start = l.start, stop = l.stop, losses = losses + 1,"

BUGS = {
    "fence": ("complete.lua", _FENCE, _NO_FENCE),
    "repool": (
        "_prelude.lua",
        _REPOOL,
        f"{_TWICE} many = many, loser = loser}})\n{_REPOOL}",
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
    assert text.count(right) == 1, f"{script} has changed: plant {bug} anew"
    path.write_text(text.replace(right, wrong))
    return folder
