"""The processes: supervisor, workers, reaper, scheduler, and `up`, which starts them all."""
