"""What `hydra profile` writes: two tables, one plot, and a few lines to read."""

from __future__ import annotations

from typing import Any

from hydra.model.profile import table

CHUNKS = ("worker", "start", "stop", "lent_at", "ended_at", "busy_s", "end")
THROUGHPUT = ("from", "to", "units_s")


def files_of(job: dict[str, Any], profile: dict[str, Any], kind: str) -> dict[str, bytes]:
    """The files by name; `kind` is the plot's format, or csv for the tables alone.

    Raises Unavailable if a plot is wanted and matplotlib is missing.
    """
    found = {
        "chunks.csv": table(profile["chunks"], CHUNKS).encode(),
        "throughput.csv": table(profile["throughput"], THROUGHPUT).encode(),
    }
    if kind != "csv":
        from hydra.cli.plot import plot

        found[f"profile.{kind}"] = plot(job, profile, kind)
    return found


def summary(job: dict[str, Any], profile: dict[str, Any]) -> str:
    """The figures, for people."""
    count, noun = job["unit_holds"]["count"], job["unit_holds"]["noun"]
    efficiency, lasted_s = profile["efficiency"], profile["makespan_s"]
    text = (
        "unknown"
        if efficiency is None
        else (
            f"{efficiency:.1%} of the bound: {lasted_s:.2f} s, against {profile['bound_s']:.2f} s "
            "if its workers had computed all the time"
        )
    )
    lines = [f"efficiency {text}"]
    if not profile["whole"]:
        lines.append("the timeline has dropped its oldest chunks; this tells of the rest")
    for share in profile["workers"]:
        busy = share["busy_s"] / lasted_s if lasted_s else 0.0
        lines.append(
            f"{share['worker']:<32}  {share['chunks']:>6} chunks  {share['units']:>10} units  "
            f"busy {busy:6.1%}  {share['units_s'] * count:.3g} {noun}/s"
        )
    return "\n".join(lines)
