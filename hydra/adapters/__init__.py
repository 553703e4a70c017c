"""Adapters of the ports: RQ's queue, a queue in memory, and what the machine's owner wants."""
