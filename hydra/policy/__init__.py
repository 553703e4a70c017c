"""Decisions: numbers in, a decision with its `why` out. No clock, no settings, no I/O.

The live system, the simulator and a notebook call the very same functions.
"""
