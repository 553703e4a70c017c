"""The ancestor's metrics of adaptive chunks and tiles, from a job's own timeline."""

from hydra.model.annex import Annex

ANNEX = Annex(routes=("hydra.adaptive.routes:AdaptiveRoutes",))
