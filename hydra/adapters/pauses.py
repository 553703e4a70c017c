"""Why the workers of this machine take no work now: the orders, hours and load of its owner."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from hydra.adapters import owner
from hydra.clock import Clock
from hydra.errors import BadSetting
from hydra.model.pauses import Pause, parse_hours
from hydra.policy import pausing
from hydra.settings import Settings


def pause_check(settings: Settings, clock: Clock) -> Callable[[], Pause | None]:
    """A function that says why the workers of this machine take no work now, or gives None.

    Raises BadSetting if the owner's load should be watched but cannot be measured here.
    """
    hours, load_max = parse_hours(settings.work_hours), settings.owner_load_max
    if load_max and not (settings.nice and owner.load_is_told()):
        raise BadSetting(
            "HYDRA_OWNER_LOAD_MAX needs Linux and a HYDRA_NICE above 0: only niced work can be "
            "told from the owner's",
            field="HYDRA_OWNER_LOAD_MAX",
        )
    watched = owner.Load(settings.state_dir, clock) if load_max else None

    def ask() -> Pause | None:
        now_s = clock.wall_s()
        local = datetime.fromtimestamp(now_s)
        day_s = local.hour * 3600 + local.minute * 60 + local.second
        load, was_over = watched.look() if watched else (None, False)
        if watched and load is not None:
            watched.judged(pausing.over(load, was_over, load_max))
        ordered_s = owner.ordered_until_s(settings.state_dir)
        facts = pausing.Facts(now_s, day_s, ordered_s, load, was_over)
        return pausing.decide(facts, hours, load_max)

    return ask
