"""The simulator: whole fleets in virtual time, over the real services, policies and store.

The problem: sizing and splitting are judged by how unequal, changing fleets finish. Few people have
such a fleet, and it is never the same twice. The idea: discrete events. A worker's speed over time
is a curve that is drawn first, so the moment of its next call to the store follows from the curve;
that call then goes through the real services, policies and memory store. What a policy would do in
a real fleet it does here, and every run checks the invariants and the exact answer. Rejected: a
model of the policy (it drifts from the code), and running the worker's loop slice by slice (an hour
of a fleet would take an hour).

What is exact: every rule of the store, the reaper's passes when a lease may end, heartbeats with
their prefix commits, slices as the grid on which hand-ins and cuts fall, the end of a chunk at
OVERTIME times its planned time, idle polls, the bell, lost work, new sessions after a loss, rates
as the store learns them.

What is not: a call changes the store when it is sent, and the worker computes on when the reply is
there; a worker knows at once how long a slice is; RQ's own 15 ms for each shift of 10 s are left
out; machines no longer change after ten times the ideal duration; idle workers look at the clock
together, every 0.25 s.

In a fleet with `quiet` beats, a heartbeat is no event. It is done later, with the effect and the
moment that it would have had: when its worker's next event comes, or when somebody looks at the
lease because it seems late, or to cut it. A worker whose lease was cut or lost sends its next
heartbeat as an event. Until a quiet heartbeat is done, it is missing from the fleet's sum of rates
and the job's count of done units, and its worker knows of the job what the reaper's last pass saw.
"""
