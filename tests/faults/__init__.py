"""Hydra under seeded faults: the real worker, services and stores in virtual time.

The problem: a fault that loses or repeats work does so in one order of events out of very many, and
real processes meet few of those orders. The idea: every process of a fleet (workers, reapers, a
client) is a greenlet that yields wherever real code would wait, so that one seed decides the order
of everything, and a schedule of half a minute takes milliseconds. Between a process and the store
lies a network that delays, loses, repeats and reorders requests and replies. After each step of the
store the invariants are checked; when the faults end, every job must end with the right answer.
Rejected: threads that pass a baton (ten times slower), and async editions of the worker (another
worker than the one that runs).

    python -m tests.faults --seeds 10000       many schedules, and how many a minute
    python -m tests.faults --seed 123 --trace  one, told event by event
"""
