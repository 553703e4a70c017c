"""Percolation as a workload for Hydra; the kernel is `hydra_percolation.percolation`."""
