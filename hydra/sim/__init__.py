"""The simulator: whole fleets in virtual time, over the real services, policies and store.

The problem: sizing and splitting are judged by how unequal, changing fleets finish. Few people have
such a fleet, and it is never the same twice. The idea: discrete events. A worker's speed over time
is a curve that is drawn first, so the moment of its next call to the store follows from the curve;
that call then goes through the real services, policies and memory store. What a policy would do in
a real fleet it does here, and every run checks the invariants and the exact answer. Rejected: a
model of the policy (it drifts from the code), and an act of the loop for every slice (an hour of a
fleet would take an hour).

What is exact: every rule of the store, the worker's own loop with its lanes (what is claimed and
handed in while the kernel computes, the heart, the bell), the reaper's passes when a lease may end,
slices as the grid on which hand-ins and cuts fall, lost work, new sessions after a loss, rates as
the store learns them. What a call carries takes its time on the link before the store sees it.

What is not: all but the bytes of a call is in the store as it is sent, and its answer comes a round
trip later; a worker knows at once how long a slice is; a slice ends where the loop has something to
see to, not every 0.1 s; shifts have no end; machines no longer change after ten times the ideal
duration.

In a fleet with `quiet` beats, a heartbeat is no event, and neither is a hand-in of a lease that
goes on. It is done later, with the effect and the moment that it would have had: when its worker's
next event comes, or when somebody looks at the lease because it seems late, or to cut it. A worker
whose lease was cut or lost sends its next heartbeat as an event. Until a quiet heartbeat is done,
it is missing from the fleet's sum of rates and the job's count of done units, and its worker knows
of the job what the reaper's last pass saw. Who computes does not hear the bell there, so
that up to a fifth of a small fleet's calls are missing. Where owners leave less than a tenth of a
machine's speed, a quiet fleet comes out up to four points slower than one that is heard.
"""
