"""The compiled editions of what the kernels compute, and their C."""
