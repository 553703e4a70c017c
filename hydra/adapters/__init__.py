"""The rest of the outside world: RQ, and the server that Hydra starts for itself."""
