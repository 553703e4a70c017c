"""A job's profile as one picture: who worked when, throughput, sizes of chunks, busy shares.

matplotlib is an extra; it is imported here only, when a plot is wanted. Figures are made without
pyplot, which keeps them in a global list, and carry no date: the same job gives the same file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hydra.errors import Unavailable
from hydra.model import End
from hydra.model.profile import END_WORDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORKERS_MAX = 40
"""Rows of the chart: those that did most."""

COLOURS = {
    End.COMPLETE: "#1f6f6d",
    End.CUT: "#74b3b0",
    End.RETURN: "#9aa8a8",
    End.LOST: "#d9822b",
    End.EXPIRE: "#a8261c",
}
SCALES = ((7200, 3600, "hours"), (180, 60, "minutes"), (0, 1, "seconds"))
"""Shortest job in s for which a unit of time is used, its length in s, its name."""


def plot(job: dict[str, Any], profile: dict[str, Any], kind: str) -> bytes:
    """The picture as a file of that kind: png, pdf or svg.

    Raises Unavailable without matplotlib.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError:
        raise Unavailable(
            "plots need matplotlib: pip install 'hydra[plot]', or take --format csv"
        ) from None
    began = _at(profile["began_at"])
    length, noun = next(
        (length, noun) for least, length, noun in SCALES if profile["makespan_s"] >= least
    )

    def since(text: str) -> float:
        return (_at(text) - began) / length

    figure = Figure(figsize=(12, 8.5), layout="constrained")
    places = figure.subplot_mosaic("ttt;abc", height_ratios=(4, 3))
    top, *below = (places[place] for place in "tabc")
    bars = [
        (chunk, since(chunk["lent_at"]), since(chunk["ended_at"])) for chunk in profile["chunks"]
    ]
    shares = sorted(profile["workers"], key=lambda share: -share["busy_s"])[:WORKERS_MAX]
    names = sorted(share["worker"] for share in shares)
    _gantt(top, names, bars)
    _throughput(below[0], job, profile["throughput"], since)
    _sizes(below[1], bars)
    _shares(below[2], names, profile)
    for axes in (top, *below[:2]):
        axes.set_xlabel(f"{noun} since {profile['began_at'].replace('T', ' ')[:19]} UTC")
        axes.set_xlim(0)
    figure.suptitle(_title(job, profile))
    if bars:
        figure.legend(loc="outside lower center", ncols=len(COLOURS), fontsize=9, frameon=False)
    found = io.BytesIO()
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    with rc_context({"svg.hashsalt": job["id"]}):
        figure.savefig(found, format=kind, dpi=120, metadata=dates)
    return found.getvalue()


def _at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _title(job: dict[str, Any], profile: dict[str, Any]) -> str:
    said = profile["efficiency"]
    near = "" if said is None else f", efficiency {said:.1%}"
    return f"{job['kernel']} {job['id'][:8]}: {job['state']}, {profile['makespan_s']:.4g} s{near}"


Bars = Sequence[tuple[dict[str, Any], float, float]]
"""Each chunk with its begin and end."""


def _gantt(axes: Axes, names: list[str], bars: Bars) -> None:
    row = {name: number for number, name in enumerate(names)}
    for end, colour in COLOURS.items():
        own = [bar for bar in bars if bar[0]["end"] == end and bar[0]["worker"] in row]
        if own:
            axes.barh(
                [row[chunk["worker"]] for chunk, _, _ in own],
                [to - at for _, at, to in own],
                left=[at for _, at, _ in own],
                height=0.8,
                color=colour,
                edgecolor="white",
                linewidth=0.3,
                label=END_WORDS[end],
            )
    axes.set_yticks(range(len(names)), names, fontsize=7 if len(names) > 16 else 9)
    axes.invert_yaxis()
    axes.set_title("Chunks of each worker, from lending to end")


def _throughput(
    axes: Axes, job: dict[str, Any], parts: Sequence[dict[str, Any]], since: Any
) -> None:
    count, noun = job["unit_holds"]["count"], job["unit_holds"]["noun"]
    if parts:
        edges = [since(parts[0]["from"]), *(since(part["to"]) for part in parts)]
        axes.stairs(
            [part["units_s"] * count for part in parts],
            edges,
            fill=True,
            alpha=0.4,
            color=COLOURS[End.COMPLETE],
        )
    axes.set_title(f"Throughput, {noun} a second")


def _sizes(axes: Axes, bars: Bars) -> None:
    sizes = [(at, chunk["stop"] - chunk["start"]) for chunk, at, _ in bars]
    known = [(at, units) for at, units in sizes if units]
    axes.plot(
        [at for at, _ in known],
        [units for _, units in known],
        ".",
        markersize=3,
        color=COLOURS[End.COMPLETE],
    )
    if known:
        axes.set_yscale("log")
    axes.set_title("Units of each chunk, when it was lent")


def _shares(axes: Axes, names: list[str], profile: dict[str, Any]) -> None:
    busy = {share["worker"]: share["busy_s"] for share in profile["workers"]}
    lasted_s = profile["makespan_s"] or 1.0
    axes.barh(
        range(len(names)),
        [100 * busy[name] / lasted_s for name in names],
        color=COLOURS[End.COMPLETE],
    )
    axes.set_yticks(range(len(names)), names, fontsize=6 if len(names) > 16 else 8)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_title("Busy, % of the time")
