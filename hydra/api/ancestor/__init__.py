"""The endpoints of Hydra's ancestors, as a thin compatible surface."""
