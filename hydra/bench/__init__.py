"""`hydra bench`: how close a real fleet of unequal workers comes to its bound.

The problem: efficiency is work divided by what the workers could do alone, and few people own
eight machines that differ 27 to 1 and stay as they are for an hour. The idea: real worker
processes on one machine, each in a cgroup that gives it a fixed share of a core, beside the
product's own server, scheduler and reaper. Each worker's speed alone is measured under its quota
while the services run; then a job; then the speeds again, because machines drift.

Work is counted in core-seconds: the time that one unthrottled thread took for a unit when the
reference answer was made. So a picture, whose tiles differ, has the same bound as points, which do
not. Rejected: sleeping kernels (they measure a sleep), `nice` (no fixed share), containers (they
need a daemon and add nothing to what their cgroup does).

One machine is not eight: caches, memory and the clock of the cores are shared, and nothing here has
a slow link.
"""
