"""A nemesis for a fleet of real processes. Seeded; `make chaos`, or one short seed as a test."""
