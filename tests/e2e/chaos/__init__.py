"""A nemesis for a fleet of real processes: nothing is lost, and nothing counted twice.

Two reapers, two schedulers, three stock RQ workers and two of ours work on jobs that clients open
all the time. Each process reaches Redis through a door of its own (`doors`); a schedule drawn from
a seed (`schedule`) says which fault strikes whom, when and for how long. All the while every open
job is read and `hydra.model.invariants.violations` asked (`watch`), and something must move within
a minute unless a fault stops everything (`standstill`). At the end each answer must be that of one
process, bit for bit (`load`), each submit must have opened one job, and every message that was ever
sent is sent once more and must change nothing (`nemesis`).

What the faults are for, by the rows of the fault matrix:

    row  what goes wrong                            faults
    F1   a work-horse is killed                     kill-horse
    F2   only its worker is killed                  kill-parent
    F3   both are killed: loss of power             kill-worker
    F4   a machine sleeps, and wakes                stop-worker stop-horse
    F5   a scheduler is killed, or hangs            kill-scheduler stop-scheduler
    F6   a reaper is killed during its pass         kill-reaper
    F7   two reapers; one; none                     stop-reaper no-reaper
    F8   Redis is restarted in order                restart-redis
    F9   Redis is killed under load                 kill-redis
    F10  Redis loses the end of its log             cut-log
    F11  the log is damaged                         flip-log
    F12  Redis comes back empty                     empty-redis
    F13  a partition, in one or both directions     partition cut-off half-open lost-replies refused
                                                    slow
    F15  a delivery comes twice                     doubled-queue repeated
    F16  messages come late, or in another order    late-requests repeated slow
    F17  a clock jumps by days                      skewed-clock
    F18  no memory is left                          full-memory
    F19  the server is told to evict                evicting
    F20  no disk is left                            full-disk
    F23  requests that can never be right           bad-bodies
    F26  another edition of a kernel                other-edition
    F27  Redis stands still                         stop-redis slow-redis
    F28  a unit that no worker survives             poison
    F29  a job is cancelled while it runs           cancel
    F30  the queue is deleted                       lost-queue

Redis writes its log `always` and `everysec` in turn. Redis' log has no checksums: flip-log damages
its structure, which Redis refuses; a damaged value would pass, and only a copy helps against it.
Rows F14, F21, F22, F24 and F25 are about volunteers, which this fleet has none of.
"""
