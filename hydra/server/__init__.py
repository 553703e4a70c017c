"""The Redis that we start and reach."""
