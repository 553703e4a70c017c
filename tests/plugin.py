"""Gives processes a kernel as an installed package would: by an entry point."""

from __future__ import annotations

from pathlib import Path


def plugin(folder: Path, module: str) -> str:
    """A new folder; whoever has it on PYTHONPATH finds the kernel `module`."""
    name = module.rpartition(".")[2]
    record = folder / "plugins" / f"{name}-1.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (record / "entry_points.txt").write_text(f"[hydra.kernels]\n{name} = {module}\n")
    return str(record.parent)
