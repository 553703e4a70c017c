"""The accounts in Redis: the edition that runs."""
