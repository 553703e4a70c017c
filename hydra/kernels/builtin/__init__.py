"""The kernels that come with Hydra: each file is one, and nobody else names it."""
