"""Whole fleets in virtual time: seeded, so that a bound that fails once fails always."""
