"""A contest as a picture: each policy's efficiencies, seed by seed, and their spread."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hydra.errors import Unavailable
from hydra.sim.contest import Contest, Row


def plot(contest: Contest, rows: Sequence[Row], kind: str) -> bytes:
    """The picture as an svg, png or pdf file. Raises Unavailable without matplotlib."""
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise Unavailable("plots need matplotlib: pip install 'hydra[plot]'") from None
    figure = Figure(figsize=(8, 1.2 + 0.6 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    efficiencies = [[100 * run.efficiency for run in row.runs] for row in rows]
    axes.boxplot(efficiencies, orientation="horizontal", whis=(5, 95), showfliers=False)
    for place, values in enumerate(efficiencies, 1):
        axes.plot(values, [place] * len(values), ".", color="#1f6f6d", alpha=0.5)
    axes.set_yticks(range(1, len(rows) + 1), [row.policy for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the bound; boxes are quartiles, whiskers 5 % and 95 %")
    axes.set_title(
        f"{contest.scenario}: ideal {contest.ideal_s:g} s, a chunk costs "
        f"{1000 * contest.overhead_s:g} ms, {contest.seeds} seeds"
    )
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    found = io.BytesIO()
    with rc_context({"svg.hashsalt": contest.scenario}):
        figure.savefig(found, format=kind, dpi=120, metadata=dates)
    return found.getvalue()
